package eval

import (
	"context"
	"fmt"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/ssl/views"
)

// maxBatch is the largest number of images in one run of an Encoder.
const maxBatch = 250

// Encoder computes features of images, with batch norm in inference mode.
type Encoder struct {
	Progress func(images, total int) // called after each batch of a set; nil: not

	painter *train.Painter
	runtime func(output []float32, n int) ([]float32, error)
	name    string // of the first set, for errors
	batch   int
	rows    int // rows of the module's output per image
	width   int
	shape   []int
}

// Frozen is a network whose features are measured.
type Frozen struct {
	Store  *kernels.Store
	Module net.Module // on the device, in inference mode
	Inputs Inputs
	// Runtime computes the features [n D] from the module's output for n images, on the host; nil: the output is the features.
	Runtime func(output []float32, n int) ([]float32, error)
}

// Inputs is the preparation of images for a network.
type Inputs = net.Preparation

// Batch returns the number of images in one run of an Encoder of the network, if its sets have as many. A program that is stopped waits for the runs that it
// submitted, so a run has at most the operations of vk.Device.WorkBudget, or one image. No clock decides, and the features do not depend on it.
func (f Frozen) Batch(channels int) (int, error) {
	g, err := kernels.TraceOps(f.Store, func(g *kernels.Graph) {
		f.Module.Forward(g.Input("image", kernels.F32, 1, f.Inputs.Size, f.Inputs.Size, channels), net.Eval)
	})
	if err != nil {
		return 0, err
	}
	images := f.Store.Device().WorkBudget() / max(g.Work(), 1)
	return int(min(max(images, 1), maxBatch)), nil
}

// NumEncoded returns the number of images that an Encoder passes through the network to encode all of these sets: it runs whole batches (Frozen.Batch).
func NumEncoded(batch int, sets ...*data.Set) int {
	largest, total := 0, 0
	for _, s := range sets {
		largest = max(largest, s.Len())
	}
	batch = min(batch, largest)
	for _, s := range sets {
		total += (s.Len() + batch - 1) / batch * batch
	}
	return total
}

// NewEncoder builds the program that maps images of these sets through a module, with the test transform.
func NewEncoder(st *kernels.Store, m net.Module, in Inputs, sets ...*data.Set) (*Encoder, error) {
	return Frozen{Store: st, Module: m, Inputs: in}.Encoder(sets...)
}

// Encoder returns an encoder of the network for images of these sets, with the test transform.
func (f Frozen) Encoder(sets ...*data.Set) (*Encoder, error) {
	return f.encoder(views.Eval, maxBatch, 0, sets...)
}

// encoder returns an encoder with a view of its own, whose augmentations are drawn from a seed. A run has at most `most` images.
func (f Frozen) encoder(view func(views.Input) []views.Spec, most int, seed uint64, sets ...*data.Set) (*Encoder, error) {
	batch, err := f.Batch(sets[0].C)
	if err != nil {
		return nil, err
	}
	largest, pixels := 0, 0
	for _, s := range sets {
		largest, pixels = max(largest, s.Len()), max(pixels, s.MaxPixels())
	}
	e := &Encoder{name: sets[0].Name, batch: min(batch, most, largest), runtime: f.Runtime}
	c := train.ViewConfig{Set: sets[0], MaxPixels: pixels, Mean: f.Inputs.Mean, Std: f.Inputs.Std, N: e.batch, Seed: seed,
		Specs: view(views.Input{Size: f.Inputs.Size, Channels: sets[0].C, Frames: 1})}
	e.painter, err = train.NewPainter(f.Store, c, func(g *kernels.Graph, views []*kernels.Tensor) {
		y := f.Module.Forward(views[0], net.Eval)
		e.rows, e.width, e.shape = y.Rows()/e.batch, y.Width(), y.Shape()[1:]
		g.Output("features", y)
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

// BatchSize returns the number of images of a batch. The last batch of a set may have fewer.
func (e *Encoder) BatchSize() int { return e.batch }

// Shape returns the shape of the module's output for an image, such as [D] or [h w C].
func (e *Encoder) Shape() []int { return e.shape }

// Work returns the floating point operations of a batch.
func (e *Encoder) Work() float64 { return e.painter.Work() }

// Free releases the program.
func (e *Encoder) Free() { e.painter.Free() }

// Features returns the features of every image of a set, [N D] with all axes but the first flattened. See Batches.
func (e *Encoder) Features(ctx context.Context, set *data.Set) (*Features, error) {
	f := &Features{Name: set.Name, N: set.Len(), Labels: set.Labels}
	err := e.Batches(ctx, set, func(first int, x []float32) error {
		if f.X == nil {
			f.D = len(x) / min(e.batch, f.N)
			f.X = make([]float32, f.N*f.D)
		}
		copy(f.X[first*f.D:], x)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Batches computes the features of every image of a set. It calls yield for each batch, in order, with the number of its first image and its features
// [n D], which the next batch overwrites. The set must have the same channels and no larger images than those that the Encoder was built for. Errors:
// features that are not finite; that of yield; ctx.Err() once ctx is done.
func (e *Encoder) Batches(ctx context.Context, set *data.Set, yield func(first int, x []float32) error) error {
	return e.encode(ctx, set, span(0, set.Len()), 0, func(first int, x []float32) error {
		if err := checkFinite("set "+set.Name, x, len(x)/min(e.batch, set.Len()-first), first); err != nil {
			return err
		}
		if err := yield(first, x); err != nil {
			return err
		}
		if e.Progress != nil {
			e.Progress(min(first+e.batch, set.Len()), set.Len())
		}
		return nil
	})
}

// encode computes the features of images of a set, in the given order, with the augmentations of an epoch. It calls yield for each batch, in order, with
// the position of its first image and its features [n D], which the next batch overwrites.
func (e *Encoder) encode(ctx context.Context, set *data.Set, images []int, epoch uint32, yield func(first int, x []float32) error) error {
	if !e.painter.Accepts(set) {
		return fmt.Errorf("eval: %s: its images are larger than those of %s, or have other channels: choose sets of one kind", set.Name, e.name)
	}
	type part struct {
		run   *kernels.Run
		first int
	}
	var inFlight []part
	output := make([]float32, e.batch*e.rows*e.width)
	collect := func() error {
		p := inFlight[0]
		inFlight = inFlight[1:]
		if err := p.run.Wait(); err != nil {
			return err
		}
		n := min(e.batch, len(images)-p.first)
		x := output[:n*e.rows*e.width]
		kernels.Unpack(x, p.run.Output("features"), e.width)
		if e.runtime != nil {
			var err error
			if x, err = e.runtime(x, n); err != nil {
				return err
			}
		}
		return yield(p.first, x)
	}
	for first := 0; first < len(images) && ctx.Err() == nil; first += e.batch {
		if len(inFlight) == 2 {
			if err := collect(); err != nil {
				return err
			}
		}
		r, err := e.painter.Fill(set, images[first:min(first+e.batch, len(images))], epoch)
		if err != nil {
			return err
		}
		if err := r.Submit(); err != nil {
			return err
		}
		inFlight = append(inFlight, part{r, first})
	}
	for len(inFlight) > 0 && ctx.Err() == nil {
		if err := collect(); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("eval: features of %s: %w", set.Name, err)
	}
	return nil
}

func span(from, to int) []int {
	s := make([]int, to-from)
	for i := range s {
		s[i] = from + i
	}
	return s
}
