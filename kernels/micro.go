package kernels

import "github.com/marr-ssl/marr/vk"

// GatherMicro gathers the rows of a step's micro-batches (Micro) for later segments. x [B·n D], B blocks of n rows (the views of Concat), goes to
// [B·k·n D], with micro-batch m in rows m·n … m·n + n − 1 of each block. x [D] counts as one row. m is the scalar `micro`. The result is a constant
// that is complete after k runs of the current segment. With one micro-batch it is x.
func GatherMicro(x *Tensor, blocks int) *Tensor {
	g, k := x.g, max(x.g.update.micro, 1)
	wantBlocks("GatherMicro", x, blocks)
	if k == 1 {
		y := StopGrad(x)
		y.shape = []int{x.Rows(), x.Width()}
		return y
	}
	y := g.alloc("collected "+x.name, F32, []int{x.Rows() * k, x.Width()})
	g.copyMicro(x, y, x, blocks, false)
	g.update.gathered = append(g.update.gathered, partTensor{y, blocks, k, g.segmentIndex()})
	return y
}

// ScatterMicro returns the current micro-batch's rows of a result of GatherMicro, or of its gradient: all [B·k·n D] → [B·n D], a constant.
func ScatterMicro(all *Tensor, blocks int) *Tensor {
	g, k := all.g, max(all.g.update.micro, 1)
	wantBlocks("ScatterMicro", all, blocks*k)
	y := g.alloc("part of "+all.name, F32, []int{all.Rows() / k, all.Width()})
	g.copyMicro(all, y, y, blocks, true)
	return y
}

func wantBlocks(op string, x *Tensor, blocks int) {
	if len(x.shape) > 2 || blocks < 1 || x.Rows()%blocks != 0 {
		misuse(op, "%v in %d blocks: want rows that divide by it", x, blocks)
	}
}

// copyMicro copies a micro-batch's rows to their position in y, or with back from their position in x. part is the smaller of both.
func (g *Graph) copyMicro(x, y, part *Tensor, blocks int, back bool) {
	n, slot := part.Rows()*part.quads(), g.Scalar("micro")
	g.run(launch{kernel: "part", rows: 1, binds: []bind{whole(x), {t: y, access: vk.ReadWrite, part: !back}, whole(slot.mem)},
		push: func(_, _ int) constants {
			return constants{"n": n, "per": n / blocks, "parts": max(g.update.micro, 1), "micro": slot.index, "back": back}
		},
		groups: func(int) [3]uint32 { return groups1(n, 32) }})
}

// SumParts makes the gradient of a step the sum of those of its k micro-batches (Micro), in their order: ((g₀ + g₁) + g₂) + … Without it, a parameter
// that a micro-batch uses several times adds each use to the sum on its own, which rounds differently. The order is that of PyTorch, and of devices that
// compute the micro-batches of a step together (Exchange). Call it after Backward, at the end of a segment. With one micro-batch it does nothing.
func (g *Graph) SumParts() {
	k := g.update.micro
	if k <= 1 {
		return
	}
	g.store.summed = true
	const perRow = align / 16
	slot, first := g.Scalar("micro"), len(g.steps)
	g.run(launch{kernel: "sumpart", rows: int(g.store.size / align), binds: []bind{inout(g.flat(gradients)), inout(g.flat(sums)), whole(slot.mem)},
		push:   func(_, n int) constants { return constants{"n": n * perRow, "micro": slot.index, "parts": k} },
		groups: func(n int) [3]uint32 { return groups1(n*perRow, 32) }})
	for _, s := range g.steps[first:] {
		s.back = true
	}
}
