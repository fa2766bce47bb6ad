package kernels

import "github.com/marr-ssl/marr/vk"

// ReLU is max(x, 0). Backward keeps y; the gradient at 0 is 0.
func ReLU(x *Tensor) *Tensor {
	g := x.g
	y := g.result("ReLU", x.shape, x)
	g.node("ReLU", y, simple("Relu"), nil, x)
	q := x.quads()
	g.run(launch{kernel: "relu", rows: x.Rows(), binds: []bind{in(x), out(y)},
		push:   func(_, n int) constants { return constants{"n": n * q} },
		groups: func(n int) [3]uint32 { return groups1(n*q, 256) }})
	g.vjp(y, func(dy *Tensor) {
		dx, add := g.gradient(x)
		g.mapped("map.relu_back", dx, add, dy, y, 1)
	})
	return y
}

// Add is a + b for a and b of one shape.
func Add(a, b *Tensor) *Tensor {
	y := addScaled("Add", a, b, 1)
	a.g.node("Add", y, simple("Add"), nil, a, b)
	return y
}

// AddScaled is a + s·b for a and b of one shape.
func AddScaled(a, b *Tensor, s float64) *Tensor { return addScaled("AddScaled", a, b, s) }

func addScaled(op string, a, b *Tensor, s float64) *Tensor {
	g := a.g
	wantSame(op, a, b)
	y := g.result(op, a.shape, a, b)
	g.mapped("map.add", y, 0, a, b, s)
	g.vjp(y, func(dy *Tensor) {
		if a.needs {
			g.passScaled(a, dy, 1)
		}
		switch {
		case b.needs && s == 1:
			g.pass(b, dy)
		case b.needs:
			g.passScaled(b, dy, s)
		}
	})
	return y
}

// Scale is s·x.
func Scale(x *Tensor, s float64) *Tensor {
	g := x.g
	y := g.result("Scale", x.shape, x)
	g.scaled(y, 0, x, s)
	g.vjp(y, func(dy *Tensor) { g.passScaled(x, dy, s) })
	return y
}

// passScaled adds s·dy to the gradient of x, of the same shape.
func (g *Graph) passScaled(x, dy *Tensor, s float64) {
	dx, add := g.gradient(x)
	if s == 1 {
		g.copy(dx, dy, 0, 0, x.Rows(), add)
		return
	}
	g.scaled(dx, add, dy, s)
}

// scaled makes y (+)= s·x.
func (g *Graph) scaled(y *Tensor, add int, x *Tensor, s float64) {
	q := y.quads()
	g.run(launch{kernel: "scale", rows: y.Rows(), binds: []bind{in(x), sum(y, add)},
		push:   func(_, n int) constants { return constants{"n": n * q, "add": add, "scale": s} },
		groups: func(n int) [3]uint32 { return groups1(n*q, 256) }})
}

// pass adds dy to the gradient of x, of the same shape, as the last use of dy: where x has no gradient so far, dy becomes it, and later contributions are added
// to dy. So an op passes dy to one of its inputs at most, after it has recorded everything that reads dy.
func (g *Graph) pass(x, dy *Tensor) {
	if !x.becomes(dy) {
		g.passScaled(x, dy, 1)
		return
	}
	for x.base != nil {
		x, dy = x.base, dy.as(x.base.shape)
	}
	x.grad, dy.contributions = dy, contributions{nil}
}

// becomes reports whether dy, of no more use, can become the gradient of x.
func (x *Tensor) becomes(dy *Tensor) bool {
	for x.base != nil {
		x = x.base
	}
	return x.grad == nil && x.param == nil && x.dtype == dy.dtype && dy.mem.set == arena && !dy.mem.pinned
}

func (g *Graph) mapped(kernel string, y *Tensor, add int, a, b *Tensor, scale float64) {
	q := y.quads()
	g.run(launch{kernel: kernel, rows: y.Rows(), binds: []bind{in(a), in(b), sum(y, add)},
		push:   func(_, n int) constants { return constants{"n": n * q, "accumulate": add, "scale": scale} },
		groups: func(n int) [3]uint32 { return groups1(n*q, 256) }})
}

