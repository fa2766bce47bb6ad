package ssl

import (
	"fmt"

	"marr/kernels"
	"marr/kernels/rng"
	"marr/ssl/data"
	"marr/ssl/parallel"
	"marr/ssl/views"
)

// batch puts the views of one batch of samples on a graph and fills their inputs for each run: the host draws every
// parameter and gathers the images, the device paints. A sample is an image or, where a view shows a frame of several, a clip of the set.
type batch struct {
	set      *data.Set
	pictures kernels.Pictures
	specs    []views.Spec
	sources  []source
	frames   int         // of a sample; 1: samples are images
	clips    []data.Clip // samples of several frames: those that are long enough
	size     int         // samples
	seed     uint64
}

// source is an upload of one image a sample, and the views that are painted from it.
type source struct {
	spec  views.Spec // any one of the views: all show the same frame of a sample
	views []int
}

// newBatch refuses recipes that cannot be drawn or that the set has no frames for. pixels is the most that an image of the program may have; 0: those of set.
func newBatch(set *data.Set, pixels int, mean, std []float64, specs []views.Spec, size int, seed uint64) (*batch, error) {
	b := &batch{set: set, specs: specs, frames: 1, size: size, seed: seed,
		pictures: kernels.Pictures{Pixels: max(pixels, set.MaxPixels()), C: set.C, Mean: mean, Std: std}}
	for v, s := range specs {
		if err := s.Check(); err != nil {
			return nil, err
		}
		b.frames = max(b.frames, s.MinFrames())
		b.show(v)
	}
	if b.frames == 1 {
		return b, nil
	}
	for _, c := range set.Clips {
		if c.N >= b.frames {
			b.clips = append(b.clips, c)
		}
	}
	switch {
	case len(set.Clips) == 0:
		return nil, fmt.Errorf("ssl: %s holds single images and the views show %d frames of a clip: give clips, a folder each, as frames:DIR", set.Name, b.frames)
	case len(b.clips) == 0:
		return nil, fmt.Errorf("ssl: none of the %d clips of %s has the %d frames that the views show: give longer ones", len(set.Clips), set.Name, b.frames)
	}
	return b, nil
}

// show finds the source of view v, or adds one.
func (b *batch) show(v int) {
	s := b.specs[v]
	for i, other := range b.sources {
		if other.spec.SameImage(s) {
			b.sources[i].views = append(other.views, v)
			return
		}
	}
	b.sources = append(b.sources, source{s, []int{v}})
}

// samples is how many the set has.
func (b *batch) samples() int {
	if b.frames > 1 {
		return len(b.clips)
	}
	return b.set.Len()
}

// inputs declares the inputs in the current segment and returns each view, [size px px C] or its tiles, and its targets [size], nil where it has none.
func (b *batch) inputs(g *kernels.Graph) (painted, targets []*kernels.Tensor) {
	painted, targets = make([]*kernels.Tensor, len(b.specs)), make([]*kernels.Tensor, len(b.specs))
	for i, src := range b.sources {
		images := g.Input(imagesName(i), kernels.U8, b.size, b.pictures.Bytes())
		for _, v := range src.views {
			s := b.specs[v]
			table := g.Input(tableName(v), kernels.F32, b.size, s.RowWidth())
			grid, tile := s.Tiles()
			painted[v] = kernels.Views(images, table, b.pictures,
				kernels.Painting{Size: s.Size, Bicubic: s.Bicubic(), Blur: s.BlurKernel(), Grid: grid, Tile: tile, Patch: s.MaskPatch()})
			if s.TargetClasses() > 0 {
				targets[v] = g.Input(targetName(v), kernels.I32, b.size)
			}
		}
	}
	return painted, targets
}

func imagesName(source int) string { return fmt.Sprintf("images%d", source) }
func tableName(view int) string    { return fmt.Sprintf("table%d", view) }
func targetName(view int) string   { return fmt.Sprintf("target%d", view) }

// place is the host memory of one source's inputs in a run.
type place struct {
	images  []byte
	tables  [][]float32 // by view of the source
	targets [][]int32   // likewise, nil where it has none
}

func (b *batch) places(r *kernels.Run) []place {
	out := make([]place, len(b.sources))
	for i, src := range b.sources {
		out[i].images = r.Bytes(imagesName(i))
		for _, v := range src.views {
			var targets []int32
			if b.specs[v].TargetClasses() > 0 {
				targets = r.Ints(targetName(v))
			}
			out[i].tables, out[i].targets = append(out[i].tables, r.Floats(tableName(v))), append(out[i].targets, targets)
		}
	}
	return out
}

// fill writes the images of these samples and their draws of this epoch; a batch that is not full repeats its last sample.
func (b *batch) fill(r *kernels.Run, samples []int, epoch uint32) {
	places := b.places(r)
	side := b.pictures.Bytes()
	parallel.Each(b.size, func(slot int) {
		sample := samples[min(slot, len(samples)-1)]
		for i, src := range b.sources {
			d := views.Draw{Seed: b.seed, Epoch: epoch, Sample: uint32(sample)}
			img := b.set.Image(b.image(d, src.spec))
			upload(places[i].images[slot*side:(slot+1)*side], img, b.pictures.C)
			for k, v := range src.views {
				d.View = uint32(v)
				width := b.specs[v].RowWidth()
				target := b.specs[v].Row(places[i].tables[k][slot*width:(slot+1)*width], d, img.H, img.W)
				if t := places[i].targets[k]; t != nil {
					t[slot] = target
				}
			}
		}
	})
}

// image is the index of the image that a view of a sample shows.
func (b *batch) image(d views.Draw, s views.Spec) int {
	if b.frames == 1 {
		return int(d.Sample)
	}
	c := b.clips[d.Sample]
	first, step := d.SampleFrames(b.frames, c.N)
	return c.First + first + step*s.FrameIndex(d)
}

// upload writes an image as kernels.Views reads it: a byte a pixel of one channel, four (R G B and one that nothing reads) of three. Gray
// images of a set of three channels are repeated.
func upload(dst []byte, img data.Image, channels int) {
	switch {
	case channels == 1:
		copy(dst, img.Pix)
	case img.C == 1:
		for i, v := range img.Pix {
			d := dst[4*i : 4*i+4 : 4*i+4]
			d[0], d[1], d[2] = v, v, v
		}
	default:
		for i := range len(img.Pix) / 3 {
			d, s := dst[4*i:4*i+4:4*i+4], img.Pix[3*i:3*i+3:3*i+3]
			d[0], d[1], d[2] = s[0], s[1], s[2]
		}
	}
}

// Streams of the run's seed that are not views' (those mix the seed with the epoch).
const (
	streamShuffle = 0x5348 // of samples, by epoch
	streamLabels  = 0x4c42 // of a fine-tuning set, by pass
)

// picked returns places from … from+n−1 of the order of `of` samples in an epoch.
func picked(seed uint64, stream, epoch uint32, of, from, n int) []int {
	p := rng.NewPermutation(of, seed, stream, epoch)
	out := make([]int, n)
	for i := range out {
		out[i] = p.At(from + i)
	}
	return out
}
