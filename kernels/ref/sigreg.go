package ref

import "math"

// SIGReg is the mean over the columns of u [N S] of T = N·Σ_k w_k·φ_k·((mean cos t_k·u − φ_k)² + (mean sin t_k·u)²), t_k = 3k/16, φ_k = exp(−t_k²/2),
// k = 0 … 16, with w_k = 3/8, and 3/16 at both ends; result [1]. Source: rbalestr-lab/lejepa, univariate/epps_pulley.py.
func SIGReg(u *Tensor) *Tensor {
	const knots, step = 17, 3.0 / 16
	loss, n := New(1), float64(u.Rows())
	for c := range u.Last() {
		for k := range knots {
			t, weight := float64(k)*step, 2*step
			if k == 0 || k == knots-1 {
				weight = step
			}
			cosine, sine, normal := 0.0, 0.0, math.Exp(-t*t/2)
			for r := range u.Rows() {
				cosine += math.Cos(t*u.Row(r)[c]) / n
				sine += math.Sin(t*u.Row(r)[c]) / n
			}
			loss.Data[0] += n * weight * normal * ((cosine-normal)*(cosine-normal) + sine*sine) / float64(u.Last())
		}
	}
	return loss
}
