package kernels

import (
	"maps"
	"slices"
	"strings"
)

// recording is a launch with its steps in the tape, which replace exchanges.
type recording struct {
	launch launch
	steps  []*step // one for each slice
}

func (g *Graph) recorded(l launch) recording {
	from := len(g.steps)
	g.run(l)
	return recording{l, slices.Clone(g.steps[from:])}
}

// replace makes recordings run by other launches. It reports false, and changes nothing, if a kernel keeps more registers in memory
// than the recorded one, by what the driver says.
func (g *Graph) replace(recordings []*recording, by ...launch) bool {
	all := make([][]*step, len(recordings))
	for i, r := range recordings {
		if g.spills(by[i]) > g.spills(r.launch) {
			return false
		}
		all[i] = g.dispatches(by[i])
		if len(all[i]) != len(r.steps) {
			return false
		}
	}
	for i, r := range recordings {
		r.launch = by[i]
		for j, s := range r.steps {
			all[i][j].segment, all[i][j].back = s.segment, s.back
			*s = *all[i][j]
		}
	}
	return true
}

// drop removes a recording from the tape.
func (g *Graph) drop(r recording) {
	i := slices.Index(g.steps, r.steps[0])
	g.steps = slices.Delete(g.steps, i, i+len(r.steps))
}

// fusible is a recorded product of the tiled or coop family, into which batch norms next to it fuse their work. gemmForward may run a kernel that also
// computes sums while the numbers are in registers: statistics of its result (stats), or the sums of the backward pass over its result, a gradient (sums).
// All may read x through a norm and its ReLU (NORMED), and weight gradients dy through the backward pass of one (NORM_BACK).
type fusible struct {
	recording
	tile     int  // gemmForward: rows of a tile
	tiles    int  // of rows
	sums     bool // it runs stats or sums
	meetsAll bool // a weight gradient: one of its taps meets every position
}

// runProduct runs a product.
func (g *Graph) runProduct(l launch, v variant) *fusible {
	p := &fusible{recording: g.recorded(l)}
	if v.tile != nil {
		g.fusibles = append(g.fusibles, p)
	}
	return p
}

// use returns the launch of the product by the kernel of another use, which binds more tensors and has more constants, and numbers tiles from tile0 on.
func (p *fusible) use(name string, tile0 int, more func(first int) constants, binds ...bind) launch {
	l := p.launch
	l.kernel = strings.Replace(l.kernel, "gather", name, 1)
	l.binds = append(l.binds[:len(l.binds):len(l.binds)], binds...)
	push := l.push
	l.push = func(first, n int) constants {
		c := push(first, n)
		c["tile0"] = c["tile0"].(int) + tile0
		maps.Copy(c, more(first))
		return c
	}
	return l
}

// withSums makes products compute sums. It reports false if they belong to another segment, compute others already, or cannot.
func (g *Graph) withSums(products []*fusible, by ...launch) bool {
	var all []*recording
	for _, p := range products {
		if p.sums || p.steps[0].segment != g.segmentIndex() {
			return false
		}
		all = append(all, &p.recording)
	}
	if !g.replace(all, by...) {
		return false
	}
	for _, p := range products {
		p.sums = true
	}
	return true
}

// contribution is what an op adds to a gradient: products, one for each class of positions of a strided convolution.
type contribution struct {
	products []*fusible
	all      bool // every element of the gradient is written
}

// contributions of a gradient are in order. nil stands for one of another kind.
type contributions []*contribution

// from returns the contributions from the first one on that sees, or is, the whole gradient, if all from there on are products. Else it returns none.
func (c contributions) from() contributions {
	first := len(c)
	for first > 0 && c[first-1] != nil {
		first--
	}
	for first > 0 && first < len(c) && !c[first].all { // the others lie in a part of it alone
		first++
	}
	return c[first:]
}

// contributed says what the last contribution to the gradient of x was. It stays one of another kind if its rows are wider or narrower than the gradient's.
func (x *Tensor) contributed(c *contribution) {
	quads := x.quads()
	for x.base != nil {
		x = x.base
	}
	if x.grad != nil && x.quads() == quads && !slices.Contains(c.products, nil) {
		x.grad.contributions[len(x.grad.contributions)-1] = c
	}
}
