package ref

import "math"

// InfoNCE is the mean over rows n of −log softmax(x)[n, n], x [N M] with M ≥ N, result [1]. With onlyOwn, the columns below N other than n do not
// count. Source: van den Oord et al. 2018, arXiv:1807.03748, eq. 4; He et al. 2019, arXiv:1911.05722, eq. 1.
func InfoNCE(x *Tensor, onlyOwn bool) *Tensor {
	loss := New(1)
	for n := range x.Rows() {
		row := From(append([]float64{}, x.Row(n)...), 1, x.Last())
		if onlyOwn {
			for j := range x.Rows() {
				if j != n {
					row.Data[j] = math.Inf(-1)
				}
			}
		}
		loss.Data[0] -= LogSoftmax(row, 1).Data[n] / float64(x.Rows())
	}
	return loss
}

// Push writes row n of x [N D] to row (first + n) mod K of a copy of queue [K D].
func Push(queue, x *Tensor, first int) *Tensor {
	y := queue.Clone()
	for n := range x.Rows() {
		copy(y.Row((first+n)%y.Rows()), x.Row(n))
	}
	return y
}

// NearestRows returns, for each row of x [N D], the row of candidates [K D] with the greatest dot product, the first of equal ones.
func NearestRows(x, candidates *Tensor) *Tensor {
	similarities, y := MatMul(x, candidates, false, true), New(x.Shape...)
	for n := range x.Rows() {
		best := 0
		for j, v := range similarities.Row(n) {
			if v > similarities.Row(n)[best] {
				best = j
			}
		}
		copy(y.Row(n), candidates.Row(best))
	}
	return y
}

// Sinkhorn is exp(x/ε), x [N K], whose columns and rows are then divided by their sums, three times. Rows below `queued` are first multiplied by use.
// Source: Caron et al. 2020, arXiv:2006.09882, appendix A.
func Sinkhorn(x *Tensor, epsilon float64, queued int, use float64) *Tensor {
	most := math.Inf(-1)
	for _, v := range x.Data {
		most = max(most, v)
	}
	y := mapped(x, func(v float64) float64 { return math.Exp((v - most) / epsilon) })
	for n := range queued {
		for k := range y.Row(n) {
			y.Row(n)[k] *= use
		}
	}
	for range 3 {
		for k := range x.Last() {
			sum := 0.0
			for n := range x.Rows() {
				sum += y.Row(n)[k]
			}
			for n := range x.Rows() {
				y.Row(n)[k] /= sum
			}
		}
		for n := range x.Rows() {
			sum := 0.0
			for _, v := range y.Row(n) {
				sum += v
			}
			for k := range y.Row(n) {
				y.Row(n)[k] /= max(sum, math.SmallestNonzeroFloat64)
			}
		}
	}
	return y
}

// KoLeo is −mean_n log(‖x_n − x_i + ε‖ + ε), ε = 1e-8, x [N D], where i is the row other than n with the greatest dot product x_n·x_i, the first of equal ones.
// The result has shape [1]. Source: Sablayrolles et al. 2019, arXiv:1806.03198, section 3; facebookresearch/dinov2, loss/koleo_loss.py.
func KoLeo(x *Tensor) *Tensor {
	const eps = 1e-8
	similarities, loss := MatMul(x, x, false, true), New(1)
	for n := range x.Rows() {
		nearest, row := -1, similarities.Row(n)
		for i, v := range row {
			if i != n && (nearest < 0 || v > row[nearest]) {
				nearest = i
			}
		}
		squares := 0.0
		for k, v := range x.Row(n) {
			squares += math.Pow(v-x.Row(nearest)[k]+eps, 2)
		}
		loss.Data[0] -= math.Log(math.Sqrt(squares)+eps) / float64(x.Rows())
	}
	return loss
}
