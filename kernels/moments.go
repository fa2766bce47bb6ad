package kernels

import "math"

// MomentLoss compares the columns of x [N D] with mean 0 and standard deviation 1 (the center and the scale of VISReg, arXiv:2606.02572;
// HaiyuWu/visreg, losses/visreg.py):
//
//	loss = mean_d μ_d² + (σ_d − 1)², μ_d = mean_n x, σ_d = max(√(mean_n (x − μ_d)²), 1e-6)
//
// Shape [1]. The gradient of σ is 0 where it is 1e-6. inverses [D] are 1/σ, without a gradient. Backward keeps x and two vectors.
func MomentLoss(x *Tensor) (loss, inverses *Tensor) {
	g := x.g
	wantShape("MomentLoss", x, 2)
	c4, width := x.quads(), x.Width()
	part, per, rows := g.chunkStats(x)
	part, parts, per := g.mergeStatLevels(part, per, rows, fanIn)
	means := g.alloc("means", F32, []int{width})
	inverses = g.alloc("inverse deviations", F32, []int{width})
	row := g.alloc("MomentLoss columns", F32, []int{c4, lanes})
	g.run(launch{kernel: "bn_merge.moments", rows: 1, binds: []bind{whole(part), wholeOut(means), wholeOut(inverses), wholeOut(row)},
		push: func(_, _ int) constants {
			return constants{"c4": c4, "parts": parts, "per": per, "rows": rows, "width": width}
		},
		groups: func(int) [3]uint32 { return groups1(c4, 32) }})
	loss, _ = g.meanLoss("MomentLoss", row, c4, x) // row losses have a weight of 0: their sum
	g.vjp(loss, func(dl *Tensor) {
		dx, add := g.gradient(x)
		g.run(launch{kernel: "moments_back", rows: rows, binds: []bind{in(x), whole(means), whole(inverses), whole(dl), sum(dx, add)},
			push: func(_, n int) constants {
				return constants{"rows": n, "c4": c4, "add": add, "share": 2 / float64(rows*width)}
			},
			groups: func(n int) [3]uint32 { return groups1(n*c4, 32) }})
	})
	return loss, inverses
}

// NormalScores are van der Waerden's normal scores of each row of x [M N]: y[m n] = Φ⁻¹(r/(N + 1)) for the rank r of x[m n] in its row, from 1 on; of equal
// numbers the first has the lowest rank. Φ⁻¹ are the quantiles of the standard normal distribution. x − y compares sorted numbers with these quantiles, and
// has the gradient of x. No gradient flows through y. Each number is compared with its whole row: M·N² comparisons.
func NormalScores(x *Tensor) *Tensor {
	g := x.g
	wantShape("NormalScores", x, 2)
	rows, q, width := x.Rows(), x.quads(), x.Width()
	quantiles := make([]float32, width)
	for i := range quantiles {
		quantiles[i] = float32(math.Sqrt2 * math.Erfinv(2*float64(i+1)/float64(width+1)-1))
	}
	y := g.alloc("NormalScores", F32, x.shape)
	g.run(launch{kernel: "normal_scores", rows: rows, binds: []bind{in(x), whole(g.constant("normal quantiles", quantiles)), out(y)},
		push:   func(_, n int) constants { return constants{"rows": n, "quads": q, "width": width} },
		groups: func(n int) [3]uint32 { return groups1(n*q, 32) }, work: float64(rows) * float64(width) * float64(width)})
	return y
}
