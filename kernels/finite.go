package kernels

import (
	"fmt"
	"math"
)

// ClearGrads sets all parameter gradients to zero, also those of parameters that are declared later; it stands at the start of a step.
func (g *Graph) ClearGrads() {
	all := g.fixed("gradients", []int{1}, gradients, 0, 0)
	g.fill(all, 0)
	g.update.cleared = append(g.update.cleared, g.steps[len(g.steps)-1])
}

// halt is (why the run must stop, or 0; the number of steps applied; the bits of what gradients are multiplied by), as three uint32.
func (s *Store) halt() *State { return s.State("marr.halt", 0, 3) }

// finiteBlock is how many vectors of the gradients a work group looks through, finiteLanes by how many lanes.
const finiteBlock, finiteLanes = 512, 32

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
		push:   func(first, m int) constants { return constants{"n": m, "from": first} },
		groups: func(m int) [3]uint32 { return groups1(m, finiteBlock) }})
	found, parts = g.levels("verdict.level", found, parts, 1)
	norm := g.alloc("gradient norm", F32, []int{1})
	g.run(launch{kernel: "verdict.last", rows: 1, binds: []bind{whole(found), whole(loss), wholeOut(halt), wholeOut(norm)},
		push:   func(_, _ int) constants { return constants{"parts": parts, "clip": g.update.clip} },
		groups: func(int) [3]uint32 { return [3]uint32{1, 1, 1} }})
	g.update.checked = true
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
