package kernels

import (
	"fmt"
	"slices"
)

// GroupNorm is y = γ·(x − μ)/√(σ² + ε) + β (+ residual), then ReLU if relu, for x [N .. C]. μ and σ² (biased) are taken over the positions of one
// image and the C/groups neighboring channels of a group, so they do not depend on the batch and are the same in training and inference (Wu and He
// 2018, arXiv:1803.08494, eq. 1 to 4; torch.nn.GroupNorm). With one group it is layer norm (Ba et al. 2016, arXiv:1607.06450) with a scale and
// shift for each channel. Several groups have the same width, a multiple of 4; a single group may have any width. gamma and beta are [C], or both
// nil: 1 and 0. Backward keeps x, y if relu, and mean and 1/σ of each group.
func GroupNorm(x *Tensor, gamma, beta *Param, groups int, eps float64, residual *Tensor, relu bool) *Tensor {
	g, op, c := x.g, "GroupNorm", x.Width()
	scale, shift := g.affine(gamma, beta, c)
	if gamma != nil {
		op += " " + gamma.Name
	}
	switch {
	case scale.Width() != c:
		misuse(op, "%v: %d channels, want %d", x, c, scale.Width())
	case groups < 1 || groups > 1 && c%(groups*lanes) != 0:
		misuse(op, "%v in %d groups: want one group, or groups whose width is a multiple of %d channels", x, groups, lanes)
	}
	from := []*Tensor{x, scale, shift}
	if residual != nil {
		wantSame(op, x, residual)
		from = append(from, residual)
	}
	y := g.result(op, x.shape, from...)
	attr := map[string]float64{"eps": eps, "groups": float64(groups), "relu": 0}
	if relu {
		attr["relu"] = 1
	}
	g.node("GroupNorm", y, onnxGroupNorm, attr, from...)
	b := groupNorm{x: x, y: y, residual: residual, gamma: scale, beta: shift, groups: groups, area: x.Rows() / x.Dim(0), relu: relu}
	b.stats = g.groupStats(b, eps)
	g.groupApply(b)
	g.vjp(y, func(dy *Tensor) { g.groupBack(b, dy) })
	return y
}

// onnxGroupNorm writes a group norm of images as PyTorch does below opset 18, the first with a GroupNormalization node: InstanceNormalization of x
// with the channels and positions of a group in one row, then scale and shift for each channel.
func onnxGroupNorm(n Node, o ONNX) {
	if len(n.Out.shape) != 4 {
		o.Refuse("group norm has an ONNX form only for images")
		return
	}
	x, y, gamma, beta := o.Value(n.In[0]), o.Value(n.Out), o.Weight(n.In[1]), o.Weight(n.In[2])
	groups := int(n.Attr["groups"])
	rows, axes := o.Ints(fmt.Sprintf("rows_of_%d", groups), 0, groups, -1), o.Ints("axes_of_image", 1, 2)
	ones := o.Floats(fmt.Sprintf("ones_%d", groups), slices.Repeat([]float32{1}, groups))
	zeros := o.Floats(fmt.Sprintf("zeros_%d", groups), make([]float32, groups))
	const op = "InstanceNormalization"
	fusedNorm(n, o, op, n.In[3:], func(name, out string) {
		o.Node("Reshape", name+"/rows", []string{x, rows}, y+"_rows")
		o.Node(op, name, []string{y + "_rows", ones, zeros}, y+"_normal", Attr{"epsilon", float32(n.Attr["eps"])})
		o.Node("Reshape", name+"/image", []string{y + "_normal", imageDims(o, n.In[0], y+"_dims")}, y+"_image")
		for _, p := range []string{gamma, beta} {
			o.Node("Unsqueeze", p, []string{p, axes}, p+"_of_image")
		}
		o.Node("Mul", name+"/scale", []string{y + "_image", gamma + "_of_image"}, y+"_scaled")
		o.Node("Add", name+"/shift", []string{y + "_scaled", beta + "_of_image"}, out)
	})
}

// groupNorm is one call of GroupNorm, kept for its backward.
type groupNorm struct {
	x, y, residual, stats, gamma, beta *Tensor
	groups, area                       int // area: number of positions of an image
	relu                               bool
}

// quads returns the number of channel vectors of a group, channels its number of channels without pad lanes.
func (b groupNorm) quads() int    { return b.x.quads() / b.groups }
func (b groupNorm) channels() int { return b.x.Width() / b.groups }

