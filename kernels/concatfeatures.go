package kernels

// ConcatFeatures concatenates the embeddings of a sample's parts: [N·parts H] → [N parts·H], H a multiple of 4. Row n of the result holds
// rows n·parts … n·parts+parts−1 of x, or, if blocks (the order of Concat), rows n, N+n, 2N+n, ….
func ConcatFeatures(x *Tensor, parts int, blocks bool) *Tensor {
	g := x.g
	wantShape("ConcatFeatures", x, 2)
	if parts < 1 || x.Dim(0)%parts != 0 || x.Width()%lanes != 0 {
		misuse("ConcatFeatures", "%v in %d parts: want rows that divide by it, and a width that divides by %d", x, parts, lanes)
	}
	rows, q := x.Dim(0)/parts, x.quads()
	move := func(from, to *Tensor, back bool, add int) {
		g.run(launch{kernel: "concat_features", rows: 1, binds: []bind{whole(from), wholeOut(to)},
			push: func(_, _ int) constants {
				return constants{"rows": rows, "parts": parts, "quads": q, "blocks": blocks, "back": back, "add": add}
			},
			groups: func(int) [3]uint32 { return groups1(rows*parts*q, 32) }})
	}
	y := g.result("ConcatFeatures", []int{rows, parts * x.Width()}, x)
	move(x, y, false, 0)
	g.vjp(y, func(dy *Tensor) {
		dx, add := g.gradient(x)
		move(dy, dx, true, add)
	})
	return y
}
