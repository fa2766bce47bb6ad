package ref

// ConcatFeatures maps [N·parts H] to [N parts·H]. Row n of the result concatenates rows n·parts … n·parts+parts−1 of x, or with blocks rows n, N+n, ….
func ConcatFeatures(x *Tensor, parts int, blocks bool) *Tensor {
	wantShape("ConcatFeatures", "x", x, -1, -1)
	rows, width := x.Shape[0]/parts, x.Shape[1]
	y := New(rows, parts*width)
	for n := range rows {
		for t := range parts {
			from := n*parts + t
			if blocks {
				from = t*rows + n
			}
			copy(y.Row(n)[t*width:], x.Row(from))
		}
	}
	return y
}
