package kernels

// KoLeo is −mean_n log(‖x_n − x_i + ε‖ + ε) for x [N D], rows of norm 1, where i is the row other than n with the greatest dot product x_n·x_i, the first of
// equal ones, and ε = 1e-8. It spreads rows apart: it is the differential entropy of the rows by the estimator of Kozachenko and Leonenko, negated and up to
// a constant (Sablayrolles et al. 2019, arXiv:1806.03198, section 3; facebookresearch/dinov2, loss/koleo_loss.py). N is at least 2. Shape [1].
//
// The gradient reaches x_n and x_i; the choice of i has none. The source excludes n itself by a similarity of −1, which another row may have too; here no
// row is its own nearest one. Backward keeps x and four numbers for each row.
func KoLeo(x *Tensor) *Tensor {
	const eps = 1e-8
	g := x.g
	wantShape("KoLeo", x, 2)
	rows, depth := x.Rows(), x.quads()
	if rows < 2 {
		misuse("KoLeo", "%v: one row has no other: want at least two", x)
	}
	similarities := MatMul(x.constant(), x.constant(), false, true)
	row, group := g.alloc("KoLeo rows", F32, []int{rows, lanes}), groupOfRows(similarities.quads())
	g.run(launch{kernel: "koleo", spec: group.spec(), rows: rows, binds: []bind{in(similarities), whole(x), out(row)},
		push: func(first, n int) constants {
			return constants{"rows": n, "row0": first, "quads": similarities.quads(), "width": rows, "depth": depth, "columns": x.Width(), "eps": eps}
		},
		groups: group.groups})
	loss, _ := g.meanLoss("KoLeo", row, rows, x)
	g.vjp(loss, func(dl *Tensor) {
		dx, add := g.gradient(x)
		g.run(launch{kernel: "koleo_back", rows: rows, binds: []bind{whole(x), whole(row), whole(dl), sum(dx, add)},
			push: func(first, n int) constants {
				return constants{"rows": n, "row0": first, "count": rows, "depth": depth, "columns": x.Width(), "eps": eps, "add": add}
			},
			groups: func(n int) [3]uint32 { return groups1(n*depth, 32) }})
	})
	return loss
}
