package kernels

// SoftCrossEntropy is the mean over rows of −Σ_k t_nk·log softmax(x/τ)_nk, for x and targets [N K]: DINO's loss between two views (Caron et al.
// 2021, arXiv:2104.14294, eq. 3), where targets are the teacher's probabilities. Shape [1]. Targets are constants and may have any sum. Backward
// keeps x, targets and the rows' log-sum-exp.
func SoftCrossEntropy(x, targets *Tensor, temperature float64) *Tensor {
	g := x.g
	wantShape("SoftCrossEntropy", x, 2)
	wantSame("SoftCrossEntropy", x, targets)
	wantTemperature("SoftCrossEntropy", temperature)
	if targets.needs {
		misuse("SoftCrossEntropy", "targets %v have a gradient: pass StopGrad of them", targets)
	}
	rows, q, width, scale := x.Rows(), x.quads(), x.Width(), 1/temperature
	row, group := g.alloc("soft cross entropy rows", F32, []int{rows, lanes}), groupOfRows(q)
	g.run(launch{kernel: "soft_cross_entropy", spec: group.spec(), rows: rows, binds: []bind{in(x), in(targets), out(row)},
		push:   func(_, n int) constants { return constants{"rows": n, "quads": q, "width": width, "scale": scale} },
		groups: group.groups})
	loss, _ := g.meanLoss("SoftCrossEntropy", row, rows, x)
	g.vjp(loss, func(dl *Tensor) {
		dx, add := g.gradient(x)
		g.run(launch{kernel: "soft_cross_entropy_back", rows: rows, binds: []bind{in(x), in(targets), in(row), whole(dl), sum(dx, add)},
			push: func(_, n int) constants {
				return constants{"rows": n, "quads": q, "width": width, "scale": scale, "share": scale / float64(rows), "add": add}
			},
			groups: func(n int) [3]uint32 { return groups1(n*q, 32) }})
	})
	return loss
}
