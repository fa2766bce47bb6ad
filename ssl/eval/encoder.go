package eval

import (
	"context"
	"fmt"

	"marr/kernels"
	"marr/net"
	"marr/ssl/data"
	"marr/ssl/train"
	"marr/ssl/views"
)

// encoderBatch is the largest number of images in one run of an Encoder.
const encoderBatch = 250

// Encoder computes features of images on the device, with the test transform and batch norm in inference mode.
type Encoder struct {
	painter *train.Painter
	name    string // of the first set, for errors
	batch   int
	rows    int // rows of the output per image
	width   int
}

// Inputs is the preparation of images for a network.
type Inputs = net.Preparation

// NumEncoded returns the number of images that an Encoder passes through the network to encode all of these sets: it runs whole batches.
func NumEncoded(sets ...*data.Set) int {
	largest, total := 0, 0
	for _, s := range sets {
		largest = max(largest, s.Len())
	}
	batch := min(encoderBatch, largest)
	for _, s := range sets {
		total += (s.Len() + batch - 1) / batch * batch
	}
	return total
}

// NewEncoder builds the program that maps images of these sets through a module.
func NewEncoder(st *kernels.Store, m net.Module, in Inputs, sets ...*data.Set) (*Encoder, error) {
	largest, pixels := 0, 0
	for _, s := range sets {
		largest, pixels = max(largest, s.Len()), max(pixels, s.MaxPixels())
	}
	e := &Encoder{name: sets[0].Name, batch: min(encoderBatch, largest)}
	c := train.ViewConfig{Set: sets[0], MaxPixels: pixels, Mean: in.Mean, Std: in.Std, N: e.batch,
		Specs: views.Eval(views.Input{Size: in.Size, Channels: sets[0].C, Frames: 1})}
	var err error
	e.painter, err = train.NewPainter(st, c, func(g *kernels.Graph, views []*kernels.Tensor) {
		y := m.Forward(views[0], net.Eval)
		e.rows, e.width = y.Rows()/e.batch, y.Width()
		g.Output("features", y)
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Work returns the floating point operations of a batch.
func (e *Encoder) Work() float64 { return e.painter.Work() }

// Free releases the program.
func (e *Encoder) Free() { e.painter.Free() }

// Features returns the module's output for every image of a set, [N D] with all axes but the first flattened. The set must have the same channels and
// no larger images than those that the Encoder was built for. Once ctx is done, Features returns ctx.Err().
func (e *Encoder) Features(ctx context.Context, set *data.Set) (*Features, error) {
	if !e.painter.Accepts(set) {
		return nil, fmt.Errorf("eval: %s: its images are larger than those of %s, or have other channels: choose sets of one kind", set.Name, e.name)
	}
	dim := e.rows * e.width
	f := &Features{Name: set.Name, N: set.Len(), D: dim, X: make([]float32, set.Len()*dim), Labels: set.Labels}
	type part struct {
		run   *kernels.Run
		first int
	}
	var inFlight []part
	collect := func() error {
		p := inFlight[0]
		inFlight = inFlight[1:]
		if err := p.run.Wait(); err != nil {
			return err
		}
		n := min(e.batch, f.N-p.first)
		kernels.Unpack(f.X[p.first*dim:(p.first+n)*dim], p.run.Output("features"), e.width)
		return nil
	}
	for first := 0; first < f.N && ctx.Err() == nil; first += e.batch {
		if len(inFlight) == 2 {
			if err := collect(); err != nil {
				return nil, err
			}
		}
		r, err := e.painter.Fill(set, span(first, min(first+e.batch, f.N)), 0)
		if err != nil {
			return nil, err
		}
		if err := r.Submit(); err != nil {
			return nil, err
		}
		inFlight = append(inFlight, part{r, first})
	}
	for len(inFlight) > 0 {
		if err := collect(); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("eval: features of %s: %w", set.Name, err)
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
