package kernels

// NTXent is SimCLR's loss (Chen et al. 2020, arXiv:2002.05709, eq. 1) of z [2N D], rows of norm 1, where rows i and i+N are two views of one image:
//
//	mean over i of −s_ip + log Σ_{j≠i} exp s_ij,  s = z·zᵀ/τ,  p the other view of i
//
// Only i itself is masked: the positive stays in the denominator. The paper's own code adds both halves' means up, which is twice this
// (google-research/simclr, objective.py). Shape [1]. With respect to z its gradient is
// dz_i = 1/(2Nτ)·Σ_{j≠i} (p_ij + p_ji − 2·[j = p])·z_j, p_ij = exp(s_ij − lse_i).
//
// s is made in slabs of rows and never lies in memory as a whole, unless one slab holds it (2N ≤ 1024): then backward keeps it, else it makes each
// slab again, so that memory grows with N and not with N².
func NTXent(z *Tensor, temperature float64) *Tensor { return contrast("NTXent", z, temperature, false) }

// DecoupledNTXent is NTXent without the positive in the denominator, whose share of the gradient fades as soon as a batch is small and its positives
// are close (Yeh et al. 2021, arXiv:2110.06848, section 3: the sum over the rows there, their mean here):
//
//	mean over i of −s_ip + log Σ_{j≠i,p} exp s_ij
//
// dz_i = 1/(2Nτ)·(−2·z_p + Σ_{j≠i,p} (p_ij + p_ji)·z_j). It is below 0 where positives are closer than all else together; N is at least 2.
func DecoupledNTXent(z *Tensor, temperature float64) *Tensor {
	if z.Dim(0) < 4 {
		misuse("DecoupledNTXent", "%v: one image has no negatives: want at least two", z)
	}
	return contrast("DecoupledNTXent", z, temperature, true)
}

func contrast(op string, z *Tensor, temperature float64, decoupled bool) *Tensor {
	g := z.g
	wantShape(op, z, 2)
	wantTemperature(op, temperature)
	rows := z.Rows()
	if rows%2 != 0 {
		misuse(op, "%v: want two views, the same number of rows of each", z)
	}
	x := ntxent{z: z, transposed: g.alloc(z.name+" transposed", F32, []int{z.Width(), rows}), row: g.alloc("NT-Xent rows", F32, []int{rows, lanes}),
		slab: min(rows, slabRows(pad(rows))), scale: 1 / temperature, decoupled: decoupled}
	g.transpose(x.transposed, z, 1, 1, z.Width(), rows)
	sim := x.forward(g)
	loss, _ := g.meanLoss(op, x.row, rows, z)
	g.vjp(loss, func(dl *Tensor) { x.backward(g, dl, sim) })
	return loss
}

// slabElements is how many similarities a slab holds at most: 4 MiB.
var slabElements = 1 << 20

// slabRows is how many rows of so many similarities a slab has: a multiple of 16, since rows of vectors begin at multiples of 16 bytes and
// windows at multiples of 256.
func slabRows(width int) int { return max(1, slabElements/width/16) * 16 }

// ntxent is one call of contrast: zᵀ, and (loss, 1, lse, 0) of each row.
type ntxent struct {
	z, transposed, row *Tensor
	slab               int // rows
	scale              float64
	decoupled          bool
}

// slabs calls f for each slab: n rows from row `from` on.
func (x ntxent) slabs(f func(from, n int)) {
	for from := 0; from < x.z.Rows(); from += x.slab {
		f(from, min(x.slab, x.z.Rows()-from))
	}
}

// similarities makes rows of z·zᵀ.
func (x ntxent) similarities(g *Graph, sim *Tensor, from, n int) {
	g.gemm(rowsOf(sim, 0, n), 0, rowsOf(x.z, from, n), x.transposed, false, false, x.z.Width())
}

// forward fills x.row and returns the last slab.
func (x ntxent) forward(g *Graph) *Tensor {
	rows := x.z.Rows()
	sim, part := g.alloc("similarities", F32, []int{x.slab, rows}), g.alloc("NT-Xent shares", F32, []int{x.slab, shares * lanes})
	x.slabs(func(from, n int) {
		x.similarities(g, sim, from, n)
		part := rowsOf(part, 0, n)
		g.run(launch{kernel: "ntxent", rows: n, binds: []bind{in(rowsOf(sim, 0, n)), out(part)},
			push: func(first, m int) constants {
				return constants{"n": m, "row0": from + first, "rows": rows, "quads": sim.quads(), "scale": x.scale, "decoupled": x.decoupled}
			},
			groups: func(m int) [3]uint32 { return groups1(m, 1) }})
		g.logSumExp("logsumexp", rowsOf(x.row, from, n), part)
	})
	return sim
}

// backward makes each slab again, unless there is only one, turns it into weights of z's rows and multiplies.
func (x ntxent) backward(g *Graph, dl, sim *Tensor) {
	rows, again := x.z.Rows(), x.slab < x.z.Rows()
	if again {
		sim = g.alloc("similarities", F32, []int{x.slab, rows})
	}
	weights := g.alloc("NT-Xent weights", F32, []int{x.slab, rows})
	dz, add := g.gradient(x.z)
	x.slabs(func(from, n int) {
		if again {
			x.similarities(g, sim, from, n)
		}
		w := rowsOf(weights, 0, n)
		g.run(launch{kernel: "ntxent_back", rows: n, binds: []bind{in(rowsOf(sim, 0, n)), whole(x.row), whole(dl), out(w)},
			push: func(first, m int) constants {
				return constants{"n": m, "row0": from + first, "rows": rows, "quads": sim.quads(), "scale": x.scale, "decoupled": x.decoupled}
			},
			groups: func(m int) [3]uint32 { return groups1(m*sim.quads(), 32) }})
		g.gemm(rowsOf(dz, from, n), add, w, x.z, false, false, rows)
	})
}
