package kernels

import (
	"slices"

	"github.com/marr-ssl/marr/vk"
)

// Norm holds the parameters of a batch norm: scale γ and shift β [C] (both nil: 1 and 0, PyTorch's affine=False), the running mean and variance [C],
// ε, and the momentum, the weight of the new value as in PyTorch.
type Norm struct {
	Gamma, Beta *Param
	Mean, Var   *State
	Eps         float64 // 1e-5 in torch.nn.BatchNorm2d
	BNMomentum  float64 // 0.1 in torch.nn.BatchNorm2d
	Statistics  Statistics
}

// Statistics selects the statistics that a batch norm takes from its batch in training.
type Statistics int

// The choices of Statistics. With MeanOnly, σ² is 1 and the running variance does not change. With RunningMean, moreover, μ is the running mean, a
// constant that the batch's mean updates after the step.
const (
	MeanAndVariance Statistics = iota
	MeanOnly
	RunningMean
)

// fold is a batch norm call whose statistics UpdateRunningStats merges into the running ones.
type fold struct {
	n    Norm
	kept *Tensor // [populations][mean, σ²][C]
	rows int     // of a population

	devices int // that compute a population
	segment int
}

// BatchNorm is y = γ·(x − μ)/√(σ² + ε) + β (+ residual), then ReLU if relu, for x [.. C] over all axes but the last (Ioffe and Szegedy 2015,
// arXiv:1502.03167). In training μ and σ² (biased) are the batch's, by n.Statistics, and UpdateRunningStats updates the running statistics (σ²
// unbiased, as torch.nn.BatchNorm2d). In inference they are the running ones. Backward keeps x, y and four vectors. One call normalizes over all its rows.
func BatchNorm(x *Tensor, n Norm, residual *Tensor, relu, training bool) *Tensor {
	g := x.g
	gamma, beta := g.affine(n.Gamma, n.Beta, n.Mean.Shape[0])
	if gamma.Width() != x.Width() {
		misuse("BatchNorm "+n.name(), "%v: %d channels, want %d", x, x.Width(), gamma.Width())
	}
	from := []*Tensor{x, gamma, beta}
	if residual != nil {
		wantSame("BatchNorm "+n.name(), x, residual)
		from = append(from, residual)
	}
	y := g.result("BatchNorm "+n.name(), x.shape, from...)
	g.traceNorm(y, x, residual, n, gamma, beta, relu)
	b := &norm{x: x, y: y, residual: residual, relu: relu}
	if training {
		b.coef, b.numBatchStats = g.batchStats(x, gamma, beta, n), n.numBatchStats()
	}
	if b.numBatchStats == 0 {
		b.coef = g.runningStats(gamma, beta, n)
	} else if _, devices := g.populations(); g.update.minBatchNorm == 0 || devices*x.Dim(0) < g.update.minBatchNorm {
		g.update.minBatchNorm = devices * x.Dim(0)
	}
	b.unused = g.alloc("unused", I32, []int{lanes}) // never written, so the eager twin must not scan it
	b.applied = g.recorded(b.applyLaunch())
	g.norms = append(g.norms, b)
	g.vjp(y, func(dy *Tensor) { g.normBack(b, dy, gamma, beta) })
	return y
}

// name returns the norm's name for messages.
func (n Norm) name() string {
	if n.Gamma != nil {
		return n.Gamma.Name
	}
	return n.Mean.Name
}

// affine returns scale and shift. Without parameters they are the constants 1 and 0.
func (g *Graph) affine(gamma, beta *Param, width int) (scale, shift *Tensor) {
	if gamma != nil {
		return gamma.Value(g), beta.Value(g)
	}
	return g.constant("one", slices.Repeat([]float32{1}, width)), g.constant("zero", make([]float32, width))
}

// norm is one call of BatchNorm, kept for its backward.
type norm struct {
	x, y, residual, coef *Tensor
	relu                 bool
	masked               bool // by the ReLU: the gradient of y
	numBatchStats        int  // how many of mean and variance depend on x

	applied      recording // that of y
	residualCoef *Tensor   // the norm through which the residual is read; nil: none
	open         *Tensor   // a bit for each element of y: it is positive; nil: none
	unused       *Tensor   // bound in its place
	back         recording // that of the gradient of x, if it is of dy and x alone and of nothing else
}

// mask returns how the backward pass finds where the ReLU was open (relu in bn_back_sum.comp), and what it binds as y.
func (b *norm) mask() (relu int, y bind) {
	switch {
	case !b.relu || b.masked:
		return 0, in(b.x).idle()
	case b.residual == nil:
		return 2, in(b.x).idle() // a read less than from y
	}
	return 1, in(b.y)
}

// numBatchStats returns how many of the statistics depend on the batch in training: both, the mean, or neither.
func (n Norm) numBatchStats() int {
	return [...]int{MeanAndVariance: 2, MeanOnly: 1, RunningMean: 0}[n.Statistics]
}

