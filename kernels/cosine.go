package kernels

// CosineLoss is the mean over rows of 2 − 2·cos(p_n, z_n) = ‖p_n/‖p_n‖ − z_n/‖z_n‖‖², for p and z [N D]: one direction of BYOL's loss (Grill et
// al. 2020, arXiv:2006.07733, eq. 2), where z is a StopGrad. Shape [1]. Norms are at least 1e-12, as in L2Normalize. Backward keeps p, z and three
// numbers for each row.
func CosineLoss(p, z *Tensor) *Tensor { return cosine("CosineLoss", p, z, 2, 2) }

// NegativeCosine is the mean over rows of −cos(p_n, z_n), for p and z [N D]: one direction of SimSiam's loss (Chen and He 2021, arXiv:2011.10566,
// eq. 1). Shape, norms and backward are as in CosineLoss.
func NegativeCosine(p, z *Tensor) *Tensor { return cosine("NegativeCosine", p, z, 0, 1) }

// cosine is the mean over rows of offset − slope·cos.
func cosine(op string, p, z *Tensor, offset, slope float64) *Tensor {
	g := p.g
	wantShape(op, p, 2)
	wantSame(op, p, z)
	rows, q := p.Rows(), p.quads()
	row, kept := g.alloc(op+" rows", F32, []int{rows, lanes}), g.alloc(op+" cosines", F32, []int{rows, lanes})
	g.run(launch{kernel: "cosine", rows: rows, binds: []bind{in(p), in(z), out(row), out(kept)},
		push: func(_, n int) constants {
			return constants{"rows": n, "quads": q, "eps": normEps, "offset": offset, "slope": slope}
		},
		groups: func(n int) [3]uint32 { return groups1(n, 32) }})
	loss, _ := g.meanLoss(op, row, rows, p, z)
	g.vjp(loss, func(dl *Tensor) {
		back := func(x, y *Tensor, second bool) {
			if !x.needs {
				return
			}
			dx, add := g.gradient(x)
			g.run(launch{kernel: "cosine_back", rows: rows, binds: []bind{in(x), in(y), in(kept), whole(dl), sum(dx, add)},
				push: func(_, n int) constants {
					return constants{"rows": n, "quads": q, "eps": normEps, "scale": slope / float64(rows), "second": second, "add": add}
				},
				groups: func(n int) [3]uint32 { return groups1(n*q, 32) }})
		}
		back(p, z, false)
		back(z, p, true)
	})
	return loss
}
