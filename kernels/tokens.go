package kernels

import (
	"fmt"
	"maps"
)

// PrependToken puts one token before those of every sample: x [N T D] and token [1 1 D] to [N T+1 D], with y[n 0] = token and y[n t+1] = x[n t], as the
// class token of vision transformers (Dosovitskiy et al. 2021, arXiv:2010.11929, eq. 1). The token's gradient is a sum over the samples.
func PrependToken(x, token *Tensor) *Tensor {
	wantShape("PrependToken", x, 3)
	wantToken("PrependToken", x, token)
	g, n, t, d := x.g, x.Dim(0), x.Dim(1), x.Width()
	y := g.result("PrependToken", []int{n, t + 1, d}, x, token)
	g.node("PrependToken", y, onnxPrependToken, nil, x, token)
	g.shiftTokens(y, 0, x, token, -1)
	g.vjp(y, func(dy *Tensor) {
		if token.needs {
			first := g.alloc("first tokens", F32, []int{n, 1, d})
			g.shiftTokens(first, 0, dy, nil, 0)
			dt, add := g.gradient(token)
			g.columnSum(dt, add, first)
		}
		if x.needs {
			dx, add := g.gradient(x)
			g.shiftTokens(dx, add, dy, nil, 1)
		}
	})
	return y
}

// onnxPrependToken concatenates the token, once for each image, and x. Zero times the first token of each image gives it the batch, which stays symbolic.
// OpenCV cannot pad an initializer.
func onnxPrependToken(n Node, o ONNX) {
	y, x, token := o.Value(n.Out), o.Value(n.In[0]), n.In[1].onnx(o)
	if len(n.In[1].shape) != 3 {
		o.Refuse("its token has not three axes")
		return
	}
	node := func(op, step string, inputs ...string) string {
		o.Node(op, y+"/"+step, inputs, y+"_"+step)
		return y + "_" + step
	}
	first := node("Slice", "first", x, o.Ints("token_0", 0), o.Ints("token_1", 1), o.Ints("axis_of_tokens", 1))
	tokens := node("Add", "tokens", node("Mul", "zeros", first, o.Floats("times_zero", []float32{0})), token)
	o.Node("Concat", y, []string{tokens, x}, y, Attr{"axis", 1})
}

// onnx returns the name of the ONNX value of a stored or a computed tensor.
func (t *Tensor) onnx(o ONNX) string {
	if t.mem.set != arena {
		return o.Weight(t)
	}
	return o.Value(t)
}

// SliceTokens is x[:, from:to] for x [N T D].
func SliceTokens(x *Tensor, from, to int) *Tensor {
	wantShape("SliceTokens", x, 3)
	if from < 0 || to > x.Dim(1) || from >= to {
		misuse("SliceTokens", "%v from %d to %d: want 0 ≤ from < to ≤ %d", x, from, to, x.Dim(1))
	}
	g := x.g
	y := g.result("SliceTokens", []int{x.Dim(0), to - from, x.Width()}, x)
	g.node("SliceTokens", y, onnxSliceTokens, map[string]float64{"from": float64(from), "to": float64(to)}, x)
	g.shiftTokens(y, 0, x, nil, from)
	g.vjp(y, func(dy *Tensor) {
		dx, add := g.gradient(x)
		g.shiftTokens(dx, add, dy, nil, -from)
	})
	return y
}

func onnxSliceTokens(n Node, o ONNX) {
	from, to := int(n.Attr["from"]), int(n.Attr["to"])
	o.Node("Slice", o.Value(n.Out), []string{o.Value(n.In[0]), o.Ints(fmt.Sprintf("token_%d", from), from), o.Ints(fmt.Sprintf("token_%d", to), to),
		o.Ints("axis_of_tokens", 1)}, o.Value(n.Out))
}

