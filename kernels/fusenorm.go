package kernels

import (
	"slices"

	"github.com/marr-ssl/marr/vk"
)

// Batch norms fuse their work into products: sums while these are recorded, the rest when the recording is complete, since any later op may read a result.

// statistics returns the statistics [tiles of rows][mean, M2][C] of x, computed by the product that makes it. This saves batch norm a pass over x. It returns
// nil if the product cannot.
func (g *Graph) statistics(x *Tensor) *Tensor {
	p := x.producer
	if p == nil {
		return nil
	}
	part := g.alloc("batch norm sums", F32, []int{p.tiles, 2, x.Stride()})
	none := func(int) constants { return nil }
	if !g.withSums([]*fusible{p}, p.use("stats", 0, none, bind{t: part, access: vk.Write})) {
		return nil
	}
	return part
}

// gradientSums makes the products that add to dy also apply the mask of b's ReLU to it and compute the sums of bn_back_sum.comp, [tiles of rows][2][C]. This
// saves a pass over dy and x. It returns nil, and changes nothing, if they cannot.
func (g *Graph) gradientSums(b *norm, dy *Tensor) (part *Tensor, parts int) {
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
	relu, open := g.openBits(b)
	var by []launch
	tile0 := 0
	for i, c := range last {
		for _, p := range c.products {
			x, to := in(b.x), bind{t: part, access: vk.Write, share: len(products), part: tile0+p.tiles < parts}
			x.share = p.launch.binds[2].share
			rows := b.x.Rows() / p.launch.rows // of an image
			more := func(first int) constants { return constants{"relu": relu, "increment": i > 0, "row0": first * rows} }
			by = append(by, p.use("sums", tile0, more, to, x, open, whole(b.coef)))
			tile0 += p.tiles
		}
	}
	if !g.withSums(products, by...) {
		b.open = nil
		return nil, 0
	}
	if relu == openBit && !g.replace([]*recording{&b.applied}, b.applyLaunch()) {
		misuse("BatchNorm", "%v: its kernel cannot be replaced", b.y)
	}
	return part, parts
}

// How sums finds where the ReLU was open (relu in tiled_sums.glsl): there is none; by a bit for each element, which bn_apply stores; where a·x + b > 0.
const (
	noReLU = iota
	openBit
	openSign
)

// openBits returns how sums finds where the ReLU of b was open, and the bits if it needs them: behind a residual.
func (g *Graph) openBits(b *norm) (relu int, bits bind) {
	switch {
	case !b.relu:
		return noReLU, whole(b.coef).idle()
	case b.residual == nil:
		return openSign, whole(b.coef).idle()
	}
	b.open = g.alloc("open", I32, []int{ceil(b.x.Rows(), applyRows) * b.x.quads()})
	return openBit, whole(b.open)
}

// reader is a step that reads a tensor as binding i.
type reader struct {
	s *step
	i int
}

// fuseNorms fuses the norms of a complete recording into the ops around them.
func (g *Graph) fuseNorms() {
	products, norms := map[*step]*fusible{}, map[*step]*norm{}
	for _, p := range g.fusibles {
		for _, s := range p.steps {
			products[s] = p
		}
	}
	for _, b := range g.norms {
		for _, s := range b.applied.steps {
			norms[s] = b
		}
	}
	readers := map[*storage][]reader{}
	for _, s := range g.steps {
		for i, b := range s.binds {
			if b.access&vk.Read != 0 && b.share >= 0 {
				readers[b.mem] = append(readers[b.mem], reader{s, i})
			}
		}
	}
	for _, b := range g.norms {
		by := readers[b.y.mem]
		if b.residual != nil || b.y.mem.pinned || len(by) == 0 {
			continue
		}
		if b.relu && g.readThrough(b, by, products) || !b.relu && g.addThrough(b, by, norms) {
			g.drop(b.applied)
		}
	}
	for _, b := range g.norms {
		g.storeThrough(b, products)
	}
}

// readThrough makes products, if they alone read the result of b, read its input through the norm and its ReLU. Then the result need be neither computed nor
// kept. It reports false, and changes nothing, if one of them cannot.
func (g *Graph) readThrough(b *norm, by []reader, products map[*step]*fusible) bool {
	var all []*recording
	var launches []launch
	for _, r := range by {
		p := products[r.s]
		if p == nil || r.i != 0 || p.launch.binds[0].t.quads() != b.y.quads() || !g.fitsNormed(p) {
			return false
		}
		if slices.Contains(all, &p.recording) { // another slice
			continue
		}
		l := p.launch
		l.spec, l.binds = slices.Clone(l.spec), slices.Clone(l.binds)
		l.spec[1], l.binds[0], l.binds[3] = 1, in(b.x), whole(b.coef)
		all, launches = append(all, &p.recording), append(launches, l)
	}
	return g.replace(all, launches...)
}

// addThrough makes a norm that adds the result of b, and is its only reader, add a·x + b instead: the shortcut of a residual block that changes its shape.
func (g *Graph) addThrough(b *norm, by []reader, norms map[*step]*norm) bool {
	to := norms[by[0].s]
	if to == nil || to.residual == nil || to.residual.mem != b.y.mem || to.residual.quads() != b.y.quads() || len(by) != len(to.applied.steps) {
		return false
	}
	to.residual, to.residualCoef = b.x, b.coef
	return g.replace([]*recording{&to.applied}, to.applyLaunch())
}

// storeThrough makes the weight gradient behind b compute the gradient of its input as it loads, and store it for the data gradient.
func (g *Graph) storeThrough(b *norm, products map[*step]*fusible) {
	if b.back.steps == nil {
		return
	}
	at := slices.Index(g.steps, b.back.steps[0]) + len(b.back.steps)
	if at == len(g.steps) {
		return
	}
	dy, back, dx := b.back.launch.binds[0], b.back.launch.binds[4], b.back.launch.binds[5]
	p := products[g.steps[at]]
	if p == nil || !p.meetsAll || !g.fitsNormed(p) {
		return
	}
	if reads := p.launch.binds[1].t; reads.mem != dx.t.mem || reads.quads() != dx.t.quads() {
		return
	}
	l := p.launch
	l.spec, l.binds = slices.Clone(l.spec), slices.Clone(l.binds)
	l.spec[2], l.binds[1], l.binds[4], l.binds[5], l.binds[6] = 1, dy, in(b.x), dx, back
	if g.replace([]*recording{&p.recording}, l) {
		g.drop(b.back)
	}
}

// fitsNormed reports whether the device has registers enough for a product that works for a norm as it loads. Where the driver reports what it compiled, replace
// asks it.
func (g *Graph) fitsNormed(p *fusible) bool {
	return g.dev == nil || g.reportsSpills() || FitsNormed(g.dev.Info(), p.launch.kernel)
}
