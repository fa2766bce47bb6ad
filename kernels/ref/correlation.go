package ref

import "math"

// CenterColumns is x minus the mean of each column; x and y [N D].
func CenterColumns(x *Tensor) *Tensor { return Bias(x, Scale(ColumnMean(x), -1)) }

// CorrelationLoss is Σ_i (1 − c_ii)² + λ·Σ_{i≠j} c_ij²; c [D D], result [1]. Source: Zbontar et al. 2021, arXiv:2103.03230, eq. 1.
func CorrelationLoss(c *Tensor, lambda float64) *Tensor {
	wantShape("CorrelationLoss", "c", c, c.Last(), c.Last())
	loss := New(1)
	for i := range c.Rows() {
		for j, v := range c.Row(i) {
			if i == j {
				loss.Data[0] += (1 - v) * (1 - v)
			} else {
				loss.Data[0] += lambda * v * v
			}
		}
	}
	return loss
}

// CovarianceLoss is variance·Σ_i max(0, 1 − √(c_ii + 1e-4)) + covariance·Σ_{i≠j} c_ij²; c [D D], result [1].
// Source: Bardes et al. 2022, arXiv:2105.04906, eq. 1 to 4.
func CovarianceLoss(c *Tensor, variance, covariance float64) *Tensor {
	wantShape("CovarianceLoss", "c", c, c.Last(), c.Last())
	loss := New(1)
	for i := range c.Rows() {
		for j, v := range c.Row(i) {
			if i == j {
				loss.Data[0] += variance * max(0, 1-math.Sqrt(v+1e-4))
			} else {
				loss.Data[0] += covariance * v * v
			}
		}
	}
	return loss
}

// MeanSquare is the mean of x², any shape; result [1].
func MeanSquare(x *Tensor) *Tensor { return From([]float64{Dot(x, x) / float64(len(x.Data))}, 1) }
