package kernels

import "slices"

// Push writes the rows of x [N D] into the state [K D], a ring: row n goes to row (first + n) mod K, where `first` is a scalar of the segment, below 2²⁴.
// N is at most K. It changes nothing after CheckFinite has found a non-finite number. Call it after CheckFinite and after the ops that read the old rows.
func (q *State) Push(g *Graph, x *Tensor, first Scalar) {
	value := q.Value(g)
	wantShape("Push", x, 2)
	if !slices.Equal(q.Shape[1:], x.shape[1:]) || x.Rows() > q.Shape[0] {
		misuse("Push", "%v into %v: want rows of the same width, and no more of them", x, value)
	}
	n := x.Rows() * x.quads()
	g.run(launch{kernel: "queue_push", rows: 1, binds: []bind{whole(x), wholeOut(value), whole(first.mem), whole(g.store.halt().Value(g))},
		push: func(_, _ int) constants {
			return constants{"n": n, "quads": x.quads(), "size": q.Shape[0], "position": first.index}
		},
		groups: func(int) [3]uint32 { return groups1(n, 32) }})
}

// NearestRows returns, for each row of x [N D], the row of candidates [K D] with the greatest dot product, the first of equal ones. Shape [N D]. No
// gradient flows through it.
func NearestRows(x, candidates *Tensor) *Tensor {
	g := x.g
	wantShape("NearestRows", x, 2)
	wantShape("NearestRows", candidates, 2)
	x, candidates = x.constant(), candidates.constant()
	similarities := MatMul(x, candidates, false, true)
	y := g.alloc("NearestRows", F32, x.shape)
	q, width, depth := similarities.quads(), candidates.Dim(0), x.quads()
	group := groupOfRows(q)
	g.run(launch{kernel: "nearest", spec: group.spec(), rows: x.Rows(), binds: []bind{in(similarities), whole(candidates), out(y)},
		push:   func(_, n int) constants { return constants{"rows": n, "quads": q, "width": width, "depth": depth} },
		groups: group.groups})
	return y
}
