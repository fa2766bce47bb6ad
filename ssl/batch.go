package ssl

import (
	"fmt"

	"marr/kernels"
	"marr/kernels/rng"
	"marr/ssl/data"
	"marr/ssl/views"
)

// batch puts the views of one batch of images on a graph and fills their inputs for each run: the host draws every
// parameter and gathers the images, the device paints.
type batch struct {
	set      *data.Set
	pictures kernels.Pictures
	specs    []views.Spec
	size     int // images
	seed     uint64
}

func newBatch(set *data.Set, mean, std []float64, specs []views.Spec, size int, seed uint64) (*batch, error) {
	for _, s := range specs {
		if err := s.Check(); err != nil {
			return nil, err
		}
	}
	return &batch{set, kernels.Pictures{H: set.H, W: set.W, C: set.C, Mean: mean, Std: std}, specs, size, seed}, nil
}

// inputs declares the inputs in the current segment and returns a view [size px px C] for each Spec.
func (b *batch) inputs(g *kernels.Graph) []*kernels.Tensor {
	images := g.Input("images", kernels.U8, b.size*b.pictures.Bytes())
	var out []*kernels.Tensor
	for v, s := range b.specs {
		table := g.Input(tableName(v), kernels.F32, b.size, kernels.ViewRow)
		out = append(out, kernels.Views(images, table, b.pictures, s.Size))
	}
	return out
}

func tableName(view int) string { return fmt.Sprintf("table%d", view) }

// fill writes the images of these indices and their draws of this epoch; a batch that is not full repeats its last image.
func (b *batch) fill(r *kernels.Run, indices []int, epoch uint32) {
	pixels, stride := r.Bytes("images"), b.pictures.Bytes()
	for slot := range b.size {
		i := indices[min(slot, len(indices)-1)]
		copy(pixels[slot*stride:(slot+1)*stride], b.set.Image(i))
		for v, s := range b.specs {
			row := r.Floats(tableName(v))[slot*views.Width : (slot+1)*views.Width]
			s.Row(row, b.seed, epoch, uint32(i), uint32(v), b.set.H, b.set.W)
			row[views.Source] = float32(slot)
		}
	}
}

// Streams of the run's seed that are not views' (those mix the seed with the epoch).
const (
	streamShuffle = 0x5348 // of images, by epoch
	streamLabels  = 0x4c42 // of a fine-tuning set, by pass
)

// order is the order of n images in an epoch.
func order(seed uint64, stream, epoch uint32, n int) []int {
	return rng.New(seed, stream, epoch).Perm(n)
}
