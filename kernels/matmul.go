package kernels

// MatMul is op(a)·op(b) for matrices, op(m) = mᵀ where transA or transB says so: [M K]·[K N] → [M N]. Backward keeps a and b.
func MatMul(a, b *Tensor, transA, transB bool) *Tensor {
	g := a.g
	m, k, n := matmulShape("MatMul", a, b, transA, transB)
	y := g.result("MatMul", []int{m, n}, a, b)
	g.gemm(y, 0, a, b, transA, transB, k)
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

// Linear is y = x·wᵀ + b for x [N C], w [K C] and b [K] (nil: none), as torch.nn.Linear.
func Linear(x *Tensor, w, b *Param) *Tensor {
	g := x.g
	if x.Width() != w.Shape[1] {
		misuse("Linear "+w.Name, "%v, w %v: %d inputs, want %d", x, w.Shape, x.Width(), w.Shape[1])
	}
	at := len(g.trace)
	weight := w.Value(g)
	y := MatMul(x, weight, false, true)
	inputs := []*Tensor{x, weight}
	if b != nil {
		bias := b.Value(g)
		y = addBias(y, bias)
		inputs = append(inputs, bias)
	}
	g.trace = g.trace[:at]
	g.node("Linear", y, nil, inputs...)
	return y
}

func matmulShape(op string, a, b *Tensor, transA, transB bool) (m, k, n int) {
	wantShape(op, a, 2)
	wantShape(op, b, 2)
	m, k = a.Dim(0), a.Dim(1)
	if transA {
		m, k = k, m
	}
	kb, n := b.Dim(0), b.Dim(1)
	if transB {
		kb, n = n, kb
	}
	if k != kb {
		misuse(op, "%v (transposed: %t) times %v (transposed: %t): inner sizes %d and %d differ", a, transA, b, transB, k, kb)
	}
	return m, k, n
}

// gemm makes y [M N] (+)= op(a)·op(b) with inner size k. The gather kernel wants b's rows along n, the outer kernel a's along m: a b that
// is transposed is turned first.
func (g *Graph) gemm(y *Tensor, add int, a, b *Tensor, transA, transB bool, k int) {
	m, n := y.Dim(0), y.Dim(1)
	if transB {
		t := g.alloc(b.name+" transposed", F32, []int{k, n})
		g.transpose(t, b, 1, k, n)
		b = t
	}
	if transA { // y[m n] = Σ_k a[k m]·b[k n]: the weight gradient of a 1×1 convolution over k images of one pixel
		g.outer(y, add, b, a, convShape{n: k, h: 1, w: 1, c: n, k: m, r: 1, s: 1, stride: 1, oh: 1, ow: 1})
		return
	}
	n4 := quads(n)
	g.gather(gather{y: y, x: a, w: b, images: m, gridH: 1, gridW: 1, c: k, k: n, inH: 1, inW: 1, step: 1, dir: 1, tapsH: 1, tapsW: 1,
		wIn: n4, outN: n4, add: add, work: 2 * float64(m) * float64(n) * float64(k)})
}

// Bias is x + b for x [.. C] and b [C], added to every row.
func Bias(x *Tensor, b *Param) *Tensor {
	y := addBias(x, b.Value(x.g))
	return y
}

func addBias(x, b *Tensor) *Tensor {
	g := x.g
	if b.Width() != x.Width() || len(b.shape) != 1 {
		misuse("Bias", "%v and %v: want a bias of %d", x, b, x.Width())
	}
	y := g.result("Bias", x.shape, x, b)
	g.node("Bias", y, nil, x, b)
	rows, c4 := x.Rows(), x.quads()
	g.run(launch{kernel: "bias", rows: rows, binds: []bind{in(x), whole(b), out(y)},
		push:   func(_, n int) []uint32 { return push(n, c4) },
		groups: func(n int) [3]uint32 { return groups1(n*c4, 32) }})
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

// columnSum makes y [C] (+)= Σ_r x[r C], by chunks of rows that are added up in order.
func (g *Graph) columnSum(y *Tensor, add int, x *Tensor) {
	rows, c4 := x.Rows(), x.quads()
	chunk := chunkRows(rows)
	chunks := (rows + chunk - 1) / chunk
	part := g.alloc("column sums", F32, []int{chunks, c4 * lanes})
	g.run(launch{kernel: "colsum", rows: rows, unit: chunk, binds: []bind{in(x), wholeOut(part)},
		push:   func(first, n int) []uint32 { return push(n, chunk, first/chunk, c4) },
		groups: func(n int) [3]uint32 { return groups1((n+chunk-1)/chunk*c4, 32) }})
	g.reduce(y, add, part, chunks, c4)
}

// chunkRows is how many rows one lane sums: at least 256 (what a slice of vectors aligned to 256 bytes can always hold), and
// as many as it takes to leave at most 1024 partial sums.
func chunkRows(rows int) int { return max(256, ((rows+1023)/1024+15)/16*16) }
