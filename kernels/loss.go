package kernels

// CrossEntropy is the mean of −log softmax(x)[t] over the rows with a target t ≥ 0, for x [N K] and targets [N] (I32), as
// torch.nn.functional.cross_entropy with ignore_index −1. Without such rows it is 0. Shape [1]. Backward keeps x and the rows' log-sum-exp.
func CrossEntropy(x, targets *Tensor) *Tensor {
	g := x.g
	wantShape("CrossEntropy", x, 2)
	if targets.dtype != I32 || product(targets.shape) != x.Rows() {
		misuse("CrossEntropy", "%v with targets %v: want %d of type I32", x, targets, x.Rows())
	}
	rows, q, width := x.Rows(), x.quads(), x.Width()
	row, group := g.alloc("cross entropy rows", F32, []int{rows, lanes}), groupOfRows(q)
	g.run(launch{kernel: "cross_entropy", spec: group.spec(), rows: rows, binds: []bind{in(x), whole(targets), out(row)},
		push:   func(first, n int) constants { return constants{"rows": n, "row0": first, "quads": q, "width": width} },
		groups: group.groups})
	loss, mean := g.meanLoss("CrossEntropy", row, rows, x)
	g.vjp(loss, func(dl *Tensor) {
		dx, add := g.gradient(x)
		g.run(launch{kernel: "cross_entropy_back", rows: rows,
			binds: []bind{in(x), whole(targets), in(row), whole(mean), whole(dl), sum(dx, add)},
			push: func(first, n int) constants {
				return constants{"rows": n, "row0": first, "quads": q, "width": width, "add": add}
			},
			groups: func(n int) [3]uint32 { return groups1(n*q, 32) }})
	})
	return loss
}

// meanLoss returns the weighted mean of row losses (loss, weight, …), and a vector of this mean and the sum of weights.
func (g *Graph) meanLoss(op string, row *Tensor, rows int, from ...*Tensor) (loss, mean *Tensor) {
	loss, mean = g.result(op, []int{1}, from...), g.alloc("mean", F32, []int{lanes})
	row, rows = g.sumLevels(row, rows, 1)
	g.run(launch{kernel: "mean", rows: 1, binds: []bind{whole(row), wholeOut(loss), wholeOut(mean)},
		push:   func(_, _ int) constants { return constants{"rows": rows} },
		groups: func(int) [3]uint32 { return [3]uint32{1, 1, 1} }})
	return loss, mean
}