// GatherTokens takes K tokens of each sample, x [N T D] to [N K D]: y[n k] = x[n index[n·K + k]], for index [N·K] (I32), which the host fills before each
// run. An index outside 0 … T−1 takes fill [1 1 D] instead (nil: zeros). No other index of a sample may appear twice: then Backward writes every gradient
// once, in any order. It selects a masked autoencoder's visible tokens, and puts them back between mask tokens (He et al. 2022, arXiv:2111.06377,
// section 3). Fill's gradient is a sum over the tokens that take it.
func GatherTokens(x, index, fill *Tensor) *Tensor {
	g := x.g
	wantShape("GatherTokens", x, 3)
	n, t, d := x.Dim(0), x.Dim(1), x.Width()
	count := product(index.shape) / n
	if index.dtype != I32 || len(index.shape) != 1 || count*n != index.Width() || count == 0 {
		misuse("GatherTokens", "%v with index %v: want numbers of type I32, as many for each of %d samples", x, index, n)
	}
	from := []*Tensor{x}
	if fill != nil {
		wantToken("GatherTokens", x, fill)
		from = append(from, fill)
	}
	y := g.result("GatherTokens", []int{n, count, d}, from...)
	push := func(add int) constants {
		return constants{"count": count, "tokens": t, "quads": x.quads(), "add": add, "shift": 0}
	}
	g.moveTokens("tokens.index", n, push(0), in(x), whole(g.orZeros(fill, d)), out(y), whole(index))
	g.vjp(y, func(dy *Tensor) {
		if fill != nil && fill.needs {
			df, add := g.gradient(fill)
			g.chunkSum("colsum.outside", df, add, dy, chunkRows(dy.Rows(), dy.quads()), constants{"tokens": t}, whole(index))
		}
		if !x.needs {
			return
		}
		dx, add := g.gradient(x)
		if add == 0 {
			g.fill(dx, 0)
		}
		g.moveTokens("tokens.scatter", n, push(add), in(dy), inout(dx), whole(index))
	})
	return y
}

// chunkSum computes y [C] (+)= Σ_r x[r C] with a variant of colsum.comp, as sums of chunks of rows that are added in levels.
func (g *Graph) chunkSum(kernel string, y *Tensor, add int, x *Tensor, chunk int, more constants, binds ...bind) {
	rows, c4 := x.Rows(), x.quads()
	chunks := (rows + chunk - 1) / chunk
	part := g.alloc("column sums", F32, []int{chunks, c4 * lanes})
	g.run(launch{kernel: kernel, rows: rows, unit: chunk, binds: append([]bind{in(x), wholeOut(part)}, binds...),
		push: func(first, n int) constants {
			slice := constants{"rows": n, "chunk": chunk, "chunk0": first / chunk, "c4": c4}
			maps.Copy(slice, more)
			return slice
		},
		groups: func(n int) [3]uint32 { return groups1((n+chunk-1)/chunk*c4, 32) }})
	part, chunks = g.sumLevels(part, chunks, c4)
	g.reduce(y, add, part, chunks, c4)
}

// shiftTokens computes y[n t] (+)= x[n t+shift]. Tokens that x does not have are fill, or zeros.
func (g *Graph) shiftTokens(y *Tensor, add int, x, fill *Tensor, shift int) {
	g.moveTokens("tokens.shift", x.Dim(0), constants{"count": y.Dim(1), "tokens": x.Dim(1), "quads": x.quads(), "add": add, "shift": shift},
		in(x), whole(g.orZeros(fill, x.Width())), sum(y, add))
}

// moveTokens runs tokens.comp on n samples.
func (g *Graph) moveTokens(kernel string, n int, push constants, binds ...bind) {
	vectors := push["count"].(int) * push["quads"].(int)
	g.run(launch{kernel: kernel, rows: n, binds: binds,
		push: func(first, n int) constants {
			slice := constants{"rows": n, "row0": first}
			maps.Copy(slice, push)
			return slice
		},
		groups: func(n int) [3]uint32 { return groups1(n*vectors, 32) }})
}

