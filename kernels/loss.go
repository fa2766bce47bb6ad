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
	part, row := g.alloc("cross entropy shares", F32, []int{rows, shares * lanes}), g.alloc("cross entropy rows", F32, []int{rows, lanes})
	g.run(launch{kernel: "cross_entropy", rows: 1, binds: []bind{whole(x), whole(targets), wholeOut(part)},
		push:   func(_, _ int) constants { return constants{"rows": rows, "quads": q, "width": width} },
		groups: func(int) [3]uint32 { return groups1(rows, 1) }})
	g.logSumExp("logsumexp", row, part)
	loss, mean := g.meanLoss("CrossEntropy", row, rows, x)
	g.vjp(loss, func(dl *Tensor) {
		dx, add := g.gradient(x)
		g.run(launch{kernel: "cross_entropy_back", rows: 1,
			binds:  []bind{whole(x), whole(targets), whole(row), whole(mean), whole(dl), wholeOut(dx)},
			push:   func(_, _ int) constants { return constants{"rows": rows, "quads": q, "width": width, "add": add} },
			groups: func(int) [3]uint32 { return groups1(rows*q, 32) }})
	})
	return loss
}

// shares is how many lanes share a row in losses, each taking every 32nd vector, so that neighbouring lanes read neighbouring vectors.
const shares = 32

// logSumExp puts the shares of rows together, part [N shares·4] to row [N 4].
func (g *Graph) logSumExp(kernel string, row, part *Tensor) {
	g.run(launch{kernel: kernel, rows: row.Rows(), binds: []bind{in(part), out(row)},
		push:   func(_, n int) constants { return constants{"rows": n} },
		groups: func(n int) [3]uint32 { return groups1(n, 32) }})
}

// meanLoss is the mean of row losses (loss, weight, …) and the same with the sum of weights beside it.
func (g *Graph) meanLoss(op string, row *Tensor, rows int, from ...*Tensor) (loss, mean *Tensor) {
	loss, mean = g.result(op, []int{1}, from...), g.alloc("mean", F32, []int{lanes})
	row, rows = g.sums(row, rows, 1)
	g.run(launch{kernel: "mean", rows: 1, binds: []bind{whole(row), wholeOut(loss), wholeOut(mean)},
		push:   func(_, _ int) constants { return constants{"rows": rows} },
		groups: func(int) [3]uint32 { return [3]uint32{1, 1, 1} }})
	return loss, mean
}
