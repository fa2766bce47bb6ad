package ref

import "math"

// LayerNorm normalizes each row by its own statistics:
//
//	y = γ·(x−μ)/√(σ²+eps) + β, μ and σ² (biased) over the row
//
// x, y [.. D]; gamma, beta [D]. Source: Ba et al. 2016, arXiv:1607.06450, eq. 3 and 4; PyTorch, torch.nn.LayerNorm.
func LayerNorm(x, gamma, beta *Tensor, eps float64) *Tensor {
	d := x.Last()
	wantShape("LayerNorm", "gamma", gamma, d)
	wantShape("LayerNorm", "beta", beta, d)
	y := New(x.Shape...)
	for i := range x.Rows() {
		mean, variance := 0.0, 0.0
		for _, v := range x.Row(i) {
			mean += v / float64(d)
		}
		for _, v := range x.Row(i) {
			variance += (v - mean) * (v - mean) / float64(d)
		}
		for j, v := range x.Row(i) {
			y.Row(i)[j] = gamma.Data[j]*(v-mean)/math.Sqrt(variance+eps) + beta.Data[j]
		}
	}
	return y
}
