package kernels

import "slices"

// gemmForward is an implicit GEMM, y[q k] (+)= Σ_taps Σ_c x[position(q, tap) c] · w[tap c k]; shaders/push_forward.glsl defines the constants.
// It is the forward pass of a convolution, each class of its data gradient, and a matrix product (one tap, one position a row).
type gemmForward struct {
	gridH, gridW             int
	c, k, inH, inW           int
	step, offH, offW, dir    int
	tapsH, tapsW             int
	wTap0, wTapH, wTapW, wIn int
	outN, outH, outW, out0   int
	add                      int
	images                   int
	y, x, w                  *Tensor
	work                     float64
	classes                  int  // strided dgrad (convData): y is written by so many dispatches, each a class of its positions; 0 or 1: by one
	stride                   int  // strided dgrad in one dispatch: all stride² classes; 0: there are none
	more                     bool // another class follows
	batched                  bool // an image is one of a batch of matrices, with a w of its own
}

func ceil(n, per int) int { return (n + per - 1) / per }

// halves reports whether a tensor of the product has halves.
func (a gemmForward) halves() bool { return a.x.dtype == F16 || a.w.dtype == F16 || a.y.dtype == F16 }

// gemmForward records the product with the kernel chosen for its shape. It returns nil if other work cannot be fused into the kernel.
func (g *Graph) gemmForward(a gemmForward) *fusible { return g.forwardBy(g.chooseForward(a), a) }

// chooseForward returns the kernel for the product's shape.
func (g *Graph) chooseForward(a gemmForward) variant {
	m := a.images * a.gridH * a.gridW
	return g.choose(choice{
		key:     shapeKey("gather", m, a.gridW, a.k, a.c, a.tapsH, a.tapsW, a.step) + keyOfHalves(a.halves()),
		options: g.forwardVariants(a), narrow: a.k < 32, rule: func(v variant) bool { return v.suitsForward(m, a.k) }, launch: a.launch,
	})
}

// forwardBy records the product with a kernel.
func (g *Graph) forwardBy(pick variant, a gemmForward) *fusible {
	l := a.launch(pick)
	fuses := pick.tile != nil && !a.batched && g.wholeTiles(&l, a, pick.rows) && !g.unfused()
	p := g.runProduct(l, pick)
	if !fuses {
		return nil
	}
	p.tile, p.tiles = pick.rows, ceil(a.images*a.gridH*a.gridW, pick.rows)*a.inOne()
	return p
}

// inOne returns the number of classes of positions that one dispatch computes.
func (a gemmForward) inOne() int { return max(a.stride*a.stride, 1) }

// wholeTiles makes the slices of a launch begin at a tile of rows, so that the statistics of tiles do not depend on the device's limits. It reports
// false, and leaves the launch unchanged, if such slices would be larger than every device (or the limit of a test) can bind.
func (g *Graph) wholeTiles(l *launch, a gemmForward, tile int) bool {
	unit := tile / int(gcd(int64(tile), int64(a.gridH*a.gridW)))
	if int64(min(unit, a.images))*max(a.x.bytes(), a.y.bytes())/int64(a.images) > min(leastRange, g.limits.of(a.x), g.limits.of(a.y)) {
		return false
	}
	l.unit = unit
	return true
}

// leastRange is the largest binding that every device has, in bytes (maxStorageBufferRange).
const leastRange = 128 << 20

// launch returns the launch of the product by a variant's kernel.
func (a gemmForward) launch(v variant) launch {
	y := sum(a.y, a.add)
	if a.classes > 1 {
		y.part, y.share = a.more, a.classes
	}
	area, k4, c4 := a.gridH*a.gridW, quads(a.k), quads(a.c)
	l := launch{kernel: v.kernel, rows: a.images, binds: []bind{in(a.x), whole(a.w), y}, work: a.work}
	if v.tile != nil {
		l.spec, l.binds = append(words(a.c%v.terms() == 0, false, max(a.stride, 1)), v.constants...), append(l.binds, in(a.x).idle())
	}
	var perX, perW, perY int
	if a.batched {
		l.most = maxGroups
		l.binds[1] = in(a.w)
		perX, perW, perY = area*c4, a.c*k4, area*k4
	}
	// the matrices of a batch lie along y; the rows of one matrix, or all positions, lie along x and z
	split := func(n int) (rows, batch int) {
		if a.batched {
			return area, n
		}
		return n * area, 1
	}
	l.push = func(first, n int) constants {
		rows, _ := split(n)
		return constants{
			"rows": rows, "gridW": a.gridW, "gridHW": area, "c": a.c, "c4": c4, "k4": k4, "inH": a.inH, "inW": a.inW,
			"step": a.step, "offH": a.offH, "offW": a.offW, "dir": a.dir, "tapsH": a.tapsH, "tapsW": a.tapsW,
			"wTap0": a.wTap0, "wTapH": a.wTapH, "wTapW": a.wTapW, "wIn": a.wIn, "outN": a.outN, "outH": a.outH, "outW": a.outW, "out0": a.out0,
			"add": a.add, "xBatch": perX, "wBatch": perW, "yBatch": perY, "tile0": first * area / v.rows * a.inOne(),
		}
	}
	l.groups = func(n int) [3]uint32 {
		rows, batch := split(n)
		return groups2(ceil(rows, v.rows)*ceil(k4*lanes, v.columns)*a.inOne(), 1, batch)
	}
	return l
}

