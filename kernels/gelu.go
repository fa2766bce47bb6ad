package kernels

import "math"

// GELU is x·Φ(x), Φ the normal distribution's cumulative function (Hendrycks and Gimpel 2016, arXiv:1606.08415), as torch.nn.functional.gelu: the
// exact form, with erf to 1.5e-7. Backward keeps x.
func GELU(x *Tensor) *Tensor {
	g := x.g
	y := g.result("GELU", x.shape, x)
	g.node("GELU", y, onnxGELU, nil, x)
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

// onnxGELU is PyTorch's export of the exact form, ½·x·(1 + erf(x/√2)), which runtimes fuse. The op Gelu needs opset 20.
func onnxGELU(n Node, o ONNX) {
	x, y := o.Value(n.In[0]), o.Value(n.Out)
	node := func(op, step string, inputs ...string) string {
		o.Node(op, y+"/"+step, inputs, y+"_"+step)
		return y + "_" + step
	}
	erf := node("Erf", "erf", node("Div", "scaled", x, o.Floats("gelu_sqrt_2", []float32{math.Sqrt2})))
	product := node("Mul", "product", x, node("Add", "plus_one", erf, o.Floats("gelu_one", []float32{1})))
	o.Node("Mul", y, []string{product, o.Floats("gelu_half", []float32{0.5})}, y)
}
