package kernels

// trust is the rule by which an optimizer adapts the learning rate to a parameter's norms, and its coefficient.
type trust struct {
	kind        int // formula in shaders/trust.comp; 0: no adaptation
	coefficient float64
}

// rates computes the optimizer's settings for each 256 bytes of the flat set: (learning rate, decay, 1 − momentum of the average, gradient factor).
func (g *Graph) rates(o optimizer) *Tensor {
	owner, params := g.paramTable(o)
	lr, decay, ema := g.Scalar("lr"), g.Scalar("decay"), Scalar{}
	if g.store.numAveraged() > 0 {
		ema = g.Scalar("ema_rate")
	}
	blocks, halt := int(g.store.size/align), g.store.halt().Value(g)
	rates, kernel := g.alloc("rates", F32, []int{blocks, lanes}), "rates.bare"
	binds := []bind{whole(owner), whole(params), whole(lr.mem), whole(halt), out(rates)}
	if o.trust.kind > 0 || g.update.clipEach > 0 {
		kernel, binds = "rates.trust", append(binds, whole(g.trustTable(o.trust, params)))
	}
	g.run(launch{kernel: kernel, rows: blocks, binds: binds,
		push: func(first, n int) constants {
			return constants{"n": n, "first": first, "lr": lr.index, "decay": decay.index, "ema": ema.index, "clip": g.update.hasFactor()}
		},
		groups: func(n int) [3]uint32 { return groups1(n, 32) }})
	return rates
}

// trustTable computes, for each parameter, the factors of its gradient and of its decay from both norms. The order of the sums does not depend on
// the device's limits.
func (g *Graph) trustTable(t trust, params *Tensor) *Tensor {
	blocks, count := int(g.store.size/align), len(g.store.params)
	part, trusts := g.alloc("squares", F32, []int{blocks, lanes}), g.alloc("trust", F32, []int{count, lanes})
	g.run(launch{kernel: "squares", rows: blocks, binds: []bind{in(g.flat(gradients)), in(g.flat(values)), out(part)},
		push:   func(_, n int) constants { return constants{"blocks": n} },
		groups: func(n int) [3]uint32 { return groups1(n, 8) }})
	lr, decay := g.Scalar("lr"), g.Scalar("decay")
	g.run(launch{kernel: "trust", rows: 1,
		binds: []bind{whole(part), whole(params), whole(lr.mem), whole(g.store.halt().Value(g)), wholeOut(trusts)},
		push: func(_, _ int) constants {
			return constants{"count": count, "lr": lr.index, "decay": decay.index, "clip": g.update.hasFactor(), "each": g.update.clipEach, "kind": t.kind, "eta": t.coefficient}
		},
		groups: func(int) [3]uint32 { return groups1(count, 1) }})
	return trusts
}

// paramTable returns two constants. owner has, for each block of 256 bytes of the flat set, the number of its parameter. params has two vectors for
// each parameter: (multiple of the rate, multiple of the decay, 1 if it has a moving average, scalar of its gate or −1), and (its first block, its
// number of blocks, scalar of its Correction or −1, 1 if the decay is divided by the correction).
func (g *Graph) paramTable(o optimizer) (owner, params *Tensor) {
	blocks := make([]float32, g.store.size/align)
	var rows []float32
	for i, p := range g.store.params {
		first, n := p.offset/align, p.bytes/align
		for b := first; b < first+n; b++ {
			blocks[b] = float32(i)
		}
		row := [2 * lanes]float32{float32(p.LR), 0, 0, -1, float32(first), float32(n), -1}
		if o.decayAll || !p.NoDecay {
			row[1] = 1
		}
		if p.HasAverage() {
			row[2] = 1
		}
		if p.Gate != "" {
			row[3] = float32(g.Scalar(p.Gate).index)
			if o.corrected {
				row[6] = float32(g.Scalar(Correction(p.Gate)).index)
			}
			if o.corrected && !o.coupled {
				row[7] = 1
			}
		}
		rows = append(rows, row[:]...)
	}
	return g.constant("owners", blocks), g.constant("parameters", rows)
}

// constant returns a vector that Build writes once.
func (g *Graph) constant(name string, v []float32) *Tensor {
	t := g.constantRows(name, v, len(v))
	t.shape = t.shape[1:]
	return t
}

// constantRows returns a matrix of this width that Build writes once.
func (g *Graph) constantRows(name string, v []float32, width int) *Tensor {
	t := g.alloc(name, F32, []int{len(v) / width, width})
	t.mem.pinned, t.mem.data = true, make([]float32, len(v)/width*pad(width))
	Pack(t.mem.data, v, width)
	return t
}
