package kernels

// DepthwiseConv2D is y[n p q c] = Σ_{r s} x[n, p − pad + r, q − pad + s, c] · w[c r s] for x [N H W C] and w [C R S 1] to [N P Q C], P = H + 2·pad − R + 1:
// a convolution of stride 1 of each channel alone, torch.nn.functional.conv2d with groups=C, without bias. S is at most 7. Backward keeps x and w.
//
// Each pass reads and writes 8 bytes of memory for R·S multiply-adds: 6 each byte for taps of 7×7, so that a GPU with less than 6 multiply-adds a byte of
// memory traffic computes as long as it reads. A lane keeps 8 neighbors in a row in registers, which share 14 vectors of x and 7 of w for each row of taps:
// 18 reads from the caches for 49 multiply-adds, in place of 98.
func DepthwiseConv2D(x *Tensor, p *Param, padding int) *Tensor {
	g, op := x.g, "DepthwiseConv2D "+p.Name
	w := p.Value(g)
	wantShape(op, x, 4)
	wantShape(op, w, 4)
	d := depthwise{n: x.Dim(0), c: x.Dim(3), inH: x.Dim(1), inW: x.Dim(2), r: w.Dim(1), s: w.Dim(2), padH: padding, padW: padding}
	d.outH, d.outW = d.inH+2*padding-d.r+1, d.inW+2*padding-d.s+1
	switch {
	case w.Dim(0) != d.c || w.Dim(3) != 1:
		misuse(op, "%v, w %v: want weights [%d R S 1]", x, w.shape, d.c)
	case d.s > maxDepthwiseTaps:
		misuse(op, "w %v: want at most %d taps in a row", w.shape, maxDepthwiseTaps)
	case padding < 0 || min(d.outH, d.outW) < 1:
		misuse(op, "%v with padding %d: want at least 0, and at least the %d×%d kernel with it", x, padding, d.r, d.s)
	}
	y := g.result(op, []int{d.n, d.outH, d.outW, d.c}, x, w)
	g.node("DepthwiseConv2D", y, onnxDepthwise, map[string]float64{"pad": float64(padding)}, x, w)
	g.depthwiseForward(y, 0, x, g.taps(w), d, false)
	g.vjp(y, func(dy *Tensor) {
		if w.needs {
			g.depthwiseWeight(p, x, dy, d)
		}
		if x.needs {
			dx, add := g.gradient(x)
			g.depthwiseForward(dx, add, dy, g.taps(w), d.back(), true)
		}
	})
	return y
}

func onnxDepthwise(n Node, o ONNX) {
	w, pad := o.Weight(n.In[1]), int(n.Attr["pad"])
	o.Node("Conv", w, []string{o.Value(n.In[0]), w}, o.Value(n.Out), Attr{"dilations", []int{1, 1}}, Attr{"group", n.In[1].Dim(0)},
		Attr{"kernel_shape", n.In[1].shape[1:3]}, Attr{"pads", []int{pad, pad, pad, pad}}, Attr{"strides", []int{1, 1}})
}

// maxDepthwiseTaps is the number of taps in a row for which the shaders have registers.
const maxDepthwiseTaps = 7

// depthwise is the geometry of a depthwise convolution.
type depthwise struct{ n, c, inH, inW, outH, outW, r, s, padH, padW int }

// back returns the geometry of the data gradient: the convolution of dy with the taps in reverse order.
func (d depthwise) back() depthwise {
	d.inH, d.inW, d.outH, d.outW = d.outH, d.outW, d.inH, d.inW
	d.padH, d.padW = d.r-1-d.padH, d.s-1-d.padW
	return d
}

func (d depthwise) work() float64 { return 2 * float64(d.n*d.outH*d.outW*d.c) * float64(d.r*d.s) }

// run returns the number of neighbors in a row of the given width that one lane takes, and the name of the shaders' variant.
func (d depthwise) run(width int) (int, string) {
	if width > 4 {
		return 8, ".p8"
	}
	return 4, ".p4"
}

func (g *Graph) depthwiseForward(y *Tensor, add int, x, taps *Tensor, d depthwise, flip bool) {
	run, variant := d.run(d.outW)
	g.run(launch{kernel: "depthwise" + variant, spec: words(d.s), rows: d.n, binds: []bind{in(x), whole(taps), sum(y, add)}, work: d.work(),
		push: func(_, n int) constants {
			return constants{"n": n, "inH": d.inH, "inW": d.inW, "outH": d.outH, "outW": d.outW, "c4": quads(d.c), "tapsH": d.r, "padH": d.padH, "padW": d.padW,
				"flip": flip, "add": add}
		},
		groups: func(n int) [3]uint32 { return groups1(n*d.outH*ceil(d.outW, run)*quads(d.c), 32) }})
}

// depthwiseWeight adds the weight gradient to the parameter's, as sums over parts of the images that are added in levels.
func (g *Graph) depthwiseWeight(p *Param, x, dy *Tensor, d depthwise) {
	c4, taps := quads(d.c), d.r*d.s
	per, bandH := d.parts()
	bands := ceil(d.outH, bandH)
	_, variant := d.run(d.outW)
	if g.dev != nil && !Fits(g.dev.Info(), "depthwise_weight"+variant) {
		variant = ".p4"
	}
	part := g.alloc("partial d"+p.Name, F32, []int{ceil(d.n, per) * bands, taps, c4 * lanes})
	g.run(launch{kernel: "depthwise_weight" + variant, spec: words(d.s), rows: d.n, unit: per, binds: []bind{in(x), in(dy), wholeOut(part)}, work: d.work(),
		push: func(first, n int) constants {
			return constants{"n": n, "inH": d.inH, "inW": d.inW, "outH": d.outH, "outW": d.outW, "c4": c4, "tapsH": d.r, "padH": d.padH, "padW": d.padW,
				"per": per, "bands": bands, "bandH": bandH, "part0": first / per * bands}
		},
		groups: func(n int) [3]uint32 { return groups1(ceil(n, per)*bands*d.r*c4, 32) }})
	part, parts := g.sumLevels(part, ceil(d.n, per)*bands, taps*c4)
	g.run(launch{kernel: "depthwise_merge", rows: 1, binds: []bind{whole(part), wholeOut(g.paramGrad(p))},
		push:   func(_, _ int) constants { return constants{"parts": parts, "taps": taps, "channels": d.c} },
		groups: func(int) [3]uint32 { return groups1(taps*c4, 32) }})
}

// parts returns the positions that one lane of the weight gradient sums: bands of bandH rows of each of `per` images. It leaves 65,536 lanes, as chunkRows
// does, and at least 128 positions each, so that partial sums are few beside what the lanes read.
func (d depthwise) parts() (per, bandH int) {
	positions := max(128, ceil(d.n*d.outH*d.outW*d.r*quads(d.c), 65536))
	if rows := ceil(positions, d.outW); rows < d.outH {
		return 1, rows
	}
	return min(d.n, ceil(positions, d.outH*d.outW)), d.outH
}