// groupStats returns [N groups 4] with mean and 1/√(σ² + ε) in the first two lanes. It takes the statistics of each channel by the kernel of batch
// norm, then merges them by group.
func (g *Graph) groupStats(b groupNorm, eps float64) *Tensor {
	n, c4 := b.x.Dim(0), b.x.quads()
	part := g.alloc("group norm sums", F32, []int{n, 2, c4 * lanes})
	g.run(launch{kernel: "bn_stats", rows: b.x.Rows(), unit: b.area, binds: []bind{in(b.x), wholeOut(part)},
		push: func(first, m int) constants {
			return constants{"rows": m, "chunk": b.area, "chunk0": first / b.area, "c4": c4}
		},
		groups: func(m int) [3]uint32 { return groups1(m/b.area*c4, 32) }})
	stats := g.alloc("group norm", F32, []int{n, b.groups, lanes})
	g.run(launch{kernel: "gn_merge", rows: n, binds: []bind{in(part), out(stats)},
		push: func(_, m int) constants {
			return constants{"images": m, "c4": c4, "quads": b.quads(), "channels": b.channels(), "area": b.area, "eps": eps}
		},
		groups: func(m int) [3]uint32 { return groups1(m*b.groups, 32) }})
	return stats
}

func (g *Graph) groupApply(b groupNorm) {
	c4, residual := b.x.quads(), b.residual
	if residual == nil {
		residual = b.x
	}
	g.run(launch{kernel: "gn_apply", rows: b.x.Rows(), unit: 8,
		binds: []bind{in(b.x), whole(b.stats), whole(b.gamma), whole(b.beta), in(residual), out(b.y)},
		push: func(first, n int) constants {
			return constants{"rows": n, "first": first, "c4": c4, "quads": b.quads(), "area": b.area, "residual": b.residual != nil, "relu": b.relu}
		},
		groups: func(n int) [3]uint32 { return groups1((n+7)/8*c4, 32) }})
}

func (g *Graph) groupBack(b groupNorm, dy *Tensor) {
	n, c4 := b.x.Dim(0), b.x.quads()
	if !b.relu {
		b.y = b.x // the kernels bind y and do not read it, so its memory can be reused
	}
	s1, s2 := g.alloc("group norm gradient sums", F32, []int{n, b.x.Width()}), g.alloc("group norm gradient sums", F32, []int{n, b.x.Width()})
	g.run(launch{kernel: "gn_back_sum", rows: n, binds: []bind{in(dy), in(b.x), in(b.y), in(b.stats), out(s1), out(s2)},
		push: func(_, m int) constants {
			return constants{"images": m, "c4": c4, "quads": b.quads(), "area": b.area, "relu": b.relu}
		},
		groups: func(m int) [3]uint32 { return groups1(m*c4, 32) }})
	if b.gamma.needs {
		g.columnSum(g.paramGrad(b.beta.param), 1, s1)
		g.columnSum(g.paramGrad(b.gamma.param), 1, s2)
	}
	means := g.alloc("group norm gradient", F32, []int{n, b.groups, lanes})
	g.run(launch{kernel: "gn_back_merge", rows: n, binds: []bind{in(s1), in(s2), whole(b.gamma), out(means)},
		push: func(_, m int) constants {
			return constants{"images": m, "c4": c4, "quads": b.quads(), "channels": b.channels(), "area": b.area}
		},
		groups: func(m int) [3]uint32 { return groups1(m*b.groups, 32) }})
	g.groupBackApply(b, dy, means)
}

func (g *Graph) groupBackApply(b groupNorm, dy, means *Tensor) {
	c4, dx, addX := b.x.quads(), (*Tensor)(nil), 0
	if b.x.needs {
		dx, addX = g.gradient(b.x)
	} else {
		dx = g.alloc("unused", F32, b.x.shape)
	}
	passOn := b.residual != nil && b.residual.needs
	last, addRes := wholeOut(g.alloc("unused", I32, []int{lanes})), 0 // never written, so the eager twin must not scan it
	if passOn {
		var dres *Tensor
		dres, addRes = g.gradient(b.residual)
		last = sum(dres, addRes)
	}
	g.run(launch{kernel: "gn_back", rows: b.x.Rows(), unit: 8,
		binds: []bind{in(dy), in(b.x), in(b.y), whole(b.stats), whole(means), whole(b.gamma), sum(dx, addX), last},
		push: func(first, n int) constants {
			return constants{"rows": n, "first": first, "c4": c4, "quads": b.quads(), "width": b.x.Width(),
				"area": b.area, "relu": b.relu, "residual": passOn, "addX": addX, "addRes": addRes}
		},
		groups: func(n int) [3]uint32 { return groups1((n+7)/8*c4, 32) }})
}
