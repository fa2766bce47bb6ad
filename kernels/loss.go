package kernels

// CrossEntropy is the mean over rows with a target t ≥ 0 of −log softmax(x)[t], for x [N K] and targets [N] (I32), as
// torch.nn.functional.cross_entropy with ignore_index −1; with no such row it is 0. Shape [1]. Backward keeps x and the rows' log-sum-exp.
func CrossEntropy(x, targets *Tensor) *Tensor {
	g := x.g
	wantShape("CrossEntropy", x, 2)
	if targets.dtype != I32 || product(targets.shape) != x.Rows() {
		misuse("CrossEntropy", "%v with targets %v: want %d of type I32", x, targets, x.Rows())
	}
	rows, q, width := x.Rows(), x.quads(), x.Width()
	row := g.alloc("cross entropy rows", F32, []int{rows, lanes})
	g.run(launch{kernel: "cross_entropy", rows: 1, binds: []bind{whole(x), whole(targets), wholeOut(row)},
		push:   func(_, _ int) []uint32 { return push(rows, q, width) },
		groups: func(int) [3]uint32 { return groups1(rows, 32) }})
	loss, mean := g.meanLoss("CrossEntropy", row, rows, x)
	g.vjp(loss, func(dl *Tensor) {
		dx, add := g.gradient(x)
		g.run(launch{kernel: "cross_entropy_back", rows: 1,
			binds:  []bind{whole(x), whole(targets), whole(row), whole(mean), whole(dl), wholeOut(dx)},
			push:   func(_, _ int) []uint32 { return push(rows, q, width, add) },
			groups: func(int) [3]uint32 { return groups1(rows*q, 32) }})
	})
	return loss
}

// meanLoss is the mean of row losses (loss, weight, …) and the same with the sum of weights beside it.
func (g *Graph) meanLoss(op string, row *Tensor, rows int, from *Tensor) (loss, mean *Tensor) {
	loss, mean = g.result(op, []int{1}, from), g.alloc("mean", F32, []int{lanes})
	row, rows = g.sums(row, rows, 1)
	g.run(launch{kernel: "mean", rows: 1, binds: []bind{whole(row), wholeOut(loss), wholeOut(mean)},
		push:   func(_, _ int) []uint32 { return push(rows) },
		groups: func(int) [3]uint32 { return [3]uint32{1, 1, 1} }})
	return loss, mean
}

// NTXent is SimCLR's loss (Chen et al. 2020, arXiv:2002.05709, eq. 1) of z [2N D], rows of norm 1, where rows i and i+N are two views of one image:
//
//	mean over i of −s_ip + log Σ_{j≠i} exp s_ij,  s = z·zᵀ/τ,  p the other view of i
//
// Only i itself is masked: the positive stays in the denominator. The paper's own code adds both halves' means up, which is twice this
// (google-research/simclr, objective.py). Shape [1]. Backward keeps s: with respect to z it is
// dz_i = 1/(2Nτ)·Σ_{j≠i} (p_ij + p_ji − 2·[j = p])·z_j, p_ij = exp(s_ij − lse_i).
func NTXent(z *Tensor, temperature float64) *Tensor {
	g := z.g
	wantShape("NTXent", z, 2)
	wantTemperature("NTXent", temperature)
	rows, scale := z.Rows(), 1/temperature
	if rows%2 != 0 {
		misuse("NTXent", "%v: want two views, the same number of rows of each", z)
	}
	sim := g.alloc("similarities", F32, []int{rows, rows})
	g.gemm(sim, 0, z, z, false, true, z.Width())
	q := sim.quads()
	row := g.alloc("NT-Xent rows", F32, []int{rows, lanes})
	g.run(launch{kernel: "ntxent", rows: rows, binds: []bind{in(sim), out(row)},
		push:   func(first, n int) []uint32 { return push(n, first, rows, q, scale) },
		groups: func(n int) [3]uint32 { return groups1(n, 32) }})
	loss, _ := g.meanLoss("NTXent", row, rows, z)
	g.vjp(loss, func(dl *Tensor) {
		weights := g.alloc("NT-Xent weights", F32, []int{rows, rows})
		g.run(launch{kernel: "ntxent_back", rows: rows, binds: []bind{in(sim), whole(row), whole(dl), out(weights)},
			push:   func(first, n int) []uint32 { return push(n, first, rows, q, scale) },
			groups: func(n int) [3]uint32 { return groups1(n*q, 32) }})
		dz, add := g.gradient(z)
		g.gemm(dz, add, weights, z, false, false, rows)
	})
	return loss
}