// copy computes y[to + i] (+)= x[from + i] for n rows. Offsets need no alignment, since bindings begin at the aligned offset below.
func (g *Graph) copy(y, x *Tensor, to, from, n, add int) {
	rowX, rowY := int64(x.quads())*x.vector(), int64(y.quads())*y.vector()
	most := max(1, int(min((g.limits.of(x)-2*align)/rowX, (g.limits.of(y)-2*align)/rowY)))
	for i := 0; i < n; i += most {
		m := min(most, n-i)
		src, skip := window(x, int64(from+i)*rowX, int64(m)*rowX)
		dst, over := window(y, int64(to+i)*rowY, int64(m)*rowY)
		src.access, dst.access = vk.Read, vk.ReadWrite
		size := m * y.quads()
		s := &step{kernel: "copy", label: "copy " + x.name + " to " + y.name, binds: []bound{src, dst}, segment: g.segmentIndex(),
			push: constants{"n": size, "from": int(skip / x.vector()), "to": int(over / y.vector()), "add": add}.pack("copy"), groups: groups1(size, 256)}
		g.steps = append(g.steps, s)
	}
}

// window returns the range [at, at+size) of a tensor, extended to begin at an aligned offset, and the number of bytes by which it is extended.
func window(t *Tensor, at, size int64) (b bound, skip int64) {
	at += t.from
	skip = at % align
	return bound{mem: t.mem, offset: at - skip, size: size + skip, float: t.floats(), half: t.dtype == F16}, skip
}

// Concat concatenates tensors along their first axis: the views of a batch then share batch-norm statistics.
func Concat(xs ...*Tensor) *Tensor {
	if len(xs) == 0 {
		misuse("Concat", "want at least one tensor")
	}
	g, n := xs[0].g, 0
	for _, x := range xs {
		a, b := *x, *xs[0]
		a.shape, b.shape = x.shape[1:], xs[0].shape[1:]
		wantSame("Concat", &a, &b)
		n += x.Dim(0)
	}
	y := g.result("Concat", append([]int{n}, xs[0].shape[1:]...), xs...)
	per, at := xs[0].Rows()/xs[0].Dim(0), 0
	for _, x := range xs {
		g.copy(y, x, at*per, 0, x.Rows(), 0)
		at += x.Dim(0)
	}
	g.vjp(y, func(dy *Tensor) {
		at := 0
		for _, x := range xs {
			if x.needs {
				dx, add := g.gradient(x)
				g.copy(dx, dy, 0, at*per, x.Rows(), add)
			}
			at += x.Dim(0)
		}
	})
	return y
}

// Slice is x[from:to] along the first axis.
func Slice(x *Tensor, from, to int) *Tensor {
	g := x.g
	if from < 0 || to > x.Dim(0) || from >= to {
		misuse("Slice", "%v from %d to %d: want 0 ≤ from < to ≤ %d", x, from, to, x.Dim(0))
	}
	y := g.result("Slice", append([]int{to - from}, x.shape[1:]...), x)
	per := x.Rows() / x.Dim(0)
	g.copy(y, x, 0, from*per, y.Rows(), 0)
	g.vjp(y, func(dy *Tensor) {
		dx, add := g.gradient(x)
		if add == 0 {
			g.fill(dx, 0)
		}
		g.copy(dx, dy, from*per, 0, y.Rows(), 1)
	})
	return y
}

// GlobalAvgPool is the mean over H and W: [N H W C] → [N C], in floats.
func GlobalAvgPool(x *Tensor) *Tensor {
	g := x.g
	wantShape("GlobalAvgPool", x, 4)
	y := g.alloc("GlobalAvgPool", F32, []int{x.Dim(0), x.Dim(3)})
	y.needs = x.needs
	g.node("GlobalAvgPool", y, onnxAvgPool, nil, x)
	area, q := x.Dim(1)*x.Dim(2), x.quads()
	g.run(launch{kernel: "pool", rows: x.Dim(0), binds: []bind{in(x), out(y)},
		push:   func(_, n int) constants { return constants{"n": n, "area": area, "c4": q} },
		groups: func(n int) [3]uint32 { return groups1(n*q, 32) }})
	g.vjp(y, func(dy *Tensor) {
		dx, add := g.gradient(x)
		g.run(launch{kernel: "pool_back", rows: x.Dim(0), binds: []bind{in(dy), sum(dx, add)},
			push:   func(_, n int) constants { return constants{"n": n, "area": area, "c4": q, "add": add} },
			groups: func(n int) [3]uint32 { return groups1(n*area*q, 32) }})
	})
	return y
}

func onnxAvgPool(n Node, o ONNX) {
	o.Node("GlobalAveragePool", "pool", []string{o.Value(n.In[0])}, "pooled")
	o.Node("Flatten", "flatten", []string{"pooled"}, o.Value(n.Out), Attr{"axis", 1})
}
