package kernels

import "fmt"

// normEps is the smallest norm by which L2Normalize divides, as in torch.nn.functional.normalize.
const normEps = 1e-12

// L2Normalize is x / max(‖x‖₂, 1e-12) for each row of x [N D], as torch.nn.functional.normalize. Backward keeps y and the norms.
func L2Normalize(x *Tensor) *Tensor {
	g := x.g
	wantShape("L2Normalize", x, 2)
	y := g.result("L2Normalize", x.shape, x)
	rows, q := x.Rows(), x.quads()
	norms := g.alloc("norms", F32, []int{rows, lanes})
	g.run(launch{kernel: "l2norm", rows: rows, binds: []bind{in(withoutPadRows(x)), out(y), out(norms)},
		push:   func(_, n int) constants { return constants{"rows": n, "quads": q, "eps": normEps} },
		groups: func(n int) [3]uint32 { return groups1(n, 32) }})
	g.vjp(y, func(dy *Tensor) {
		dx, add := g.gradient(x)
		g.run(launch{kernel: "l2norm_back", rows: rows, binds: []bind{in(dy), in(y), in(norms), sum(withoutPadRows(dx), add)},
			push:   func(_, n int) constants { return constants{"rows": n, "quads": q, "eps": normEps, "add": add} },
			groups: func(n int) [3]uint32 { return groups1(n, 32) }})
	})
	return y
}

// Softmax is softmax(x/τ) over the last axis of x [.. D]. Backward keeps only y: dx = y ⊙ (dy − Σ dy⊙y)/τ.
func Softmax(x *Tensor, temperature float64) *Tensor {
	y := softmax("Softmax", "soft", x, temperature)
	x.g.node("Softmax", y, onnxSoftmax, map[string]float64{"temperature": temperature}, x)
	return y
}

func onnxSoftmax(n Node, o ONNX) {
	if t := n.Attr["temperature"]; t != 1 {
		o.Refuse(fmt.Sprintf("its temperature is %g, not 1", t))
		return
	}
	if len(n.Out.shape) == 4 {
		refuseImage(o)
		return
	}
	o.Node("Softmax", o.Value(n.Out), []string{o.Value(n.In[0])}, o.Value(n.Out), Attr{"axis", len(n.Out.shape) - 1})
}

// LogSoftmax is log softmax(x/τ) over the last axis of x [.. D]. Backward keeps only y: dx = (dy − e^y·Σ dy)/τ.
func LogSoftmax(x *Tensor, temperature float64) *Tensor {
	return softmax("LogSoftmax", "log", x, temperature)
}

func softmax(op, variant string, x *Tensor, temperature float64) *Tensor {
	g := x.g
	wantTemperature(op, temperature)
	y := g.result(op, x.shape, x)
	g.softmax(variant, y, x, 1/temperature)
	g.vjp(y, func(dy *Tensor) {
		dx, add := g.gradient(x)
		g.softmaxBack(variant, dx, add, dy, y, 1/temperature)
	})
	return y
}

// softmax computes y = softmax(scale·x), or its logarithm, of each row.
func (g *Graph) softmax(variant string, y, x *Tensor, scale float64) {
	q, width, group := x.quads(), x.Width(), groupOfRows(x.quads())
	g.run(launch{kernel: "softmax." + variant, spec: group.spec(), rows: x.Rows(), binds: []bind{in(x), out(y)},
		push:   func(_, n int) constants { return constants{"rows": n, "quads": q, "width": width, "scale": scale} },
		groups: group.groups})
}

// softmaxBack computes the gradient dx (+)= of x from y and its gradient dy.
func (g *Graph) softmaxBack(variant string, dx *Tensor, add int, dy, y *Tensor, scale float64) {
	q, width, group := y.quads(), y.Width(), groupOfRows(y.quads())
	g.run(launch{kernel: "softmax_back." + variant, spec: group.spec(), rows: y.Rows(), binds: []bind{in(dy), in(y), sum(dx, add)},
		push: func(_, n int) constants {
			return constants{"rows": n, "quads": q, "width": width, "scale": scale, "add": add}
		},
		groups: group.groups})
}

func wantTemperature(op string, t float64) {
	if !(t > 0) {
		misuse(op, "temperature %g: want it above 0", t)
	}
}