// gemmWeight is the implicit GEMM of a weight gradient, y [K R S C] (+)= dyᵀ·x summed over positions. The sums of chunks of images are added in order.
func (g *Graph) gemmWeight(y *Tensor, add int, x, dy *Tensor, c convShape) {
	c4, k4, taps, area := quads(c.c), quads(c.k), c.r*c.s, c.oh*c.ow
	size := c.k * taps * c4 // vectors
	var part *Tensor
	var chunks int
	plan := func(v variant) launch {
		tiles, groups := v.weightTiles(k4, c4, taps)
		most, room := 512/groups, 1<<20/size
		if v.tile != nil && v.tile.lanes > 128 { // larger groups keep a GPU busy in smaller numbers
			most = minGroups / groups
		}
		if v.tile != nil && groups < minGroups { // too few groups for a large GPU
			most, room = max(4, most), 1<<22/size
		}
		chunks = min(c.n, max(1, min(most, room)))
		per := ceil(c.n, chunks)
		per = min(per, max(1, int(chunkBytes*int64(c.n)/max(x.bytes(), dy.bytes()))))
		chunks = ceil(c.n, per)
		part = g.alloc("partial d"+y.name, F32, []int{chunks, size * lanes})
		binds := []bind{in(x), in(dy), wholeOut(part)}
		var spec []uint32
		if v.tile != nil {
			whole := c4%(v.tile.columns/lanes) == 0 // the columns of a tile are of one tap
			unused := in(dy).idle()
			spec, binds = append(words(whole, false, false), v.constants...), append(binds, unused, unused, wholeOut(part).idle(), unused)
		}
		return launch{kernel: v.kernel, spec: spec, rows: c.n, unit: per, binds: binds, work: c.work(),
			push: func(first, n int) constants {
				return constants{
					"rows": n * area, "chunk": per * area, "chunk0": first / per, "gridW": c.ow, "gridH": c.oh, "c4": c4, "k": c.k, "k4": k4,
					"inH": c.h, "inW": c.w, "stride": c.stride, "pad": c.pad, "tapsH": c.r, "tapsW": c.s, "tiles": tiles,
				}
			},
			groups: func(n int) [3]uint32 { return groups2(groups, 1, ceil(n, per)) }}
	}
	halves := x.dtype == F16 || dy.dtype == F16
	pick := g.choose(choice{
		key:     shapeKey("outer", c.n*area, c.ow, c.k, c.c, c.r, c.s, c.stride) + keyOfHalves(halves),
		options: g.weightVariants(c, halves), narrow: c.k < 32 || taps*c.c < 32, rule: func(v variant) bool { return v.suitsWeight(c.k, taps*c4*lanes) }, launch: plan,
	})
	g.runProduct(plan(pick), pick).meetsAll = c.pad < min(c.r, c.s) && (c.oh-1)*c.stride < c.h && (c.ow-1)*c.stride < c.w
	g.reduce(y, add, part, chunks, size)
}

// chunkBytes bounds the bytes that one chunk of a weight gradient reads of either tensor, so that every device can bind a slice of whole chunks
// (at least 128 MiB). It does not depend on the device's limit, since the order of sums must not.
const chunkBytes = 32 << 20

// reduce adds parts [parts][size vectors] into y, in order.
func (g *Graph) reduce(y *Tensor, add int, part *Tensor, parts, size int) {
	to := wholeOut(y)
	g.run(launch{kernel: "reduce", rows: 1, binds: []bind{whole(part), to},
		push:   func(_, _ int) constants { return constants{"n": size, "parts": parts, "add": add} },
		groups: func(int) [3]uint32 { return groups1(size, 32) }})
}

// minUncutResults is the number of results of a product that keeps a large device busy without cutting the sums: 64 tiles of 64×64.
var minUncutResults = 64 * 64 * 64

// gemm computes y [.. M N] (+)= op(a)·op(b) with inner size k, for matrices or batches of them [B M N]. The forward kernel reads rows of b along n,
// the weight kernel rows of a along m. A transposed b is transposed in memory first.
func (g *Graph) gemm(y *Tensor, add int, a, b *Tensor, transA, transB bool, k int) *fusible {
	m, n, batch := y.Dim(-2), y.Dim(-1), 1
	if len(y.shape) == 3 {
		batch = y.Dim(0)
	}
	if transB {
		t := g.alloc(b.name+" transposed", F32, append(slices.Clone(b.shape[:len(b.shape)-2]), k, n))
		g.transpose(t, b, batch, 1, k, n)
		b = t
	}
	switch {
	case transA && (batch > 1 || y.mem.set == arena && m*n >= minUncutResults): // the sum need not be cut: gemmForward of the transpose
		t := g.alloc(a.name+" transposed", F32, []int{batch, m, k})
		g.transpose(t, a, batch, 1, m, k)
		a = t
	case transA: // y[m n] = Σ_k a[k m]·b[k n]: the weight gradient of a 1×1 convolution over k images of one pixel
		g.gemmWeight(y, add, b, a, convShape{n: k, h: 1, w: 1, c: n, k: m, r: 1, s: 1, stride: 1, oh: 1, ow: 1})
		return nil
	}
	n4 := quads(n)
	p := gemmForward{y: y, x: withoutPadRows(a), w: b, images: m, gridH: 1, gridW: 1, c: k, k: n, inH: 1, inW: 1, step: 1, dir: 1, tapsH: 1, tapsW: 1,
		wIn: n4, outN: n4, add: add, work: 2 * float64(batch) * float64(m) * float64(n) * float64(k)}
	if len(y.shape) == 3 {
		// the rows of a matrix are the columns of an image of one row
		p.batched, p.images, p.gridW, p.inW, p.outN, p.outW = true, batch, m, m, m*n4, n4
	}
	return g.gemmForward(p)
}
