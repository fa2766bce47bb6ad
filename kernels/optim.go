package kernels

// SGD is stochastic gradient descent with momentum, as torch.optim.SGD without dampening:
// g ← grad + λp, v ← μv + g, p ← p − ηv; η is scalar "lr", λ scalar "decay" of the segment.
type SGD struct {
	OptMomentum float64 // μ
	Nesterov    bool    // p ← p − η(g + μv)
	DecayAll    bool    // decay parameters marked NoDecay (biases, norms) too
}

// Update records the step, one dispatch over the whole flat set.
func (o SGD) Update(g *Graph) { o.update(g, trust{}) }

func (o SGD) update(g *Graph, t trust) {
	g.optimizer(optimizer{kernel: "sgd", decayAll: o.DecayAll, trust: t, flats: []int{gradients, values, moment0},
		push: func(n int) constants { return constants{"n": n, "momentum": o.OptMomentum, "nesterov": o.Nesterov} }})
}

// LARS is SGD with layer-wise adaptive learning rates (You et al. 2017, arXiv:1708.03888), in one of two forms; ‖·‖ is the 2-norm of one parameter.
// The default is that of BYOL and Barlow Twins (facebookresearch/barlowtwins, main.py):
//
//	g ← grad + λp, q = Trust·‖p‖/‖g‖ or 1 where a norm is 0, v ← μv + q·g, p ← p − ηv
//
// Clipped selects NVIDIA Apex's LARC: the rate is at most η, and the decay enters the norm:
//
//	q = min(1, Trust·‖p‖/(‖grad‖ + λ‖p‖ + 1e-8)/η), g ← q·(grad + λp), then as SGD; where a norm is 0, g ← grad
//
// Parameters without decay take SGD's step, without adaptation. SimCLR's authors multiply by η within v (google-research/simclr, lars_optimizer.py), which
// differs only while η changes.
type LARS struct {
	SGD
	Trust   float64 // 0.001 in BYOL's code, 0.02 in Apex's
	Clipped bool
}

// Update records the step: three small dispatches and one over the whole flat set, whatever the number of parameters.
func (o LARS) Update(g *Graph) {
	t := trust{1, o.Trust}
	if o.Clipped {
		t.kind = 2
	}
	o.update(g, t)
}

// AdamW is Adam with decoupled weight decay (Loshchilov and Hutter 2019, arXiv:1711.05101), as torch.optim.AdamW; without decay it is Adam.
// It reads these scalars of the segment: "lr"; "decay"; "c1" and "c2", which are 1 − β₁ᵗ and 1 − β₂ᵗ for step t = 1, 2, …; and the Correction of
// each gate.
type AdamW struct {
	Beta1, Beta2, Eps float64 // 0.9, 0.999, 1e-8 in PyTorch
	Coupled           bool    // decay is added to the gradient: torch.optim.Adam
	DecayAll          bool    // decay parameters marked NoDecay (biases, norms) too
}

// Update records the step, one dispatch over the whole flat set.
func (o AdamW) Update(g *Graph) {
	c1, c2 := g.Scalar("c1"), g.Scalar("c2")
	g.optimizer(optimizer{kernel: "adamw", decayAll: o.DecayAll, corrected: true, coupled: o.Coupled,
		flats: []int{gradients, values, moment0, moment1}, extraInputs: []bind{whole(c1.mem)},
		push: func(n int) constants {
			return constants{"n": n, "c1": c1.index, "c2": c2.index, "beta1": o.Beta1, "beta2": o.Beta2,
				"rest1": 1 - o.Beta1, "rest2": 1 - o.Beta2, "eps": o.Eps, "coupled": o.Coupled}
		}})
}

// Correction returns the name of the scalar that corrects the bias of a gated parameter, which has had only u of the t steps (torch.optim counts the
// steps of each parameter). Its value is (c₁/√c₂)·(√c₂′/c₁′) with cᵢ′ = 1 − βᵢᵘ. This is exact except for ε, which is off by √(c₂/c₂′).
func Correction(gate string) string { return gate + ".correction" }

// optimizer is a kernel over flat sets. It reads the first and updates the others.
type optimizer struct {
	kernel      string
	flats       []int
	extraInputs []bind // further inputs, between rates and halt
	push        func(n int) constants
	decayAll    bool
	trust       trust

	corrected, coupled bool // gates have corrections; decay is added to the gradient
}

// optimizer runs the kernel in rows of 256 bytes. If some parameters have a moving average, a variant of the kernel updates it too.
func (g *Graph) optimizer(o optimizer) {
	if g.update.clip > 0 && !g.update.checked {
		misuse("Update", "Clip needs the norm of the gradients: call CheckFinite before Update")
	}
	clear(g.kernels.transposes) // they are of the old weights
	if g.update.averaged = g.store.numAveraged(); g.update.averaged > 0 {
		o.kernel, o.flats = o.kernel+".average", append(o.flats, averages)
	}
	var binds []bind
	for i, set := range o.flats {
		if t := g.flat(set); i == 0 {
			binds = append(binds, in(t))
		} else {
			binds = append(binds, inout(t))
		}
	}
	binds = append(append(append(binds, in(g.rates(o))), o.extraInputs...), whole(g.store.halt().Value(g)))
	const perRow = align / 16
	g.run(launch{kernel: o.kernel, rows: int(g.store.size / align), binds: binds,
		push:   func(_, n int) constants { return o.push(n * perRow) },
		groups: func(n int) [3]uint32 { return groups1(n*perRow, 32) }})
}
