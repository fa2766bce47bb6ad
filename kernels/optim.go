package kernels

import (
	"fmt"
	"math"
)

// ClearGrads sets all parameter gradients to zero, also those of parameters that are declared later; it stands at the start of a step.
func (g *Graph) ClearGrads() {
	all := g.fixed("gradients", []int{1}, gradients, 0, 0)
	g.fill(all, 0)
	g.cleared = append(g.cleared, g.steps[len(g.steps)-1])
}

// halt is (why the run must stop, or 0; the number of steps applied; the bits of what gradients are multiplied by), as three uint32.
func (s *Store) halt() *State { return s.State("marr.halt", 0, 3) }

// finiteBlock is how many vectors of the gradients a work group looks through, finiteLanes by how many lanes.
const finiteBlock, finiteLanes = 512, 32

// Clip says that optimizers multiply all gradients by min(1, most/(‖gradients‖ + 1e-6)), as torch.nn.utils.clip_grad_norm_; 0 says that they do
// not. Call it before CheckFinite.
func (g *Graph) Clip(most float64) {
	if g.checked {
		misuse("Clip", "%g stands behind CheckFinite, which says by how much: put it before", most)
	}
	g.clip = most
}

// CheckFinite looks at the loss and at every gradient. From the first step in which one is not finite on, optimizers and Fold change
// nothing, and Store.Verdict says which tensor it was. Output "gradient_norm" is the 2-norm of all gradients, before Clip. It stands between
// Backward and the optimizer.
func (g *Graph) CheckFinite(loss *Tensor) {
	grads, halt := g.flat(gradients), g.store.halt().Value(g)
	halt.dtype = I32
	n := int(g.store.size / 16)
	parts := (n + finiteBlock - 1) / finiteBlock * finiteLanes
	found := g.alloc("found", I32, []int{parts, lanes})
	g.run(launch{kernel: "finite", rows: n, unit: finiteBlock, binds: []bind{in(grads), wholeOut(found)},
		push:   func(first, m int) []uint32 { return push(m, first) },
		groups: func(m int) [3]uint32 { return groups1(m, finiteBlock) }})
	found, parts = g.levels("verdict.level", found, parts, 1)
	norm := g.alloc("gradient norm", F32, []int{1})
	g.run(launch{kernel: "verdict.last", rows: 1, binds: []bind{whole(found), whole(loss), wholeOut(halt), wholeOut(norm)},
		push:   func(_, _ int) []uint32 { return push(parts, g.clip) },
		groups: func(int) [3]uint32 { return [3]uint32{1, 1, 1} }})
	g.checked = true
	g.Output("halt", halt)
	g.Output("gradient_norm", norm)
}

// Verdict reads the output "halt" of a segment with CheckFinite: the tensor whose gradient was the first that was not finite ("" when all
// was well, "loss" for the loss itself), and how many steps have changed the parameters.
func (s *Store) Verdict(halt []float32) (tensor string, applied int) {
	why, applied := math.Float32bits(halt[0]), int(math.Float32bits(halt[1]))
	switch why {
	case 0:
		return "", applied
	case 1:
		return "loss", applied
	}
	at := int64(why-2) * 16
	for _, p := range s.params {
		if at >= p.offset && at < p.offset+p.bytes {
			return "gradient of " + p.Name, applied
		}
	}
	return fmt.Sprintf("gradient at byte %d", at), applied
}

// table gives the optimizers (learning rate multiple, decay multiple, 1 where there is a moving average) for every 256 bytes of the flat set.
func (g *Graph) table(all bool) *Tensor {
	v := make([]float32, g.store.size/align*lanes)
	for _, p := range g.store.params {
		for b := p.offset / align; b < (p.offset+p.bytes)/align; b++ {
			v[b*lanes] = 1
			if all || !p.NoDecay {
				v[b*lanes+1] = 1
			}
			if p.Averaged() {
				v[b*lanes+2] = 1
			}
		}
	}
	t := g.alloc("optimizer table", F32, []int{len(v) / lanes, lanes})
	t.mem.pinned, t.mem.data = true, v
	return t
}

// SGD is stochastic gradient descent with momentum, as torch.optim.SGD without dampening or Nesterov:
// g ← grad + λp, v ← μv + g, p ← p − ηv; η is scalar "lr", λ scalar "decay" of the segment.
type SGD struct {
	Momentum float64
	DecayAll bool // decay passes by parameters marked NoDecay (biases, norms) unless set
}

// Update puts the step on the graph, over the whole flat set at once.
func (o SGD) Update(g *Graph) {
	lr, decay := g.Scalar("lr"), g.Scalar("decay")
	g.optimizer("sgd", o.DecayAll, []int{gradients, values, moment0}, lr.mem, func(n int) []uint32 {
		return push(n, lr.index, decay.index, o.Momentum, g.clip > 0)
	})
}

// AdamW is Adam with decoupled weight decay (Loshchilov and Hutter 2019, arXiv:1711.05101), as torch.optim.AdamW; without decay it is Adam.
// Scalars of the segment: "lr", "decay", and "c1", "c2" = 1 − β₁ᵗ, 1 − β₂ᵗ for step t from 1 on.
type AdamW struct {
	Beta1, Beta2, Eps float64 // 0.9, 0.999, 1e-8 in PyTorch
	DecayAll          bool    // decay passes by parameters marked NoDecay (biases, norms) unless set
}

// Update puts the step on the graph, over the whole flat set at once.
func (o AdamW) Update(g *Graph) {
	lr, decay, c1, c2 := g.Scalar("lr"), g.Scalar("decay"), g.Scalar("c1"), g.Scalar("c2")
	g.optimizer("adamw", o.DecayAll, []int{gradients, values, moment0, moment1}, lr.mem, func(n int) []uint32 {
		return push(n, lr.index, decay.index, c1.index, c2.index, o.Beta1, o.Beta2, 1-o.Beta1, 1-o.Beta2, o.Eps, g.clip > 0)
	})
}

// optimizer runs a kernel over flat sets (the first is read, the others are updated), in rows of 256 bytes. Where parameters have moving averages
// a variant of the kernel moves them too.
func (g *Graph) optimizer(kernel string, all bool, flats []int, scalars *Tensor, constants func(n int) []uint32) {
	if g.clip > 0 && !g.checked {
		misuse("Update", "gradients are to be clipped and nothing measures them: put CheckFinite before it")
	}
	clear(g.derived) // what was made of the old weights
	if g.averaged = g.store.averaged(); g.averaged > 0 {
		ema, without := g.Scalar("ema_rate").index, constants
		kernel, flats = kernel+".average", append(flats, averages)
		constants = func(n int) []uint32 { return append(without(n), uint32(ema)) }
	}
	var binds []bind
	for i, set := range flats {
		if t := g.flat(set); i == 0 {
			binds = append(binds, in(t))
		} else {
			binds = append(binds, inout(t))
		}
	}
	binds = append(binds, in(g.table(all)), whole(scalars), whole(g.store.halt().Value(g)))
	const perRow = align / 16
	g.run(launch{kernel: kernel, rows: int(g.store.size / align), binds: binds,
		push:   func(_, n int) []uint32 { return constants(n * perRow) },
		groups: func(n int) [3]uint32 { return groups1(n*perRow, 32) }})
}