func (g *Graph) orZeros(x *Tensor, width int) *Tensor {
	if x != nil {
		return x
	}
	return g.constant("zeros", make([]float32, width))
}

func wantToken(op string, x, token *Tensor) {
	if token.Width() != x.Width() || token.Rows() != 1 {
		misuse(op, "%v with token %v: want a token of %d", x, token, x.Width())
	}
}

// AddPositions is y[n t] = x[n t] + p[t] for x [N T D] and p [T D] or [1 T D], the position embedding. Its gradient is a sum over the samples.
func AddPositions(x, p *Tensor) *Tensor {
	wantShape("AddPositions", x, 3)
	if p.Rows() != x.Dim(1) || p.Width() != x.Width() {
		misuse("AddPositions", "%v and %v: want positions %v", x, p, x.shape[1:])
	}
	g, n, c4 := x.g, x.Dim(0), x.Dim(1)*x.quads()
	y := g.result("AddPositions", x.shape, x, p)
	g.node("AddPositions", y, onnxAddPositions, nil, x, p)
	g.addToRows(y, 0, x, p)
	g.vjp(y, func(dy *Tensor) {
		if p.needs {
			dp, add := g.gradient(p)
			g.chunkSum("colsum", dp, add, dy.as([]int{n, c4 * lanes}), 16, nil) // rows are long: chunks of 64 might be too large to bind
		}
		if x.needs {
			g.pass(x, dy)
		}
	})
	return y
}

func onnxAddPositions(n Node, o ONNX) {
	o.Node("Add", o.Value(n.Out), []string{o.Value(n.In[0]), n.In[1].onnx(o)}, o.Value(n.Out))
}

// MixTokens is w·x for the tokens x [T D] or [1 T D] and constants w [K T], row-major, to [K D]: each token of the result is a weighted sum of those of x,
// such as position embeddings that are interpolated for another grid. name is that of the constants in ONNX.
func MixTokens(name string, w []float32, x *Tensor) *Tensor {
	g, tokens := x.g, x.Rows()
	if len(w) == 0 || len(w)%tokens != 0 {
		misuse("MixTokens", "%v with %d weights: want %d for each token of the result", x, len(w), tokens)
	}
	at := len(g.trace)
	weights := g.constantRows(name, w, tokens)
	y := MatMul(weights, Reshape(x, tokens, x.Width()), false, false)
	g.trace = g.trace[:at]
	g.node("MixTokens", y, func(n Node, o ONNX) {
		o.Node("MatMul", o.Value(n.Out), []string{o.Floats(name, w, weights.shape...), n.In[0].onnx(o)}, o.Value(n.Out))
	}, nil, x)
	return y
}

// ScaleSamples is y[n ..] = s[n]·x[n ..] for x [N ..] and s [N], which has no gradient: stochastic depth (Huang et al. 2016, arXiv:1603.09382), where the
// host draws s[n] as 0 or 1/(1 − rate) before each run.
func ScaleSamples(x, s *Tensor) *Tensor {
	n := x.Dim(0)
	if len(s.shape) != 1 || s.Width() != n || s.needs || s.dtype != F32 {
		misuse("ScaleSamples", "%v with factors %v: want %d constants", x, s, n)
	}
	g, size := x.g, x.Rows()/n*x.quads()
	scale := func(y *Tensor, add int, x *Tensor) {
		g.run(launch{kernel: "scale.sample", rows: n, binds: []bind{in(x), sum(y, add), whole(s)},
			push:   func(first, n int) constants { return constants{"n": n * size, "add": add, "size": size, "row0": first} },
			groups: func(n int) [3]uint32 { return groups1(n*size, 256) }})
	}
	y := g.result("ScaleSamples", x.shape, x)
	scale(y, 0, x)
	g.vjp(y, func(dy *Tensor) {
		dx, add := g.gradient(x)
		scale(dx, add, dy)
	})
	return y
}