func (g *Graph) traceNorm(y, x, residual *Tensor, n Norm, gamma, beta *Tensor, relu bool) {
	attr := map[string]float64{"eps": n.Eps, "momentum": n.BNMomentum}
	if relu {
		attr["relu"] = 1
	}
	in := []*Tensor{x, gamma, beta, n.Mean.Value(g), n.Var.Value(g)}
	if residual != nil {
		in = append(in, residual)
	}
	g.node("BatchNorm", y, onnxBatchNorm, attr, in...)
}

func onnxBatchNorm(n Node, o ONNX) {
	inputs := []string{o.Value(n.In[0])}
	for _, p := range n.In[1:5] {
		inputs = append(inputs, o.Weight(p))
	}
	const op = "BatchNormalization"
	fusedNorm(n, o, op, n.In[5:], func(name, out string) { // ONNX's momentum multiplies the old value, PyTorch's the new one
		o.Node(op, name, inputs, out, Attr{"epsilon", float32(n.Attr["eps"])}, Attr{"momentum", float32(1 - n.Attr["momentum"])})
	})
}

// batchStats returns [a b mean invstd][C] of the batch and keeps mean and variance for UpdateRunningStats.
func (g *Graph) batchStats(x, gamma, beta *Tensor, n Norm) *Tensor {
	rows := x.Rows()
	if rows < 2 {
		misuse("BatchNorm "+n.name(), "%v: a single value per channel has no variance: use a batch of at least 2", x)
	}
	if part := g.statistics(x); part != nil {
		return g.mergeStats(part, x.producer.tile, rows, gamma, beta, n)
	}
	part, per, rows := g.chunkStats(x)
	return g.mergeStats(part, per, rows, gamma, beta, n)
}

// chunkStats returns the statistics [parts][mean, M2][C] of chunks of `per` rows of x, but for the last chunk, and the number of rows.
func (g *Graph) chunkStats(x *Tensor) (part *Tensor, per, rows int) {
	rows, c4 := x.Rows(), x.quads()
	chunk := chunkRows(rows, c4)
	chunks := (rows + chunk - 1) / chunk
	part = g.alloc("batch norm sums", F32, []int{chunks, 2, c4 * lanes})
	g.run(launch{kernel: "bn_stats", rows: rows, unit: chunk, binds: []bind{in(x), wholeOut(part)},
		push: func(first, m int) constants {
			return constants{"rows": m, "chunk": chunk, "chunk0": first / chunk, "c4": c4}
		},
		groups: func(m int) [3]uint32 { return groups1((m+chunk-1)/chunk*c4, 32) }})
	return part, chunk, rows
}

func (g *Graph) runningStats(gamma, beta *Tensor, n Norm) *Tensor {
	c4 := gamma.quads()
	coef := g.alloc("batch norm "+n.name(), F32, []int{4, c4 * lanes})
	g.run(launch{kernel: "bn_fold", rows: 1,
		binds:  []bind{whole(gamma), whole(beta), whole(n.Mean.Value(g)), whole(n.Var.Value(g)), wholeOut(coef)},
		push:   func(_, _ int) constants { return constants{"c4": c4, "eps": n.Eps} },
		groups: func(int) [3]uint32 { return groups1(c4, 32) }})
	return coef
}

// applyRows is the number of rows that an invocation of bn_apply.comp computes.
const applyRows = 8

// applyLaunch returns the launch that computes y.
func (b *norm) applyLaunch() launch {
	c4, residual, coef, bits := b.x.quads(), in(b.x).idle(), whole(b.coef).idle(), wholeOut(b.unused).idle()
	mode := 0
	if b.residual != nil {
		mode, residual = 1, in(b.residual)
	}
	if b.residualCoef != nil {
		mode, coef = 2, whole(b.residualCoef)
	}
	if b.open != nil {
		bits = bind{t: b.open, access: vk.Write}
	}
	return launch{kernel: "bn_apply", rows: b.x.Rows(), unit: applyRows, binds: []bind{in(b.x), whole(b.coef), residual, out(b.y), coef, bits},
		push: func(first, n int) constants {
			return constants{"rows": n, "c4": c4, "residual": mode, "relu": b.relu, "bits": b.open != nil, "row0": first}
		},
		groups: func(n int) [3]uint32 { return groups1(ceil(n, applyRows)*c4, 32) }}
}

func (g *Graph) normBack(b *norm, dy, gamma, beta *Tensor) {
	rows, c4 := b.x.Rows(), b.x.quads()
	part, parts := g.gradientSums(b, dy)
	if part != nil {
		b.masked = true
	} else {
		part, parts = g.chunkGradientSums(b, dy)
	}
	dgamma, dbeta := g.gradientOrUnused(gamma), g.gradientOrUnused(beta)
	if _, devices := g.populations(); devices > 1 && b.numBatchStats > 0 { // only their own rows count for dγ and dβ: SumParts or an Exchange adds those of all devices
		part, _ = g.mergeLevels("sum", part, parts, 2*c4, 1)
		g.mergeGradientSums(b, part, 1, rows, dgamma, dbeta)
		part, parts, rows = g.ofAllDevices(part), devices, rows*devices
		dgamma, dbeta = g.unused(gamma.shape), g.unused(beta.shape)
	} else {
		part, parts = g.sumLevels(part, parts, 2*c4)
	}
	g.normBackApply(b, dy, g.mergeGradientSums(b, part, parts, rows, dgamma, dbeta))
}

