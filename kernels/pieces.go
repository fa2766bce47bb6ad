package kernels

import (
	"slices"

	"github.com/marr-ssl/marr/vk"
)

// Pieces says how gradients are divided: into at most Most pieces whose boundaries are multiples of Align elements. All but the last have at least Least elements.
type Pieces struct{ Most, Least, Align int }

// StreamGradients makes an Exchange copy the gradients in pieces to the host, each as soon as the backward pass has completed it, so that devices can exchange
// it while the rest is computed. It changes no results. Call it after Backward, at the end of a segment.
func (g *Graph) StreamGradients(p Pieces) { g.current().pieces = p }

// piece is a range of the flat gradients that is complete once a step has run.
type piece struct {
	from, to int64 // bytes
	last     *step // nil: the last one of the segment
	lastBody int   // of Segment.body, that ends with this step
}

// gradientPieces divides the flat gradients into pieces that a segment completes one after the other. Parameters lie in the order of their declaration and
// backward passes go from the loss to the images, so that the end of the set is complete first.
func (g *Graph) gradientPieces(segment int) (out []piece) {
	p, end := g.segments[segment].pieces, g.store.size
	if p.Most <= 1 {
		return []piece{{to: end}}
	}
	var steps []*step
	for _, s := range g.steps {
		if s.segment == segment {
			steps = append(steps, s)
		}
	}
	open := make([]int64, len(steps)+1) // the end of what step i or a later one changes
	for i, s := range slices.Backward(steps) {
		open[i] = open[i+1]
		for _, b := range s.binds {
			if b.mem.set == gradients && b.access&vk.Write != 0 {
				open[i] = max(open[i], b.mem.offset+b.offset+b.size)
			}
		}
	}
	least, align := max(g.store.size/int64(p.Most), 4*int64(p.Least)), 4*int64(p.Align)
	for i, s := range steps {
		if from := (open[i+1] + align - 1) / align * align; from > 0 && end-from >= least {
			out, end = append(out, piece{from: from, to: end, last: s}), from
		}
	}
	return append(out, piece{to: end})
}

// completed returns the piece that is complete after what was recorded as body i, but for the last; −1: none.
func (s *Segment) completed(i int) int {
	return slices.IndexFunc(s.pieces, func(p piece) bool { return p.last != nil && p.lastBody == i })
}
