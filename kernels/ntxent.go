package kernels

// NTXent is SimCLR's loss (Chen et al. 2020, arXiv:2002.05709, eq. 1) of z [2N D], rows of norm 1, where rows i and i+N are two views of one image:
//
//	mean over i of −s_ip + log Σ_{j≠i} exp s_ij,  s = z·zᵀ/τ,  p the other view of i
//
// Only i itself is masked: the positive stays in the denominator. The paper's code adds the means of both halves, which is twice this value
// (google-research/simclr, objective.py). Shape [1]. The gradient with respect to z is
// dz_i = 1/(2Nτ)·Σ_{j≠i} (p_ij + p_ji − 2·[j = p])·z_j, p_ij = exp(s_ij − lse_i).
//
// s is computed in slabs of rows, so memory grows with N and not with N². Backward computes each slab again, unless one slab holds all of s
// (2N ≤ 1024): then backward keeps it.
func NTXent(z *Tensor, temperature float64) *Tensor { return contrast("NTXent", z, temperature, false) }

// DecoupledNTXent is NTXent without the positive in the denominator (DCL, Yeh et al. 2021, arXiv:2110.06848, section 3: there the sum over rows, here
// their mean). In NTXent the positive term shrinks the gradient of small batches with close positives.
//
//	mean over i of −s_ip + log Σ_{j≠i,p} exp s_ij
//
// dz_i = 1/(2Nτ)·(−2·z_p + Σ_{j≠i,p} (p_ij + p_ji)·z_j). The loss is negative if the positives are closer than
// all negatives together. N is at least 2.
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

// slabElements is the largest number of similarities in a slab: 4 MiB.
var slabElements = 1 << 20

// slabRows returns the number of rows of a slab, each of `width` similarities. It is a multiple of 16: a row is a multiple of 16 bytes, and the window
// of a slab begins at a multiple of 256.
func slabRows(width int) int { return max(1, slabElements/width/16) * 16 }

// ntxent is one call of contrast.
type ntxent struct {
	z, transposed, row *Tensor // z, zᵀ, and (loss, 1, lse, 0) of each row
	slab               int     // rows
	scale              float64
	decoupled          bool
}

// slabs calls f for each slab of n rows, the first being row `from`.
func (x ntxent) slabs(f func(from, n int)) {
	for from := 0; from < x.z.Rows(); from += x.slab {
		f(from, min(x.slab, x.z.Rows()-from))
	}
}

// similarities computes n rows of z·zᵀ, the first being row `from`.
func (x ntxent) similarities(g *Graph, sim *Tensor, from, n int) {
	g.gemm(rowsOf(sim, 0, n), 0, rowsOf(x.z, from, n), x.transposed, false, false, x.z.Width())
}

// forward fills x.row and returns the last slab.
func (x ntxent) forward(g *Graph) *Tensor {
	rows := x.z.Rows()
	sim := g.alloc("similarities", F32, []int{x.slab, rows})
	group := groupOfRows(sim.quads())
	x.slabs(func(from, n int) {
		x.similarities(g, sim, from, n)
		g.run(launch{kernel: "ntxent", spec: group.spec(), rows: n, binds: []bind{in(rowsOf(sim, 0, n)), out(rowsOf(x.row, from, n))},
			push: func(first, m int) constants {
				return constants{"n": m, "row0": from + first, "rows": rows, "quads": sim.quads(), "scale": x.scale, "decoupled": x.decoupled}
			},
			groups: group.groups})
	})
	return sim
}

// backward computes dz = weights·z. It computes each slab again, unless there is only one.
func (x ntxent) backward(g *Graph, dl, sim *Tensor) {
	rows, recompute := x.z.Rows(), x.slab < x.z.Rows()
	if recompute {
		sim = g.alloc("similarities", F32, []int{x.slab, rows})
	}
	weights := g.alloc("NT-Xent weights", F32, []int{x.slab, rows})
	dz, add := g.gradient(x.z)
	x.slabs(func(from, n int) {
		if recompute {
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
