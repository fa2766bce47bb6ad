package kernels

import (
	"fmt"

	"github.com/marr-ssl/marr/vk"
)

// limits holds the limits of one dispatch.
type limits struct {
	binding int64   // largest binding in bytes
	texels  int64   // largest texel buffer, in vectors; 0: kernels bind none
	work    float64 // largest number of floating point operations (vk.Device.OpBudget); 0: any
	guard   int64   // bytes of the guard band behind each tensor
}

// of returns the largest binding of a tensor, in bytes.
func (l limits) of(t *Tensor) int64 {
	if l.texels == 0 {
		return l.binding
	}
	return min(l.binding, l.texels*t.vector())
}

// launch is one kernel over a number of rows (images, positions, matrix rows). If a tensor is larger than the device can bind, the launch is sliced
// into several dispatches. Split tensors are bound at the rows of the slice, whole ones entirely.
type launch struct {
	kernel string
	spec   []uint32 // specialization constants, from id 1 on
	rows   int
	unit   int // slices have a multiple of this number of rows; 0 means 1
	most   int // slices have at most this number of rows; 0: any number
	binds  []bind
	push   func(first, n int) constants // push constants of the slice of n rows that begins at row `first`
	groups func(n int) [3]uint32        // work groups for n rows
	work   float64                      // floating point operations, all rows together
}

type bind struct {
	t      *Tensor
	access vk.Access
	split  bool
	part   bool // other launches write the rest, so the eager twin does not scan it yet
	share  int  // the launch accesses one of so many equal parts; 0: all, −1: none
}

// idle binds a range that the kernel does not access, because its shader declares the binding.
func (b bind) idle() bind {
	b.share = -1
	return b
}

func in(t *Tensor) bind       { return bind{t: t, access: vk.Read, split: true} }
func out(t *Tensor) bind      { return bind{t: t, access: vk.Write, split: true} }
func inout(t *Tensor) bind    { return bind{t: t, access: vk.ReadWrite, split: true} }
func whole(t *Tensor) bind    { return bind{t: t, access: vk.Read} }
func wholeOut(t *Tensor) bind { return bind{t: t, access: vk.ReadWrite} }

// sum binds an output that is read and written if add is 1, else written.
func sum(t *Tensor, add int) bind {
	if add == 1 {
		return inout(t)
	}
	return out(t)
}

// halves returns the set of bindings with halves, bit i for binding i.
func (l launch) halves() (set uint32) {
	for i, b := range l.binds {
		if b.t.dtype == F16 {
			set |= 1 << i
		}
	}
	return set
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// slice returns the number of rows of one dispatch: within the largest binding, and within the work that stays below a watchdog's time.
func (g *Graph) slice(l launch) int {
	unit, most := int64(max(l.unit, 1)), int64(l.rows)
	if g.limits.work > 0 && l.work > g.limits.work {
		most = max(1, int64(float64(l.rows)*g.limits.work/l.work))
	}
	if l.most > 0 {
		most = min(most, int64(l.most))
	}
	for _, b := range l.binds {
		size, limit := b.t.bytes(), g.limits.of(b.t)
		if !b.split {
			if size > limit {
				misuse(l.kernel, "%v takes %d bytes and the device binds %d at once: use a smaller batch or model", b.t, size, limit)
			}
			continue
		}
		row := size / int64(l.rows)
		if row*int64(l.rows) != size {
			misuse(l.kernel, "%v does not divide into %d rows", b.t, l.rows)
		}
		if size > limit {
			step := align / gcd(row, align)
			unit = unit / gcd(unit, step) * step
			most = min(most, limit/row)
		}
	}
	if most == int64(l.rows) {
		return l.rows
	}
	for _, b := range l.binds { // offsets must be aligned even in tensors small enough to be bound whole
		if b.split {
			step := align / gcd(b.t.bytes()/int64(l.rows), align)
			unit = unit / gcd(unit, step) * step
		}
	}
	unit = min(unit, int64(l.rows))       // all rows are one dispatch, at offset 0
	if most < unit && g.within(l, unit) { // more than the work limit, but no smaller slice is possible
		return int(unit)
	}
	if most < unit {
		misuse(l.kernel, "a dispatch needs at least %d rows and the device binds %d: use a smaller image or model", unit, most)
	}
	return int(most / unit * unit)
}

// within reports whether n rows can be bound at once.
func (g *Graph) within(l launch, n int64) bool {
	for _, b := range l.binds {
		if b.split && b.t.bytes()/int64(l.rows)*n > g.limits.of(b.t) {
			return false
		}
	}
	return true
}

func (g *Graph) run(l launch) { g.steps = append(g.steps, g.dispatches(l)...) }

// dispatches returns the steps of a launch, one for each slice.
func (g *Graph) dispatches(l launch) (out []*step) {
	g.current()
	n := g.slice(l)
	slices := (l.rows + n - 1) / n
	for first := 0; first < l.rows; first += n {
		n := min(n, l.rows-first)
		s := &step{kernel: l.kernel, spec: l.spec, label: l.kernel, push: l.push(first, n).pack(l.kernel), groups: l.groups(n),
			work: l.work * float64(n) / float64(l.rows), segment: len(g.segments) - 1}
		for _, b := range l.binds {
			x := bound{mem: b.t.mem, offset: b.t.from, size: b.t.bytes(), access: b.access, float: b.t.floats() && !b.part && (b.split || first+n == l.rows),
				half: b.t.dtype == F16, share: b.share}
			if !b.split && x.share >= 0 { // each slice writes its part, and all together read it once
				x.share = max(x.share, 1) * slices
			}
			if b.split {
				row := x.size / int64(l.rows)
				x.offset, x.size = x.offset+int64(first)*row, int64(n)*row
			}
			s.binds = append(s.binds, x)
			if b.share >= 0 {
				s.label += " " + b.t.name
			}
		}
		out = append(out, s)
	}
	return out
}

// words returns ints and bools as the values of specialization constants, in order.
func words(values ...any) []uint32 {
	out := make([]uint32, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case int:
			out[i] = uint32(v)
		case bool:
			if v {
				out[i] = 1
			}
		default:
			panic(fmt.Sprintf("kernels: specialization constant %d has type %T", i, v))
		}
	}
	return out
}

func groups1(n, per int) [3]uint32 { return groups2(n, per, 1) }

// groups2 returns a grid of ⌈n/per⌉ work groups along x, and y along y. Above 65535, the limit of every device, they continue along z: a kernel
// numbers its groups by z·65535 + x.
func groups2(n, per, y int) [3]uint32 {
	x, z := (n+per-1)/per, 1
	if x > maxGroups {
		x, z = maxGroups, (x+maxGroups-1)/maxGroups
	}
	return [3]uint32{uint32(x), uint32(y), uint32(z)}
}

const maxGroups = 65535
