package ssl

import (
	"errors"

	"marr/kernels"
	"marr/net"
	"marr/ssl/data"
	"marr/ssl/eval"
	"marr/ssl/views"
	"marr/vk"
)

// featureBatch is how many images one run of an Encoder takes.
const featureBatch = 250

// Encoder computes features of images on the device: test transform, batch norm in inference mode.
type Encoder struct {
	prog  *kernels.Program
	batch *batch
	rows  int // of the output, an image
	width int
}

// Passes is how many images an Encoder of these sets takes through the network for all of them: whole batches.
func Passes(sets ...*data.Set) int {
	most, all := 0, 0
	for _, s := range sets {
		most = max(most, s.Len())
	}
	batch := min(featureBatch, most)
	for _, s := range sets {
		all += (s.Len() + batch - 1) / batch * batch
	}
	return all
}

// NewEncoder builds the program that maps images like those of these sets through a module.
func NewEncoder(dev *vk.Device, st *kernels.Store, m net.Module, mean, std []float64, px int, sets ...*data.Set) (*Encoder, error) {
	most, pixels := 0, 0
	for _, s := range sets {
		most, pixels = max(most, s.Len()), max(pixels, s.MaxPixels())
	}
	specs := views.Eval(views.Input{Size: px, Channels: sets[0].C, Frames: 1})
	b, err := newBatch(sets[0], pixels, mean, std, specs, min(featureBatch, most), 0)
	if err != nil {
		return nil, err
	}
	e := &Encoder{batch: b}
	e.prog, err = kernels.Build(dev, st, func(g *kernels.Graph) {
		painted, _ := b.inputs(g)
		y := m.Forward(painted[0], net.Eval)
		e.rows, e.width = y.Rows()/b.size, y.Width()
		g.Output("features", y)
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Free releases the program.
func (e *Encoder) Free() { e.prog.Free() }

// Features returns the module's output for every image of a set, [N D] with all axes but the first as one; the set must be like those
// that the Encoder was built for.
func (e *Encoder) Features(set *data.Set) (*eval.Features, error) {
	if set.MaxPixels() > e.batch.pictures.Pixels || set.C != e.batch.pictures.C {
		return nil, errors.New("ssl: " + set.Name + ": its images are larger or have other channels than those of " + e.batch.set.Name + ": choose sets of one kind")
	}
	b := *e.batch
	b.set = set
	dim := e.rows * e.width
	f := &eval.Features{Name: set.Name, N: set.Len(), D: dim, X: make([]float32, set.Len()*dim), Labels: set.Labels}
	type part struct {
		run   *kernels.Run
		first int
	}
	var flying []part
	collect := func() error {
		p := flying[0]
		flying = flying[1:]
		if err := p.run.Wait(); err != nil {
			return err
		}
		n := min(b.size, f.N-p.first)
		kernels.Unpack(f.X[p.first*dim:(p.first+n)*dim], p.run.Output("features"), e.width)
		return nil
	}
	seg := e.prog.Segment("main")
	for first := 0; first < f.N; first += b.size {
		if len(flying) == 2 {
			if err := collect(); err != nil {
				return nil, err
			}
		}
		r, err := seg.Begin()
		if err != nil {
			return nil, err
		}
		b.fill(r, span(first, min(first+b.size, f.N)), 0)
		if err := r.Submit(); err != nil {
			return nil, err
		}
		flying = append(flying, part{r, first})
	}
	for len(flying) > 0 {
		if err := collect(); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func span(from, to int) []int {
	s := make([]int, to-from)
	for i := range s {
		s[i] = from + i
	}
	return s
}
