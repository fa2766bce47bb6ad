package kernels

import (
	"cmp"
	"slices"
)

// Conv2D is the cross-correlation y[n p q k] = Σ_{r s c} x[n, p·stride − pad + r, q·stride − pad + s, c] · w[k r s c] of x [N H W C] and
// w [K R S C] to [N P Q K], P = (H + 2·pad − R)/stride + 1, as torch.nn.functional.conv2d without bias. Backward keeps x and w.
func Conv2D(x *Tensor, p *Param, stride, padding int) *Tensor {
	g := x.g
	w := p.Value(g)
	wantShape("Conv2D "+p.Name, x, 4)
	wantShape("Conv2D "+p.Name, w, 4)
	c := convShape{n: x.Dim(0), h: x.Dim(1), w: x.Dim(2), c: x.Dim(3), k: w.Dim(0), r: w.Dim(1), s: w.Dim(2), stride: stride, pad: padding}
	if w.Dim(3) != c.c {
		misuse("Conv2D "+p.Name, "%v, w %v: %d input channels, want %d", x, w.shape, c.c, w.Dim(3))
	}
	if stride < 1 || padding < 0 {
		misuse("Conv2D "+p.Name, "stride %d and padding %d: want a stride of at least 1 and a padding of at least 0", stride, padding)
	}
	if c.oh, c.ow = (c.h+2*padding-c.r)/stride+1, (c.w+2*padding-c.s)/stride+1; c.h+2*padding < c.r || c.w+2*padding < c.s {
		misuse("Conv2D "+p.Name, "%v is smaller than the %d×%d kernel with padding %d", x, c.r, c.s, padding)
	}
	y := g.result("Conv2D "+p.Name, []int{c.n, c.oh, c.ow, c.k}, x, w)
	g.node("Conv2D", y, onnxConv, map[string]float64{"stride": float64(stride), "pad": float64(padding)}, x, w)
	y.producer = g.convForward(y, x, g.taps(w), c)
	g.vjp(y, func(dy *Tensor) {
		if w.needs {
			g.convWeight(p, x, dy, c)
		}
		if x.needs {
			dx, add := g.gradient(x)
			x.contributed(g.convData(dx, add, dy, w, c))
		}
	})
	return y
}

func onnxConv(n Node, o ONNX) {
	w, stride, pad := o.Weight(n.In[1]), int(n.Attr["stride"]), int(n.Attr["pad"])
	o.Node("Conv", w, []string{o.Value(n.In[0]), w}, o.Value(n.Out), Attr{"dilations", []int{1, 1}}, Attr{"group", 1},
		Attr{"kernel_shape", n.In[1].shape[1:3]}, Attr{"pads", []int{pad, pad, pad, pad}}, Attr{"strides", []int{stride, stride}})
}

// convShape is the geometry of one convolution.
type convShape struct{ n, h, w, c, k, r, s, stride, pad, oh, ow int }

func (c convShape) work() float64 { return 2 * float64(c.n*c.oh*c.ow) * float64(c.k*c.r*c.s*c.c) }

func quads(n int) int { return pad(n) / lanes }

// taps returns w [K R S C] as [R S C K], which is computed once per segment.
func (g *Graph) taps(w *Tensor) *Tensor {
	key := transposed{w.mem.set, w.mem.offset, g.segmentIndex()}
	if t := g.kernels.transposes[key]; t != nil {
		return t
	}
	k, c, rs := w.Dim(0), w.Width(), product(w.shape[1:len(w.shape)-1])
	t := g.alloc(w.name+" as taps", F32, []int{rs * c, k})
	g.transpose(t, w, 1, rs, c, k)
	g.kernels.transposes[key] = t
	return t
}

// transpose computes y [batch][taps c k] from x [batch][k taps c].
func (g *Graph) transpose(y, x *Tensor, batch, taps, c, k int) {
	l := launch{kernel: "transpose", rows: batch, binds: []bind{in(x), out(y)},
		push: func(_, n int) constants {
			return constants{"batch": n, "taps": taps, "c": c, "c4": quads(c), "k": k, "k4": quads(k)}
		},
		groups: func(n int) [3]uint32 { return groups1(n*taps*c*quads(k), 32) }}
	if batch == 1 { // a parameter has more rows in memory than k
		l.binds = []bind{whole(x), wholeOut(y)}
	}
	g.run(l)
}

