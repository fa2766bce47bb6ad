package kernels

import (
	"slices"
	"strings"

	"marr/vk"
)

// fusible is a recorded product of the tiled or coop family, into which batch norms next to it fuse their work. gemmForward may run a kernel that also
// computes sums while the numbers are in registers: statistics of its result (stats), or the sums of the backward pass over its result, a gradient (sums).
// All may read x through a norm and its ReLU (NORMED).
type fusible struct {
	launch launch
	steps  []*step // one for each slice
	tile   int     // rows of a tile
	tiles  int     // of rows
	sums   bool    // it runs stats or sums
}

// applied is a batch norm's result that products can compute themselves from its input.
type applied struct {
	y, x, coef *Tensor
	steps      []*step
}

// runProduct runs a product.
func (g *Graph) runProduct(l launch, v variant) *fusible {
	from := len(g.steps)
	g.run(l)
	p := &fusible{launch: l, steps: slices.Clone(g.steps[from:])}
	if v.tile != nil {
		g.fusibles = append(g.fusibles, p)
	}
	return p
}

// contribution is what an op adds to a gradient: products, one for each class of positions of a strided convolution.
type contribution struct {
	products []*fusible
	all      bool // every element of the gradient is written
}

// contributions of a gradient are in order. nil stands for one of another kind.
type contributions []*contribution

// from returns the contributions from the first one on that sees, or is, the whole gradient, if all from there on are products. Else it returns nil.
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

// contributed says what the last contribution to the gradient of x was.
func (x *Tensor) contributed(c *contribution) {
	for x.base != nil {
		x = x.base
	}
	if x.grad != nil && !slices.Contains(c.products, nil) {
		x.grad.contributions[len(x.grad.contributions)-1] = c
	}
}

// use returns the launch of the product by the kernel of another use, which binds more tensors and has more constants, and numbers tiles from tile0 on.
func (p *fusible) use(name string, tile0 int, more constants, binds ...bind) launch {
	l := p.launch
	l.kernel = strings.Replace(l.kernel, "gather", name, 1)
	l.binds = append(l.binds[:len(l.binds):len(l.binds)], binds...)
	push := l.push
	l.push = func(first, n int) constants {
		c := push(first, n)
		c["tile0"] = c["tile0"].(int) + tile0
		for name, v := range more {
			c[name] = v
		}
		return c
	}
	return l
}

// replace makes the recorded products run by other launches. It reports false, and changes nothing, if a kernel does not fit the device.
func (g *Graph) replace(products []*fusible, by []launch) bool {
	all := make([][]*step, len(products))
	for i, p := range products {
		if g.spills(by[i]) {
			return false
		}
		all[i] = g.dispatches(by[i])
		if len(all[i]) != len(p.steps) {
			return false
		}
	}
	for i, p := range products {
		p.launch = by[i]
		for j, s := range p.steps {
			all[i][j].segment, all[i][j].back = s.segment, s.back
			*s = *all[i][j]
		}
	}
	return true
}

// withSums makes products compute sums. It reports false if they belong to another segment, compute others already, or cannot.
func (g *Graph) withSums(products []*fusible, by []launch) bool {
	for _, p := range products {
		if p.sums || p.steps[0].segment != g.segmentIndex() {
			return false
		}
	}
	if !g.replace(products, by) {
		return false
	}
	for _, p := range products {
		p.sums = true
	}
	return true
}

// statistics returns the statistics [tiles of rows][mean, M2][C] of x, computed by the product that makes it. This saves batch norm a pass over x. It returns
// nil if the product cannot.
func (g *Graph) statistics(x *Tensor) *Tensor {
	p := x.producer
	if p == nil {
		return nil
	}
	part := g.alloc("batch norm sums", F32, []int{p.tiles, 2, x.Stride()})
	if !g.withSums([]*fusible{p}, []launch{p.use("stats", 0, nil, bind{t: part, access: vk.Write})}) {
		return nil
	}
	return part
}

// gradientSums makes the products that add to dy also apply the mask of b's ReLU to it and compute the sums of bn_back_sum.comp, [tiles of rows][2][C]. This
// saves a pass over dy and x. It returns nil, and changes nothing, if they cannot.
func (g *Graph) gradientSums(b norm, dy *Tensor) (part *Tensor, parts int) {
	if dy.contributions == nil {
		return nil, 0
	}
	last := dy.contributions.from()
	var products []*fusible
	for _, c := range last {
		for _, p := range c.products {
			products, parts = append(products, p), parts+p.tiles
		}
	}
	if len(products) == 0 {
		return nil, 0
	}
	part = g.alloc("batch norm gradient sums", F32, []int{parts, 2, b.x.Stride()})
	mask, y := b.mask()
	var by []launch
	tile0 := 0
	for i, c := range last {
		for _, p := range c.products {
			share := p.launch.binds[2].share
			x, y, to := in(b.x), y, bind{t: part, access: vk.Write, share: len(products), part: tile0+p.tiles < parts}
			x.share = share
			if mask == 1 {
				y.share = share
			}
			by = append(by, p.use("sums", tile0, constants{"relu": mask, "increment": i > 0}, to, x, y, whole(b.coef)))
			tile0 += p.tiles
		}
	}
	if !g.withSums(products, by) {
		return nil, 0
	}
	return part, parts
}

// fuseNorms makes products read a batch norm's input through the norm and its ReLU, wherever they alone read its result, which then is neither computed nor
// kept. It is for a complete recording.
func (g *Graph) fuseNorms() {
	if len(g.applied) == 0 || g.unfused() {
		return
	}
	products := map[*step]*fusible{}
	for _, p := range g.fusibles {
		for _, s := range p.steps {
			products[s] = p
		}
	}
	readers := map[*storage][]*fusible{} // nil among them: a step that cannot
	for _, s := range g.steps {
		for i, b := range s.binds {
			if b.access&vk.Read != 0 && b.share >= 0 {
				p := products[s]
				if i > 0 {
					p = nil
				}
				readers[b.mem] = append(readers[b.mem], p)
			}
		}
	}
	dropped := map[*step]bool{}
	for _, a := range g.applied {
		if by := slices.Compact(readers[a.y.mem]); !a.y.mem.pinned && len(by) > 0 && g.fuseNorm(a, by) {
			for _, s := range a.steps {
				dropped[s] = true
			}
		}
	}
	g.steps = slices.DeleteFunc(g.steps, func(s *step) bool { return dropped[s] })
}

// fuseNorm makes products read x through a norm. It reports false, and changes nothing, if one of them cannot.
func (g *Graph) fuseNorm(a applied, products []*fusible) bool {
	var by []launch
	for _, p := range products {
		if p == nil || p.launch.binds[0].t.quads() != a.y.quads() || g.dev != nil && !g.reportsSpills() && !FitsNormed(g.dev.Info(), p.launch.kernel) {
			return false
		}
		l := p.launch
		l.spec, l.binds = slices.Clone(l.spec), slices.Clone(l.binds)
		l.spec[1], l.binds[0], l.binds[3] = 1, in(a.x), whole(a.coef)
		by = append(by, l)
	}
	return g.replace(products, by)
}
