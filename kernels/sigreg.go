package kernels

// SIGReg is the mean over the columns of u [N S] of the statistic of Epps and Pulley, which compares the characteristic function of a column's numbers with
// that of the standard normal distribution (Balestriero and LeCun 2025, arXiv:2511.08544; rbalestr-lab/lejepa, univariate/epps_pulley.py):
//
//	T = N·Σ_k w_k·φ_k·((mean_n cos t_k·u_n − φ_k)² + (mean_n sin t_k·u_n)²), t_k = 3k/16, φ_k = exp(−t_k²/2), k = 0 … 16
//
// w_k are the weights 2·3/16 of the trapezoidal rule over −3 … 3, half as large at both ends of k. The columns are projections of embeddings on random
// directions. T is 1.05 on average for normal numbers, and its gradient is exactly 0 if all numbers are 0. Shape [1]. Backward keeps u and 32 numbers for
// each column.
func SIGReg(u *Tensor) *Tensor {
	const sums = 2 * 16 // cosine and sine at each knot but 0, where T has no share
	g := u.g
	wantShape("SIGReg", u, 2)
	rows, c4 := u.Rows(), u.quads()
	chunk := chunkRows(rows, c4)
	chunks := (rows + chunk - 1) / chunk
	part := g.alloc("characteristic functions", F32, []int{chunks, sums, c4 * lanes})
	g.run(launch{kernel: "sigreg", rows: rows, unit: chunk, binds: []bind{in(u), wholeOut(part)},
		push: func(first, n int) constants {
			return constants{"rows": n, "chunk": chunk, "chunk0": first / chunk, "c4": c4}
		},
		groups: func(n int) [3]uint32 { return groups2((n+chunk-1)/chunk*c4, 32, 4) }})
	part, chunks = g.sumLevels(part, chunks, sums*c4)
	row, coef := g.alloc("SIGReg columns", F32, []int{c4, lanes}), g.alloc("SIGReg slopes", F32, []int{sums, c4 * lanes})
	g.run(launch{kernel: "sigreg_merge", rows: 1, binds: []bind{whole(part), wholeOut(row), wholeOut(coef)},
		push: func(_, _ int) constants {
			return constants{"c4": c4, "parts": chunks, "rows": rows, "width": u.Width()}
		},
		groups: func(int) [3]uint32 { return groups1(c4, 32) }})
	loss, _ := g.meanLoss("SIGReg", row, c4, u) // row losses have a weight of 0: their sum
	g.vjp(loss, func(dl *Tensor) {
		du, add := g.gradient(u)
		g.run(launch{kernel: "sigreg_back", rows: rows, unit: 4, binds: []bind{in(u), whole(coef), whole(dl), sum(du, add)},
			push:   func(_, n int) constants { return constants{"rows": n, "c4": c4, "add": add} },
			groups: func(n int) [3]uint32 { return groups1((n+3)/4*c4, 32) }})
	})
	return loss
}
