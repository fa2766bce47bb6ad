package kernels

// patchEps is added to the variance of a patch, so that a patch of equal numbers becomes 0.
const patchEps = 1e-6

// Patches cuts patches of side × side pixels out of images x [N H W C]: y[n k] is patch index[n·K + k] of image n, row by row, with the channels of a pixel
// next to each other, [N K side²·C]. Patches are numbered row by row; pixels right of the last whole patch and below it belong to none. index [N·K] (I32) is
// filled by the host before each run. With normalize, y[n k] is (v − mean)/√(σ² + 1e-6), with the mean and the unbiased variance of the patch: the target of
// masked autoencoders (He et al. 2022, arXiv:2111.06377, section 3; facebookresearch/mae, models_mae.py, patchify and forward_loss). No gradient flows.
func Patches(x, index *Tensor, side int, normalize bool) *Tensor {
	g := x.g
	wantShape("Patches", x, 4)
	n, columns, channels := x.Dim(0), x.Dim(2)/max(side, 1), x.Dim(3)
	width, count := side*side*channels, product(index.shape)/n
	patches := x.Dim(1) / max(side, 1) * columns
	switch {
	case side < 1 || patches < 1 || normalize && width < 2:
		misuse("Patches", "%v in patches of %d×%d: want patches of at least 1 number, or 2 to normalize, and no larger than the images", x, side, side)
	case index.dtype != I32 || len(index.shape) != 1 || count*n != index.Width() || count == 0:
		misuse("Patches", "%v with index %v: want numbers of type I32, as many for each of %d images", x, index, n)
	}
	y := g.alloc("Patches", F32, []int{n, count, width})
	group := groupOfRows(y.quads())
	g.run(launch{kernel: "patches", spec: group.spec(), rows: n, binds: []bind{in(x), whole(index), out(y)},
		push: func(first, n int) constants {
			return constants{"rows": n * count, "row0": first * count, "count": count, "patches": patches, "columns": columns, "side": side, "line": x.Dim(2),
				"area": x.Dim(1) * x.Dim(2), "channels": channels, "c4": x.quads(), "quads": y.quads(), "width": width, "normalized": normalize, "eps": patchEps}
		},
		groups: func(n int) [3]uint32 { return group.groups(n * count) }})
	return y
}
