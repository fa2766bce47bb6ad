package train

import (
	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl/data"
)

// Painter paints the views of batches of samples and runs the ops recorded after them.
type Painter struct {
	batch *batch
	prog  *kernels.Program
}

// NewPainter builds a program on a store that paints the views of c and then runs the ops that record adds.
func NewPainter(st *kernels.Store, c ViewConfig, record func(g *kernels.Graph, views []*kernels.Tensor)) (*Painter, error) {
	b, err := newBatch(c)
	if err != nil {
		return nil, err
	}
	p := &Painter{batch: b}
	p.prog, err = kernels.Build(st.Device(), st, func(g *kernels.Graph) {
		painted, _ := b.inputs(g)
		record(g, painted)
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Fill draws the views of samples of a set in an epoch and gathers their images into a run, which the caller submits. The set is that of the
// configuration or one like it: its images have the same channels and at most MaxPixels pixels.
func (p *Painter) Fill(set *data.Set, samples []int, epoch uint32) (*kernels.Run, error) {
	r, err := p.prog.Segment("main").Begin()
	if err != nil {
		return nil, err
	}
	b := *p.batch
	b.set = set
	b.fill(r, samples, epoch)
	return r, nil
}

// Work returns the floating point operations of a run.
func (p *Painter) Work() float64 { return p.prog.Segment("main").Work() }

// Accepts reports whether Fill accepts a set.
func (p *Painter) Accepts(set *data.Set) bool {
	return set.MaxPixels() <= p.batch.pictures.Pixels && set.C == p.batch.pictures.C
}

// Free releases the program.
func (p *Painter) Free() { p.prog.Free() }
