package vk

import "sort"

// span is the bytes lo to hi-1 of a buffer.
type span struct{ lo, hi int64 }

// spans is a set of bytes: sorted, disjoint spans that do not touch.
type spans []span

// first returns the index of the first span that ends after lo.
func (s spans) first(lo int64) int {
	return sort.Search(len(s), func(i int) bool { return s[i].hi > lo })
}

// overlaps reports whether any byte of lo to hi-1 is in the set.
func (s spans) overlaps(lo, hi int64) bool {
	i := s.first(lo)
	return i < len(s) && s[i].lo < hi
}

// add adds lo to hi-1 to the set.
func (s *spans) add(lo, hi int64) {
	t := *s
	i := t.first(lo - 1) // a span that ends at lo is joined
	j := i
	for ; j < len(t) && t[j].lo <= hi; j++ {
		lo, hi = min(lo, t[j].lo), max(hi, t[j].hi)
	}
	if i == j {
		t = append(t, span{})
		copy(t[i+1:], t[i:])
		t[i] = span{lo, hi}
	} else {
		t[i] = span{lo, hi}
		t = append(t[:i+1], t[j:]...)
	}
	*s = t
}

// tracker holds the bytes that were read and written since the last barrier.
type tracker struct {
	epoch   int // counts barriers
	buffers map[*Buffer]*touched
}

// touched is the part of a tracker for one buffer. It is stale if its epoch is not that of the tracker.
type touched struct {
	epoch         int
	reads, writes spans
}

func (t *tracker) reset() { t.epoch++ }

// conflicts reports whether an access to x must wait for an access to a common byte since the last barrier: a read for a write (RAW),
// a write for a read (WAR) or for a write (WAW).
func (t *tracker) conflicts(x Range, a Access) bool {
	u := t.buffers[x.Buffer]
	if u == nil || u.epoch != t.epoch {
		return false
	}
	lo, hi := x.Offset, x.Offset+x.Size
	return u.writes.overlaps(lo, hi) || a&Write != 0 && u.reads.overlaps(lo, hi)
}

// add records an access.
func (t *tracker) add(x Range, a Access) {
	u := t.buffers[x.Buffer]
	if u == nil {
		u = &touched{epoch: t.epoch}
		t.buffers[x.Buffer] = u
	}
	if u.epoch != t.epoch {
		u.epoch, u.reads, u.writes = t.epoch, u.reads[:0], u.writes[:0]
	}
	if a&Read != 0 {
		u.reads.add(x.Offset, x.Offset+x.Size)
	}
	if a&Write != 0 {
		u.writes.add(x.Offset, x.Offset+x.Size)
	}
}
