package kernels

import (
	"fmt"
	"math"
)

// ClearGrads sets all parameter gradients to zero, including those of parameters declared later. Call it at the start of a step.
func (g *Graph) ClearGrads() {
	all := g.fixed("gradients", []int{1}, gradients, 0, 0)
	g.fill(all, 0)
	g.update.cleared = append(g.update.cleared, g.steps[len(g.steps)-1])
}

// halt returns the state of three uint32: the reason to stop (0: none), the number of steps applied, and the bits of the gradients' factor.
func (s *Store) halt() *State { return s.State("marr.halt", 0, 3) }

// finiteBlock is the number of gradient vectors that a work group checks, finiteLanes the number of its lanes.
const finiteBlock, finiteLanes = 512, 32

// CheckFinite checks the loss and every gradient. From the first step on in which one is not finite, optimizers, State.UpdateAverage and
// UpdateRunningStats change nothing, and Store.Verdict returns the tensor's name. The output "gradient_norm" is the 2-norm of all gradients before Clip. Call CheckFinite
// between Backward and the optimizer. With ScaleLoss only that step changes nothing, until MaxSkips steps in a row were not finite.
func (g *Graph) CheckFinite(loss *Tensor) {
	grads, halt := g.flat(gradients), g.store.halt().Value(g)
	halt.dtype = I32
	n := int(g.store.size / 16)
	parts := (n + finiteBlock - 1) / finiteBlock * finiteLanes
	found := g.alloc("found", I32, []int{parts, lanes})
	g.run(launch{kernel: "finite", rows: n, unit: finiteBlock, binds: []bind{in(grads), wholeOut(found)},
		push:   func(first, m int) constants { return constants{"n": m, "from": first} },
		groups: func(m int) [3]uint32 { return groups1(m, finiteBlock) }})
	found, parts = g.mergeLevels("verdict.level", found, parts, 1, fanIn)
	norm := g.alloc("gradient norm", F32, []int{1})
	last := launch{kernel: "verdict.last", rows: 1, binds: []bind{whole(found), whole(loss), wholeOut(halt), wholeOut(norm)},
		push:   func(_, _ int) constants { return constants{"parts": parts, "clip": g.update.clip} },
		groups: func(int) [3]uint32 { return [3]uint32{1, 1, 1} }}
	if g.update.scaled {
		last = g.scaledVerdict(last)
	}
	g.run(last)
	g.update.checked, g.update.verdict = true, g.segmentIndex()
	g.Output("halt", halt)
	g.Output("gradient_norm", norm)
}

// Verdict decodes the output "halt" of a segment with CheckFinite. tensor is the name of the first non-finite gradient, "loss" for the loss, or ""
// while all are finite. applied is the number of steps that changed the parameters.
func (s *Store) Verdict(halt []float32) (tensor string, applied int) {
	reason, applied := math.Float32bits(halt[0]), int(math.Float32bits(halt[1]))
	switch reason {
	case 0:
		return "", applied
	case 1:
		return "loss", applied
	}
	at := int64(reason-2) * 16
	for _, p := range s.params {
		if at >= p.offset && at < p.offset+p.bytes {
			return "gradient of " + p.Name, applied
		}
	}
	return fmt.Sprintf("gradient at byte %d", at), applied
}
