package ref

import "math"

// NormEps is the smallest norm by which L2Normalize divides: PyTorch's default in torch.nn.functional.normalize.
const NormEps = 1e-12

// L2Normalize divides each row by its 2-norm: y_i = x_i / max(‖x_i‖₂, NormEps), x and y [N D]. A row of zeros stays zero.
func L2Normalize(x *Tensor) *Tensor {
	y := New(x.Shape...)
	for i := range x.Rows() {
		norm := max(math.Sqrt(dot(x.Row(i), x.Row(i))), NormEps)
		for j, v := range x.Row(i) {
			y.Row(i)[j] = v / norm
		}
	}
	return y
}

// LogSoftmax is y_ij = x_ij/T − log Σ_k exp(x_ik/T) over the last axis, T the temperature; x and y [N D].
func LogSoftmax(x *Tensor, temperature float64) *Tensor {
	y := New(x.Shape...)
	for i := range x.Rows() {
		largest, rest := logSumExp(x.Row(i), temperature, -1)
		for j, v := range x.Row(i) {
			y.Row(i)[j] = v/temperature - largest - rest
		}
	}
	return y
}

// Softmax is y_ij = exp(x_ij/T) / Σ_k exp(x_ik/T) over the last axis, T the temperature; x and y [N D].
func Softmax(x *Tensor, temperature float64) *Tensor {
	return mapped(LogSoftmax(x, temperature), math.Exp)
}

// CrossEntropy is the mean of −log softmax(logits)[i, targets[i]] over the rows whose target is ≥ 0. The other rows
// count neither in the sum nor in the number of rows. logits [N K], targets [N] in −1 … K−1, result [1].
// Without any counted row it is 0, so that a batch without labels has no effect, while PyTorch
// (torch.nn.functional.cross_entropy with ignore_index −1) returns NaN.
func CrossEntropy(logits *Tensor, targets []int32) *Tensor {
	return SmoothedCrossEntropy(logits, targets, 0)
}

// SmoothedCrossEntropy is CrossEntropy with label smoothing: the mean of −(1 − s)·log softmax(logits)[i, targets[i]] − s·mean_k log softmax(logits)[i, k].
// Source: Szegedy et al. 2015, arXiv:1512.00567, section 7.
func SmoothedCrossEntropy(logits *Tensor, targets []int32, smoothing float64) *Tensor {
	wantShape("CrossEntropy", "logits", logits, len(targets), -1)
	logp, loss, counted := LogSoftmax(logits, 1), New(1), 0
	for i, target := range targets {
		if int(target) >= logits.Last() {
			fail("CrossEntropy", "target outside the classes (logits, row, target)", logits, i, target)
		}
		if target >= 0 {
			loss.Data[0] -= (1 - smoothing) * logp.Row(i)[target]
			for _, v := range logp.Row(i) {
				loss.Data[0] -= smoothing / float64(logits.Last()) * v
			}
			counted++
		}
	}
	loss.Data[0] /= float64(max(counted, 1))
	return loss
}

// SoftCrossEntropy is the mean over rows of −Σ_k targets_nk·log softmax(logits/T)_nk, T the temperature; logits and targets [N K], result [1].
// Source: Caron et al. 2021, arXiv:2104.14294, eq. 3.
func SoftCrossEntropy(logits, targets *Tensor, temperature float64) *Tensor {
	sameShape("SoftCrossEntropy", logits, targets)
	loss := New(1)
	loss.Data[0] = -Dot(targets, LogSoftmax(logits, temperature)) / float64(logits.Rows())
	return loss
}

// CenteredSoftmax is softmax((x − c)/T) over the last axis, c [K] the center and T the temperature; x and the result [N K].
// Source: Caron et al. 2021, arXiv:2104.14294, section 3.1.
func CenteredSoftmax(x, c *Tensor, temperature float64) *Tensor {
	return Softmax(Bias(x, Scale(c, -1)), temperature)
}

// ColumnMean is the mean over rows: x [N K] to [K].
func ColumnMean(x *Tensor) *Tensor {
	y := New(x.Last())
	for i, v := range x.Data {
		y.Data[i%x.Last()] += v / float64(x.Rows())
	}
	return y
}

// Cosine is the mean over rows of cos(a_n, b_n), norms at least NormEps; a and b [N D], result [1].
func Cosine(a, b *Tensor) *Tensor {
	mean := New(1)
	mean.Data[0] = Dot(L2Normalize(a), L2Normalize(b)) / float64(a.Rows())
	return mean
}

// CosineLoss is the mean over rows of 2 − 2·cos(p_n, z_n); p and z [N D], result [1]. Source: Grill et al. 2020, arXiv:2006.07733, eq. 2.
func CosineLoss(p, z *Tensor) *Tensor {
	return mapped(Cosine(p, z), func(v float64) float64 { return 2 - 2*v })
}

// NTXent is SimCLR's loss over normalized embeddings z [2N D], where rows i and i+N are the two views of image i:
//
//	ℓ(i,j) = −log( exp(z_i·z_j/T) / Σ_{k≠i} exp(z_i·z_k/T) ), loss = mean of ℓ(i, i±N) over the 2N rows
//
// Only k = i is left out of the denominator; the positive stays in. T is the temperature, and the result has shape [1].
// Source: Chen et al. 2020, arXiv:2002.05709, eq. 1 and algorithm 1. The official code adds the means of both directions, which is twice this value.
func NTXent(z *Tensor, temperature float64) *Tensor {
	return contrast("NTXent", z, temperature, false)
}

// DecoupledNTXent is NTXent without the positive in the denominator. z has at least 4 rows.
// Source: Yeh et al. 2021, arXiv:2110.06848, section 3.
func DecoupledNTXent(z *Tensor, temperature float64) *Tensor {
	return contrast("DecoupledNTXent", z, temperature, true)
}

func contrast(op string, z *Tensor, temperature float64, decoupled bool) *Tensor {
	wantShape(op, "z", z, -1, -1)
	rows := z.Rows()
	if rows < 2 || rows%2 != 0 || decoupled && rows < 4 {
		fail(op, "z needs two views of each image: an even number of rows", z)
	}
	similarity, loss := MatMul(z, z, false, true), New(1)
	for i := range rows {
		other := (i + rows/2) % rows
		row := similarity.Row(i)
		positive := row[other] / temperature
		if decoupled {
			row[other] = math.Inf(-1)
		}
		largest, rest := logSumExp(row, temperature, i)
		loss.Data[0] += (largest - positive + rest) / float64(rows)
	}
	return loss
}

// logSumExp returns log Σ exp(row_j/T) over all j but skip (−1: none) as a sum of two numbers: the largest term, and the logarithm of the sum
// relative to it. Callers add them late, since adding `rest` to a large number rounds it.
func logSumExp(row []float64, temperature float64, skip int) (largest, rest float64) {
	largest = math.Inf(-1)
	for j, v := range row {
		if j != skip {
			largest = max(largest, v/temperature)
		}
	}
	sum := 0.0
	for j, v := range row {
		if j != skip {
			sum += math.Exp(v/temperature - largest)
		}
	}
	return largest, math.Log(sum)
}
