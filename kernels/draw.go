package kernels

import (
	"fmt"
	"hash/crc32"

	"github.com/marr-ssl/marr/kernels/rng"
)

// draw is a call of Graph.Draw.
type draw struct {
	base, name string // as given, and as returned
	fill       func(r *Run, name string, src *rng.Source)
}

// Draw lets a module have inputs of random numbers, such as masks, that the host draws before each run of the current segment: Run.Draw calls fill, which
// fills them. Draw returns the name that the module gives to its input, or with which it starts those of several inputs: the given one, with a number behind
// it if the segment has a draw of that name already. fill gets this name, and a source of random numbers that depends on it and on the arguments of Run.Draw
// alone. Segments that record the same module, such as the two forward passes of a gradient cache, so get the same numbers.
func (g *Graph) Draw(name string, fill func(r *Run, name string, src *rng.Source)) string {
	s, before := g.current(), 0
	for _, d := range s.draws {
		if d.base == name {
			before++
		}
	}
	d := draw{base: name, name: name, fill: fill}
	if before > 0 {
		d.name = fmt.Sprintf("%s.%d", name, before)
	}
	s.draws = append(s.draws, d)
	return d.name
}

// Draw fills the inputs of Graph.Draw. at numbers the runs that get numbers of their own, such as the parts of all steps. A segment with such inputs needs
// Draw before every Submit.
func (r *Run) Draw(seed uint64, at uint32) {
	for _, d := range r.s.draws {
		d.fill(r, d.name, rng.New(seed, crc32.ChecksumIEEE([]byte(d.name)), at))
	}
	r.drawn = true
}
