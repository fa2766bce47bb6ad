package kernels

import "slices"

// MatMul is op(a)·op(b), where op is the transpose if transA or transB is set: [M K]·[K N] → [M N] for matrices, or [B M K]·[B K N] → [B M N] for
// batches, as torch.bmm. Backward keeps a and b.
func MatMul(a, b *Tensor, transA, transB bool) *Tensor {
	g := a.g
	shape, m, k, n := matmulShape("MatMul", a, b, transA, transB)
	y := g.result("MatMul", shape, a, b)
	y.producer = g.gemm(y, 0, a, b, transA, transB, k)
	g.vjp(y, func(dy *Tensor) {
		if a.needs {
			da, add := g.gradient(a)
			if transA {
				g.gemm(da, add, b, dy, transB, true, n)
			} else {
				g.gemm(da, add, dy, b, false, !transB, n)
			}
		}
		if b.needs {
			db, add := g.gradient(b)
			if transB {
				g.gemm(db, add, dy, a, true, transA, m)
			} else {
				g.gemm(db, add, a, dy, !transA, false, m)
			}
		}
	})
	return y
}

// Linear is y = x·wᵀ + b for x [.. C], w [K C] and b [K] (nil: none), to [.. K], as torch.nn.Linear.
func Linear(x *Tensor, w, b *Param) *Tensor {
	g := x.g
	if x.Width() != w.Shape[1] {
		misuse("Linear "+w.Name, "%v, w %v: %d inputs, want %d", x, w.Shape, x.Width(), w.Shape[1])
	}
	at := len(g.trace)
	weight, rows := w.Value(g), x
	if len(x.shape) != 2 {
		rows = Reshape(x, x.Rows(), x.Width())
	}
	y := MatMul(rows, weight, false, true)
	inputs := []*Tensor{x, weight}
	if b != nil {
		bias := b.Value(g)
		y = addBias(y, bias)
		inputs = append(inputs, bias)
	}
	if len(x.shape) != 2 {
		y = Reshape(y, append(slices.Clone(x.shape[:len(x.shape)-1]), y.Width())...)
	}
	g.trace = g.trace[:at]
	g.node("Linear", y, onnxLinear, nil, inputs...)
	return y
}

// onnxLinear is Gemm for matrices, and MatMul and Add for other ranks, which Gemm does not take. Runtimes transpose the stored weight once.
func onnxLinear(n Node, o ONNX) {
	x, y, w, biased := o.Value(n.In[0]), o.Value(n.Out), o.Weight(n.In[1]), len(n.In) > 2
	switch rank := len(n.Out.shape); {
	case rank == 4:
		refuseImage(o)
	case rank == 2 && biased:
		o.Node("Gemm", w, []string{x, w, o.Weight(n.In[2])}, y, gemmAttrs...)
	case rank == 2:
		o.Node("Gemm", w, []string{x, w, o.Floats(w+"_zero", make([]float32, n.Out.Width()))}, y, gemmAttrs...)
	default:
		o.Node("Transpose", w, []string{w}, w+"_transposed", Attr{"perm", []int{1, 0}})
		product := y
		if biased {
			product += "_product"
		}
		o.Node("MatMul", w, []string{x, w + "_transposed"}, product)
		if biased {
			o.Node("Add", w, []string{product, o.Weight(n.In[2])}, y)
		}
	}
}

var gemmAttrs = []Attr{{"alpha", float32(1)}, {"beta", float32(1)}, {"transA", 0}, {"transB", 1}}

// refuseImage refuses an op on the last axis of a value of four axes, which is an image: in ONNX its last axis is not the channels.
func refuseImage(o ONNX) {
	o.Refuse("values of four axes are images, whose last axis in ONNX is not the channels")
}

// NormalizedLinear is y = x·vᵀ for x [N C] and w [K C], v_k = w_k/max(‖w_k‖, 1e-12): a linear layer without bias whose rows have length 1, as
// torch.nn.utils.weight_norm with g = 1 (Salimans and Kingma 2016, arXiv:1602.07868). Backward keeps x, v and the norms.
func NormalizedLinear(x *Tensor, w *Param) *Tensor {
	if len(w.Shape) != 2 || x.Width() != w.Shape[1] {
		misuse("NormalizedLinear "+w.Name, "%v, w %v: want as many inputs as x is wide", x, w.Shape)
	}
	return MatMul(x, L2Normalize(w.Value(x.g)), false, true)
}