// mergeGradientSums adds sums of bn_back_sum.comp over `rows` rows to dγ and dβ, and returns what bn_back.comp needs of them, [B C A s e][C].
func (g *Graph) mergeGradientSums(b *norm, part *Tensor, parts, rows int, dgamma, dbeta *Tensor) (back *Tensor) {
	c4 := b.x.quads()
	back = g.alloc("batch norm gradient", F32, []int{5, c4 * lanes})
	g.run(launch{kernel: "bn_back_merge", rows: 1,
		binds: []bind{whole(part), whole(b.coef), wholeOut(back), wholeOut(dgamma), wholeOut(dbeta)},
		push: func(_, _ int) constants {
			return constants{"c4": c4, "chunks": parts, "rows": rows, "through": b.numBatchStats}
		},
		groups: func(int) [3]uint32 { return groups1(c4, 32) }})
	return back
}

// chunkGradientSums returns the sums of bn_back_sum.comp over chunks of rows, [chunks][2][C].
func (g *Graph) chunkGradientSums(b *norm, dy *Tensor) (part *Tensor, chunks int) {
	rows, c4 := b.x.Rows(), b.x.quads()
	chunk := chunkRows(rows, c4)
	chunks = ceil(rows, chunk)
	part = g.alloc("batch norm gradient sums", F32, []int{chunks, 2, c4 * lanes})
	mask, y := b.mask()
	g.run(launch{kernel: "bn_back_sum", rows: rows, unit: chunk, binds: []bind{in(dy), in(b.x), y, whole(b.coef), wholeOut(part)},
		push: func(first, n int) constants {
			return constants{"rows": n, "chunk": chunk, "chunk0": first / chunk, "c4": c4, "relu": mask}
		},
		groups: func(n int) [3]uint32 { return groups1((n+chunk-1)/chunk*c4, 32) }})
	return part, chunks
}

// gradientOrUnused returns the gradient tensor of a parameter, or scratch memory for one without a gradient, such as a moving average.
func (g *Graph) gradientOrUnused(x *Tensor) *Tensor {
	if x.needs {
		return g.paramGrad(x.param)
	}
	return g.unused(x.shape)
}

// unused returns scratch memory in place of a gradient that is added to. It is not initialized, so the eager twin must not scan it.
func (g *Graph) unused(shape []int) *Tensor { return g.alloc("unused", I32, paddedShape(shape)) }

func (g *Graph) normBackApply(b *norm, dy, back *Tensor) {
	c4 := b.x.quads()
	var dx, dres *Tensor
	var addX, addRes int
	if b.x.needs {
		dx, addX = g.gradient(b.x)
	} else {
		dx = g.alloc("unused", F32, b.x.shape)
	}
	passOn := b.residual != nil && b.residual.needs
	become := passOn && (b.masked || !b.relu) && b.residual.becomes(dy) // without a copy
	if passOn = passOn && !become; passOn {
		dres, addRes = g.gradient(b.residual)
	} else {
		dres = g.alloc("unused", I32, []int{lanes}) // never written, so the eager twin must not scan it
	}
	last := wholeOut(dres).idle()
	if passOn {
		last = sum(dres, addRes)
	}
	mask, y := b.mask()
	r := g.recorded(launch{kernel: "bn_back", rows: b.x.Rows(), unit: 8,
		binds: []bind{in(dy), in(b.x), y, whole(b.coef), whole(back), sum(dx, addX), last},
		push: func(_, n int) constants {
			return constants{"rows": n, "c4": c4, "relu": mask, "residual": passOn, "addX": addX, "addRes": addRes}
		},
		groups: func(n int) [3]uint32 { return groups1((n+7)/8*c4, 32) }})
	if mask == 0 && !passOn && addX == 0 && b.x.needs {
		b.back = r
	}
	if become {
		g.pass(b.residual, dy)
	}
}

// UpdateRunningStats updates the running statistics by those of this program's batch norms, one micro-batch after the other. It changes nothing after
// CheckFinite has found a non-finite number.
func (g *Graph) UpdateRunningStats() {
	halt := g.store.halt().Value(g)
	for _, f := range g.update.folds {
		c4 := f.n.Mean.Value(g).quads()
		unbias := float64(f.rows) / float64(f.rows-1)
		g.run(launch{kernel: "bn_running", rows: 1,
			binds: []bind{whole(f.kept), wholeOut(f.n.Mean.Value(g)), wholeOut(f.n.Var.Value(g)), whole(halt)},
			push: func(_, _ int) constants {
				return constants{"c4": c4, "micro": f.kept.Dim(0), "variance": f.n.Statistics == MeanAndVariance, "momentum": f.n.BNMomentum, "unbias": unbias}
			},
			groups: func(int) [3]uint32 { return groups1(c4, 32) }})
	}
}
