package ssl

import (
	"marr/kernels"
	"marr/ssl/data"
	"marr/ssl/views"
	"marr/vk"
)

// Painter paints views of batches of samples and does nothing with them.
type Painter struct {
	batch *batch
	prog  *kernels.Program
	store *kernels.Store
}

// NewPainter builds the program for n samples of a set at once; with keep, runs bring the views back to the host as outputs View(0), View(1), …
func NewPainter(dev *vk.Device, set *data.Set, specs []views.Spec, n int, seed uint64, keep bool) (*Painter, error) {
	mean, std := set.Stats()
	b, err := newBatch(set, 0, mean, std, specs, n, seed)
	if err != nil {
		return nil, err
	}
	p := &Painter{batch: b, store: kernels.NewStore(dev)}
	p.prog, err = kernels.Build(dev, p.store, func(g *kernels.Graph) {
		painted, _ := b.inputs(g)
		for v, y := range painted {
			if keep {
				g.Output(View(v), y)
			}
		}
	})
	if err != nil {
		p.store.Free()
		return nil, err
	}
	return p, nil
}

// View is the name of the output of view v.
func View(v int) string { return tableName(v) }

// Fill draws the views of samples in an epoch and gathers their images into a run, which is to be submitted.
func (p *Painter) Fill(samples []int, epoch uint32) (*kernels.Run, error) {
	r, err := p.prog.Segment("main").Begin()
	if err != nil {
		return nil, err
	}
	p.batch.fill(r, samples, epoch)
	return r, nil
}

// Free releases the program.
func (p *Painter) Free() {
	p.prog.Free()
	p.store.Free()
}