func matmulShape(op string, a, b *Tensor, transA, transB bool) (shape []int, m, k, n int) {
	wantShape(op, a, max(2, min(len(a.shape), 3)))
	wantShape(op, b, len(a.shape))
	batch := a.shape[:len(a.shape)-2]
	m, k = a.Dim(-2), a.Dim(-1)
	if transA {
		m, k = k, m
	}
	kb, n := b.Dim(-2), b.Dim(-1)
	if transB {
		kb, n = n, kb
	}
	if k != kb {
		misuse(op, "%v (transposed: %t) times %v (transposed: %t): inner sizes %d and %d differ", a, transA, b, transB, k, kb)
	}
	if !slices.Equal(batch, b.shape[:len(batch)]) {
		misuse(op, "%v times %v: batches of %v and %v matrices: want as many of both", a, b, batch, b.shape[:len(batch)])
	}
	return append(slices.Clone(batch), m, n), m, k, n
}

// Bias is x + b for x [.. C] and b [C], added to every row.
func Bias(x *Tensor, b *Param) *Tensor { return addBias(x, b.Value(x.g)) }

func addBias(x, b *Tensor) *Tensor {
	g := x.g
	if b.Width() != x.Width() || len(b.shape) != 1 {
		misuse("Bias", "%v and %v: want a bias of %d", x, b, x.Width())
	}
	y := g.result("Bias", x.shape, x, b)
	g.node("Bias", y, onnxBias, nil, x, b)
	g.addToRows(y, 0, x, b)
	g.vjp(y, func(dy *Tensor) {
		if b.needs {
			db, add := g.gradient(b)
			g.columnSum(db, add, dy)
		}
		if x.needs {
			g.pass(x, dy)
		}
	})
	return y
}

func onnxBias(n Node, o ONNX) {
	if len(n.Out.shape) == 4 {
		refuseImage(o)
		return
	}
	b := o.Weight(n.In[1])
	o.Node("Add", b, []string{o.Value(n.In[0]), b}, o.Value(n.Out))
}

// addToRows computes y (+)= x + b for x and y [N ..] and b of the last axes, which is added to each of N.
func (g *Graph) addToRows(y *Tensor, add int, x, b *Tensor) {
	c4 := b.Rows() * b.quads()
	g.run(launch{kernel: "bias", rows: x.Rows() * x.quads() / c4, binds: []bind{in(x), whole(b), sum(y, add)},
		push:   func(_, n int) constants { return constants{"rows": n, "c4": c4, "add": add} },
		groups: func(n int) [3]uint32 { return groups1(n*c4, 32) }})
}

// columnSum computes y [C] (+)= Σ_r x[r C], as sums of chunks of rows that are added in levels.
func (g *Graph) columnSum(y *Tensor, add int, x *Tensor) {
	rows, c4 := x.Rows(), x.quads()
	chunk := chunkRows(rows, c4)
	chunks := (rows + chunk - 1) / chunk
	part := g.alloc("column sums", F32, []int{chunks, c4 * lanes})
	g.run(launch{kernel: "colsum", rows: rows, unit: chunk, binds: []bind{in(x), wholeOut(part)},
		push: func(first, n int) constants {
			return constants{"rows": n, "chunk": chunk, "chunk0": first / chunk, "c4": c4}
		},
		groups: func(n int) [3]uint32 { return groups1((n+chunk-1)/chunk*c4, 32) }})
	part, chunks = g.sumLevels(part, chunks, c4)
	g.reduce(y, add, part, chunks, c4)
}

// chunkRows returns the number of rows that one lane sums, of `rows` rows of c4 vectors. It leaves 65,536 lanes, which with four reads in flight each
// hide a GPU's memory latency. It is at least 64, so that partial sums are at most 3 % of the reads, at most 1024, and a multiple of 16, so that
// chunks begin at multiples of 256 bytes, where slices may begin.
func chunkRows(rows, c4 int) int { return min(max((rows*c4/65536+15)/16*16, 64), 1024) }