func (g *Graph) convForward(y, x, taps *Tensor, c convShape) *fusible {
	k4 := quads(c.k)
	return g.gemmForward(gemmForward{y: y, x: x, w: taps, images: c.n, gridH: c.oh, gridW: c.ow, c: c.c, k: c.k, inH: c.h, inW: c.w,
		step: c.stride, offH: -c.pad, offW: -c.pad, dir: 1, tapsH: c.r, tapsW: c.s,
		wTapH: c.s * c.c * k4, wTapW: c.c * k4, wIn: k4, outN: c.oh * c.ow * k4, outH: c.ow * k4, outW: k4, work: c.work()})
}

// convData computes dx[n h w c] (+)= Σ dy[n, (h + pad − r)/stride, …, k] · w[k r s c] over the taps for which the division has no remainder. There
// are classes (h mod stride, w mod stride), each with only its own taps r ≡ h + pad: in one dispatch if the kernel can and they are alike, else in one each.
// A class without taps has no gradient to add.
func (g *Graph) convData(dx *Tensor, add int, dy, w *Tensor, c convShape) *contribution {
	c4, all := quads(c.c), true
	var classes []gemmForward
	for a := range c.stride {
		for b := range c.stride {
			gh, gw := (c.h-a+c.stride-1)/c.stride, (c.w-b+c.stride-1)/c.stride
			r0, s0 := (a+c.pad)%c.stride, (b+c.pad)%c.stride
			tapsH, tapsW := max(0, (c.r-r0+c.stride-1)/c.stride), max(0, (c.s-s0+c.stride-1)/c.stride)
			if gh < 1 || gw < 1 {
				continue
			}
			if add == 1 && tapsH*tapsW == 0 {
				all = false
				continue
			}
			if tapsH*tapsW == 0 { // tiled.gather goes by either
				tapsH, tapsW = 0, 0
			}
			classes = append(classes, gemmForward{y: dx, x: dy, w: w, images: c.n, gridH: gh, gridW: gw, c: c.k, k: c.c, inH: c.oh, inW: c.ow,
				step: 1, offH: (a + c.pad - r0) / c.stride, offW: (b + c.pad - s0) / c.stride, dir: -1, tapsH: tapsH, tapsW: tapsW,
				wTap0: (r0*c.s + s0) * c4, wTapH: c.stride * c.s * c4, wTapW: c.stride * c4, wIn: c.r * c.s * c4,
				outN: c.h * c.w * c4, outH: c.stride * c.w * c4, outW: c.stride * c4, out0: (a*c.w + b) * c4,
				add: add, classes: c.stride * c.stride, work: c.work() * float64(tapsH*tapsW) / float64(c.r*c.s)})
		}
	}
	by := &contribution{all: all}
	if len(classes) > 1 && c.h%c.stride == 0 && c.w%c.stride == 0 && len(classes) == c.stride*c.stride {
		most := slices.MaxFunc(classes, func(a, b gemmForward) int { return cmp.Compare(a.work, b.work) })
		if pick := g.chooseForward(most); pick.tile != nil { // one dispatch reads dy once
			by.products = append(by.products, g.forwardBy(pick, most.ofAllClasses(c)))
			return by
		}
	}
	for i, x := range classes {
		x.more = i < len(classes)-1
		by.products = append(by.products, g.gemmForward(x))
	}
	return by
}

// ofAllClasses returns the product of all classes in one dispatch, for that of one class: the kernel finds the taps of each (tiled_gather.glsl).
func (a gemmForward) ofAllClasses(c convShape) gemmForward {
	a.stride, a.classes, a.work = c.stride, 1, c.work()
	a.tapsH, a.tapsW, a.offH, a.offW = c.r, c.s, c.pad, c.pad
	a.wTap0, a.out0 = 0, 0
	return a
}

// convWeight adds dw[k r s c] = Σ_{n p q} dy[n p q k] · x[n, p·stride − pad + r, …, c] to the parameter's gradient.
func (g *Graph) convWeight(p *Param, x, dy *Tensor, c convShape) {
	g.gemmWeight(g.paramGrad(p), 1, x, dy, c)
}
