package kernels

import "slices"

// CenteredSoftmax is softmax((x − c)/τ) over the last axis of x [N K], for a state c [K] and a scalar τ > 0 of the segment: DINO's teacher (Caron et
// al. 2021, arXiv:2104.14294, section 3.1), whose temperature changes from epoch to epoch. No gradient flows through it.
func CenteredSoftmax(x *Tensor, c *State, temperature Scalar) *Tensor {
	g := x.g
	wantShape("CenteredSoftmax", x, 2)
	center := c.Value(g)
	if !slices.Equal(c.Shape, x.shape[1:]) {
		misuse("CenteredSoftmax", "%v and %v: want a center of %d", x, center, x.Width())
	}
	y := g.alloc("CenteredSoftmax", F32, x.shape)
	q, width := x.quads(), x.Width()
	group := groupOfRows(q)
	g.run(launch{kernel: "centered_softmax", spec: group.spec(), rows: x.Rows(), binds: []bind{in(x), whole(center), whole(temperature.mem), out(y)},
		push: func(_, n int) constants {
			return constants{"rows": n, "quads": q, "width": width, "temperature": temperature.index}
		},
		groups: group.groups})
	return y
}

// ColumnMean is the mean over the rows of x [N K], without a gradient. Shape [K].
func ColumnMean(x *Tensor) *Tensor {
	wantShape("ColumnMean", x, 2)
	total := x.g.alloc("column sums", F32, []int{x.Width()})
	x.g.columnSum(total, 0, x)
	return Scale(total, 1/float64(x.Rows()))
}

// UpdateAverage updates the state as a moving average, c ← m·c + (1 − m)·x, x of the same shape: DINO's center. It changes nothing after CheckFinite has
// found a non-finite number. Call it after CheckFinite and after the ops that read the old value.
func (c *State) UpdateAverage(g *Graph, x *Tensor, momentum float64) {
	value := c.Value(g)
	wantSame("UpdateAverage", value, x)
	if !(momentum >= 0 && momentum <= 1) {
		misuse("UpdateAverage", "%s: momentum %g: want one from 0 to 1", c.Name, momentum)
	}
	n := x.Rows() * x.quads()
	g.run(launch{kernel: "average", rows: 1, binds: []bind{whole(x), wholeOut(value), whole(g.store.halt().Value(g))},
		push:   func(_, _ int) constants { return constants{"n": n, "rest": 1 - momentum} },
		groups: func(int) [3]uint32 { return groups1(n, 32) }})
}
