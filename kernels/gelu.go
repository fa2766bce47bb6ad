package kernels

// GELU is x·Φ(x), Φ the normal distribution's cumulative function (Hendrycks and Gimpel 2016, arXiv:1606.08415), as torch.nn.functional.gelu: the
// exact form, with erf to 1.5e-7. Backward keeps x.
func GELU(x *Tensor) *Tensor {
	g := x.g
	y := g.result("GELU", x.shape, x)
	q := x.quads()
	groups := func(n int) [3]uint32 { return groups1(n*q, 256) }
	g.run(launch{kernel: "gelu.forward", rows: x.Rows(), binds: []bind{in(x), out(y)},
		push: func(_, n int) constants { return constants{"n": n * q, "add": 0} }, groups: groups})
	g.vjp(y, func(dy *Tensor) {
		dx, add := g.gradient(x)
		g.run(launch{kernel: "gelu.back", rows: x.Rows(), binds: []bind{in(dy), in(x), sum(dx, add)},
			push: func(_, n int) constants { return constants{"n": n * q, "add": add} }, groups: groups})
	})
	return y
}
