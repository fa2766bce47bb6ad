package kernels

import (
	"cmp"
	"slices"
)

// plan places every tensor of the graph: the largest first, each at the lowest offset that is free for its lifetime ("greedy by size for offsets",
// Pisarchyk and Lee 2020, arXiv:2001.03288, section 5.2). Pinned tensors (inputs, outputs, tensors of several segments) are always alive. A block has
// at most `most` bytes, unless a single tensor is larger. plan returns the size of each block.
func (g *Graph) plan(most int64) []int64 {
	g.lifetimes()
	var todo []*storage
	for _, m := range g.tensors {
		if m.first >= 0 || m.pinned {
			todo = append(todo, m)
		}
	}
	slices.SortStableFunc(todo, func(a, b *storage) int { return cmp.Compare(b.bytes, a.bytes) })
	var blocks []int64
	placed := make([][]*storage, 0, 1) // by block, sorted by offset
	for _, m := range todo {
		size := (m.bytes+align-1)/align*align + g.limits.guard
		for m.block = 0; ; m.block++ {
			if m.block == len(blocks) {
				blocks, placed = append(blocks, 0), append(placed, nil)
			}
			m.offset = 0
			for _, o := range placed[m.block] {
				if m.offset+size <= o.offset {
					break
				}
				if m.overlaps(o) {
					m.offset = max(m.offset, (o.offset+o.bytes+align-1)/align*align+g.limits.guard)
				}
			}
			if m.offset+size <= most || m.offset == 0 {
				break
			}
		}
		b := m.block
		blocks[b] = max(blocks[b], m.offset+size)
		at, _ := slices.BinarySearchFunc(placed[b], m, func(a, b *storage) int { return cmp.Compare(a.offset, b.offset) })
		placed[b] = slices.Insert(placed[b], at, m)
	}
	return blocks
}

// lifetimes finds the first and last step that uses each tensor.
func (g *Graph) lifetimes() {
	for i, s := range g.steps {
		for _, b := range s.binds {
			m := b.mem
			if m.set != arena {
				continue
			}
			if m.first < 0 {
				m.first, m.segment = i, s.segment
			}
			m.last = i
			m.pinned = m.pinned || g.eager || g.limits.guard > 0 || m.segment != s.segment
		}
	}
}

func (m *storage) overlaps(o *storage) bool {
	return m.pinned || o.pinned || m.first <= o.last && o.first <= m.last
}
