package kernels

import "strings"

// LayerNorm is y = γ·(x − μ)/√(σ² + ε) + β for x [.. D], with mean μ and variance σ² (biased) of each row, and gamma and beta [D] (Ba et al. 2016,
// arXiv:1607.06450, eq. 3 and 4; torch.nn.LayerNorm, whose default of eps is 1e-5). Backward keeps x, and μ and 1/√(σ² + ε) of each row.
func LayerNorm(x *Tensor, gamma, beta *Param, eps float64) *Tensor {
	g, op := x.g, "LayerNorm "+gamma.Name
	scale, shift := gamma.Value(g), beta.Value(g)
	if len(scale.shape) != 1 || scale.Width() != x.Width() || len(shift.shape) != 1 || shift.Width() != x.Width() {
		misuse(op, "%v with γ %v and β %v: want vectors of %d", x, gamma.Shape, beta.Shape, x.Width())
	}
	y := g.result("LayerNorm", x.shape, x, scale, shift)
	g.node("LayerNorm", y, onnxLayerNorm, map[string]float64{"eps": eps}, x, scale, shift)
	rows, q, width := x.Rows(), x.quads(), x.Width()
	stats := g.alloc("layer norm statistics", F32, []int{rows, lanes})
	group := groupOfRows(q)
	g.run(launch{kernel: "layernorm", spec: group.spec(), rows: rows, binds: []bind{in(x), whole(scale), whole(shift), out(y), out(stats)},
		push:   func(_, n int) constants { return constants{"rows": n, "quads": q, "width": width, "eps": eps} },
		groups: group.groups})
	g.vjp(y, func(dy *Tensor) {
		if scale.needs {
			g.layerNormSums(x, dy, stats, g.paramGrad(gamma), g.paramGrad(beta))
		}
		if !x.needs {
			return
		}
		dx, add := g.gradient(x)
		g.run(launch{kernel: "layernorm_back", spec: group.spec(), rows: rows, binds: []bind{in(dy), in(x), whole(scale), in(stats), sum(dx, add)},
			push:   func(_, n int) constants { return constants{"rows": n, "quads": q, "width": width, "add": add} },
			groups: group.groups})
	})
	return y
}

// layerNormSums adds Σ dy·x̂ to dgamma and Σ dy to dbeta, as sums over chunks of rows that are added in levels.
func (g *Graph) layerNormSums(x, dy, stats, dgamma, dbeta *Tensor) {
	rows, c4 := x.Rows(), x.quads()
	chunk := chunkRows(rows, c4)
	chunks := (rows + chunk - 1) / chunk
	gammas, betas := g.alloc("column sums", F32, []int{chunks, c4 * lanes}), g.alloc("column sums", F32, []int{chunks, c4 * lanes})
	g.run(launch{kernel: "layernorm_back_sum", rows: rows, unit: chunk, binds: []bind{in(dy), in(x), in(stats), wholeOut(gammas), wholeOut(betas)},
		push: func(first, n int) constants {
			return constants{"rows": n, "chunk": chunk, "chunk0": first / chunk, "c4": c4}
		},
		groups: func(n int) [3]uint32 { return groups1((n+chunk-1)/chunk*c4, 32) }})
	for _, s := range [][2]*Tensor{{gammas, dgamma}, {betas, dbeta}} {
		part, parts := g.sumLevels(s[0], chunks, c4)
		g.reduce(s[1], 1, part, parts, c4)
	}
}

func onnxLayerNorm(n Node, o ONNX) {
	if len(n.Out.shape) == 4 {
		refuseImage(o)
		return
	}
	x, y, gamma, beta, eps := o.Value(n.In[0]), o.Value(n.Out), o.Weight(n.In[1]), o.Weight(n.In[2]), float32(n.Attr["eps"])
	name := strings.TrimSuffix(gamma, ".weight")
	if o.Opset() >= 17 {
		o.Node("LayerNormalization", name, []string{x, gamma, beta}, y, Attr{"axis", -1}, Attr{"epsilon", eps})
		return
	}
	node := func(op, step string, inputs []string, attrs ...Attr) string {
		o.Node(op, name+"/"+step, inputs, y+"_"+step, attrs...)
		return y + "_" + step
	}
	mean := func(step, x string) string {
		return node("ReduceMean", step, []string{x}, Attr{"axes", []int{len(n.In[0].shape) - 1}}, Attr{"keepdims", 1})
	}
	centered := node("Sub", "centered", []string{x, mean("mean", x)})
	variance := mean("variance", node("Mul", "squares", []string{centered, centered}))
	deviation := node("Sqrt", "deviation", []string{node("Add", "variance_eps", []string{variance, o.Floats("layer_norm_eps", []float32{eps})})})
	scaled := node("Mul", "scaled", []string{node("Div", "normal", []string{centered, deviation}), gamma})
	o.Node("Add", name, []string{scaled, beta}, y)
}
