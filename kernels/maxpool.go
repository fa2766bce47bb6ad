package kernels

// MaxPool2D is y[n p q c] = max_{r s} x[n, p·stride − pad + r, q·stride − pad + s, c] over windows of kernel × kernel of x [N H W C] to [N P Q C],
// P = ⌊(H + 2·padding − kernel)/stride⌋ + 1, as torch.nn.functional.max_pool2d: padding, at most half a kernel, counts as −∞. Backward keeps the
// index of the winning tap, in a tensor of y's size. Among equal numbers the first in row-major order gets the gradient.
func MaxPool2D(x *Tensor, kernel, stride, padding int) *Tensor {
	g := x.g
	wantShape("MaxPool2D", x, 4)
	if kernel < 1 || stride < 1 || padding < 0 || 2*padding > kernel {
		misuse("MaxPool2D", "kernel %d, stride %d and padding %d: want a kernel and a stride of at least 1 and a padding of 0 to half the kernel",
			kernel, stride, padding)
	}
	n, h, w, q := x.Dim(0), x.Dim(1), x.Dim(2), x.quads()
	if min(h, w)+2*padding < kernel {
		misuse("MaxPool2D", "%v is smaller than the kernel of %d with padding %d", x, kernel, padding)
	}
	oh, ow := (h+2*padding-kernel)/stride+1, (w+2*padding-kernel)/stride+1
	y := g.result("MaxPool2D", []int{n, oh, ow, x.Width()}, x)
	g.node("MaxPool", y, onnxMaxPool, map[string]float64{"kernel": float64(kernel), "stride": float64(stride), "pad": float64(padding)}, x)
	taps := g.alloc("winning taps", y.dtype, y.shape)
	g.run(launch{kernel: "maxpool", rows: n, binds: []bind{in(x), out(y), out(taps)},
		push: func(_, n int) constants {
			return constants{"n": n, "inH": h, "inW": w, "outH": oh, "outW": ow, "c4": q, "k": kernel, "stride": stride, "pad": padding}
		},
		groups: func(n int) [3]uint32 { return groups1(n*oh*ow*q, 32) }})
	g.vjp(y, func(dy *Tensor) {
		dx, add := g.gradient(x)
		g.run(launch{kernel: "maxpool_back", rows: n, binds: []bind{in(dy), in(taps), sum(dx, add)},
			push: func(_, n int) constants {
				return constants{"n": n, "inH": h, "inW": w, "outH": oh, "outW": ow, "c4": q, "k": kernel, "stride": stride, "pad": padding, "add": add}
			},
			groups: func(n int) [3]uint32 { return groups1(n*h*w*q, 32) }})
	})
	return y
}

func onnxMaxPool(n Node, o ONNX) {
	k, stride, pad := int(n.Attr["kernel"]), int(n.Attr["stride"]), int(n.Attr["pad"])
	o.Node("MaxPool", o.Value(n.Out), []string{o.Value(n.In[0])}, o.Value(n.Out), Attr{"ceil_mode", 0}, // dilations, even of 1, are refused by gorgonnx and GoMLX
		Attr{"kernel_shape", []int{k, k}}, Attr{"pads", []int{pad, pad, pad, pad}}, Attr{"strides", []int{stride, stride}})
}
