package kernels

// ScaleColumns is y[.. d] = s[d]·x[.. d] for x [.. D] and s [D], such as the layer scale of Touvron et al. 2021, arXiv:2103.17239, section 2. Backward keeps x
// and s.
func ScaleColumns(x, s *Tensor) *Tensor {
	g := x.g
	if len(s.shape) != 1 || s.Width() != x.Width() || s.dtype != F32 {
		misuse("ScaleColumns", "%v with factors %v: want %d", x, s, x.Width())
	}
	q := x.quads()
	scale := func(y *Tensor, add int, x *Tensor) {
		g.run(launch{kernel: "scale.column", rows: x.Rows(), binds: []bind{in(x), sum(y, add), whole(s)},
			push:   func(_, n int) constants { return constants{"n": n * q, "add": add, "size": q} },
			groups: func(n int) [3]uint32 { return groups1(n*q, 256) }})
	}
	y := g.result("ScaleColumns", x.shape, x, s)
	g.node("ScaleColumns", y, onnxScaleColumns, nil, x, s)
	scale(y, 0, x)
	g.vjp(y, func(dy *Tensor) {
		if s.needs {
			ds, add := g.gradient(s)
			g.chunkSum("colsum.product", ds, add, dy, chunkRows(x.Rows(), q), nil, in(x))
		}
		if x.needs {
			dx, add := g.gradient(x)
			scale(dx, add, dy)
		}
	})
	return y
}

func onnxScaleColumns(n Node, o ONNX) {
	if len(n.Out.shape) == 4 {
		refuseImage(o)
		return
	}
	o.Node("Mul", o.Value(n.Out), []string{o.Value(n.In[0]), n.In[1].onnx(o)}, o.Value(n.Out))
}
