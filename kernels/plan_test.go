package kernels

import (
	"fmt"
	"slices"
	"testing"

	"github.com/marr-ssl/marr/kernels/rng"
)

// randomGraph returns a graph of two segments with tensors of random sizes and lifetimes, some pinned and some unused.
func randomGraph(s *rng.Source) *Graph {
	g := newGraph(nil)
	steps := 3 + s.Intn(40)
	for i := range steps {
		g.steps = append(g.steps, &step{segment: 2 * i / steps})
	}
	for n := range 1 + s.Intn(60) {
		t := g.alloc(fmt.Sprint(n), F32, []int{1 + s.Intn(5), 1 + s.Intn(300)})
		t.mem.pinned = s.Intn(8) == 0
		for range s.Intn(4) {
			x := g.steps[s.Intn(steps)]
			x.binds = append(x.binds, bound{mem: t.mem})
		}
	}
	return g
}

// aliveTogether reports whether two tensors are alive at the same step, straight from the definition.
func aliveTogether(g *Graph, a, b *storage) bool {
	always := func(m *storage) bool {
		segments := map[int]bool{}
		for _, s := range g.steps {
			if slices.ContainsFunc(s.binds, func(x bound) bool { return x.mem == m }) {
				segments[s.segment] = true
			}
		}
		return m.pinned || len(segments) > 1
	}
	alive := func(m *storage, at int) bool {
		before, after := false, false
		for i, s := range g.steps {
			if slices.ContainsFunc(s.binds, func(x bound) bool { return x.mem == m }) {
				before, after = before || i <= at, after || i >= at
			}
		}
		return before && after
	}
	used := func(m *storage) bool { return m.first >= 0 || m.pinned }
	if !used(a) || !used(b) {
		return false
	}
	if always(a) || always(b) {
		return true
	}
	for i := range g.steps {
		if alive(a, i) && alive(b, i) {
			return true
		}
	}
	return false
}

func TestPlanNeverOverlapsLiveTensors(t *testing.T) {
	s := rng.New(11)
	var planned, sum int64
	for range 150 {
		g, most := randomGraph(s), int64(4096+s.Intn(1<<15))
		blocks := g.plan(most)
		for i, a := range g.tensors {
			if a.first < 0 && !a.pinned {
				continue
			}
			sum += a.bytes
			if end := a.offset + a.bytes; a.offset%align != 0 || end > blocks[a.block] {
				t.Fatalf("%s at %d to %d in a block of %d", a.name, a.offset, end, blocks[a.block])
			}
			for _, b := range g.tensors[:i] {
				if a.block == b.block && a.offset < b.offset+b.bytes && b.offset < a.offset+a.bytes && aliveTogether(g, a, b) {
					t.Fatalf("%s at %d+%d and %s at %d+%d of block %d live together", a.name, a.offset, a.bytes, b.name, b.offset, b.bytes, a.block)
				}
			}
		}
		for i, n := range blocks {
			planned += n
			alone := slices.ContainsFunc(g.tensors, func(m *storage) bool { return m.block == i && m.bytes > most })
			if n > most && !alone {
				t.Errorf("block %d of %d bytes, at most %d were allowed", i, n, most)
			}
		}
	}
	if planned > sum*85/100 { // 0.76 at the time of writing; above 1 without reuse of memory
		t.Errorf("planned %d bytes for tensors of %d: memory is not reused", planned, sum)
	}
}

func TestEveryTensorHasAGuardBand(t *testing.T) {
	g := randomGraph(rng.New(12))
	g.limits.guard = align
	g.plan(1 << 30)
	for i, a := range g.tensors {
		for _, b := range g.tensors[:i] {
			if (a.first >= 0 || a.pinned) && (b.first >= 0 || b.pinned) && a.offset < b.offset+b.bytes+align && b.offset < a.offset+a.bytes+align {
				t.Fatalf("%s at %d+%d and %s at %d+%d have no guard band between them", a.name, a.offset, a.bytes, b.name, b.offset, b.bytes)
			}
		}
	}
}
