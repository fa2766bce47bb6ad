package kernels

// deviationEps is the ε that Standardize adds to a standard deviation, so that images of equal pixels become 0.
const deviationEps = 1e-3

// Standardize is (x − mean_n) / (std_n + 1e-3) for images x [N H W C], with mean and (biased) standard deviation over all pixels and channels of image
// n. It removes brightness and contrast, as from a jigsaw's tiles (Noroozi and Favaro 2016, arXiv:1603.09246, section 3.3). No gradient flows.
func Standardize(x *Tensor) *Tensor {
	g := x.g
	wantShape("Standardize", x, 4)
	y := g.alloc("Standardize", F32, x.shape)
	rows, pixels, q, width := x.Dim(0), x.Dim(1)*x.Dim(2), x.quads(), x.Width()
	g.run(launch{kernel: "standardize", rows: rows, binds: []bind{in(x), out(y)},
		push: func(_, n int) constants {
			return constants{"rows": n, "pixels": pixels, "quads": q, "width": width, "eps": deviationEps}
		},
		groups: func(n int) [3]uint32 { return groups1(n, 1) }})
	return y
}
