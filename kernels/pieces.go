package kernels

import (
	"slices"

	"github.com/marr-ssl/marr/vk"
)

// Boundaries of pieces of the gradients are multiples of pieceAlign bytes, 1024 numbers, which package ranks may round together (ranks.FP16). Only the last
// piece is smaller than minPiece.
const (
	pieceAlign = 4096
	minPiece   = 1 << 20
)

// StreamGradients makes an Exchange copy the gradients in up to n pieces to the host, each as soon as the backward pass has completed it, so that devices
// can exchange it while the rest is computed. It changes no results. Call it after Backward, at the end of a segment.
func (g *Graph) StreamGradients(n int) { g.current().pieces = n }

// piece is a range of the flat gradients that is complete once a step has run.
type piece struct {
	from, to int64 // bytes
	last     *step // nil: the last one of the segment
	body     int   // what was recorded last of it
}

// gradientPieces divides the flat gradients into pieces that a segment completes one after the other. Parameters lie in the order of their declaration and
// backward passes go from the loss to the images, so that the end of the set is complete first.
func (g *Graph) gradientPieces(segment int) (out []piece) {
	n, end := int64(max(g.segments[segment].pieces, 1)), g.store.size
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
	least := max(g.store.size/n, minPiece)
	for i, s := range steps {
		if from := (open[i+1] + pieceAlign - 1) / pieceAlign * pieceAlign; from > 0 && end-from >= least {
			out, end = append(out, piece{from: from, to: end, last: s}), from
		}
	}
	return append(out, piece{to: end})
}

// completed returns the piece that is complete after what was recorded as body i, but for the last; −1: none.
func (s *Segment) completed(i int) int {
	return slices.IndexFunc(s.pieces, func(p piece) bool { return p.last != nil && p.body == i })
}
