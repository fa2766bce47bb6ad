package train

import (
	"fmt"
	"math"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/parallel"
	"github.com/marr-ssl/marr/ssl/views"
)

// ViewConfig describes the views of batches of a set.
type ViewConfig struct {
	Set       *data.Set
	MaxPixels int       // the largest number of pixels of an image that Fill may be given; 0: that of Set
	Mean, Std []float64 // that normalize the images, on the scale 0 … 1, by channel
	Specs     []views.Spec
	N         int    // samples in a batch
	Seed      uint64 // of the augmentations
}

// ClipFrames is the number of frames of a sample of clips for a recipe made of frames.
const ClipFrames = 3

// margin is the ratio of the short side of stored images to the side of views. Crops and the test transform need slightly more than 256/224.
const margin = 1.25

// StoredSide returns the short side, in pixels, of images stored for views of px × px: data.Options.Side.
func StoredSide(px int) int { return int(math.Ceil(margin * float64(px))) }

// ViewInput returns the properties of a set that views depend on, and the size of the views.
func ViewInput(size int, set *data.Set) views.Input {
	in := views.Input{Size: size, Channels: set.C, Frames: 1}
	if len(set.Clips) > 0 {
		in.Frames = ClipFrames
	}
	return in
}

// batch records the views of a batch of samples on a graph and fills their inputs for each run: the host draws every
// parameter and gathers the images, the device paints. A sample is an image or, where a view shows one of several frames, a clip of the set.
type batch struct {
	set      *data.Set
	pictures kernels.ImageFormat
	specs    []views.Spec
	sources  []source
	frames   int         // of a sample; 1: samples are images
	clips    []data.Clip // samples of several frames: those that are long enough
	size     int         // samples
	seed     uint64
}

// source is the upload of one image per sample, and the views that are painted from it.
type source struct {
	spec  views.Spec // any one of the views: all show the same frame of a sample
	views []int
}

// newBatch returns an error for views that are invalid, or for which no clip of the set has enough frames.
func newBatch(c ViewConfig) (*batch, error) {
	set := c.Set
	b := &batch{set: set, specs: c.Specs, frames: 1, size: c.N, seed: c.Seed,
		pictures: kernels.ImageFormat{Pixels: max(c.MaxPixels, set.MaxPixels()), C: set.C, Mean: c.Mean, Std: c.Std}}
	for v, s := range c.Specs {
		if err := s.Check(); err != nil {
			return nil, err
		}
		b.frames = max(b.frames, s.MinFrames())
		b.addView(v)
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
		return nil, fmt.Errorf("train: %s holds single images, and the views need %d frames of a clip: use clips, as frames:DIR with a folder for each clip", set.Name, b.frames)
	case len(b.clips) == 0:
		return nil, fmt.Errorf("train: none of the %d clips of %s has the %d frames that the views need: use longer clips", len(set.Clips), set.Name, b.frames)
	}
	return b, nil
}

// addView adds view v to the source that it shares, or adds a source.
func (b *batch) addView(v int) {
	s := b.specs[v]
	for i, other := range b.sources {
		if other.spec.SameImage(s) {
			b.sources[i].views = append(other.views, v)
			return
		}
	}
	b.sources = append(b.sources, source{s, []int{v}})
}

// samples returns the number of samples of the set.
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
				kernels.ViewFormat{Size: s.Size, Bicubic: s.Bicubic(), Blur: s.BlurKernel(), Grid: grid, Tile: tile, Patch: s.MaskPatch()})
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

// hostInputs is the host memory of one source's inputs in a run.
type hostInputs struct {
	images  []byte
	tables  [][]float32 // by view of the source
	targets [][]int32   // by view of the source, nil where it has none
}

func (b *batch) hostInputs(r *kernels.Run) []hostInputs {
	out := make([]hostInputs, len(b.sources))
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

// fill writes the images of these samples and the augmentations that are sampled for them in this epoch. A batch that is not full repeats its last
// sample.
func (b *batch) fill(r *kernels.Run, samples []int, epoch uint32) {
	inputs := b.hostInputs(r)
	stride := b.pictures.Bytes()
	parallel.Each(b.size, func(slot int) {
		sample := samples[min(slot, len(samples)-1)]
		for i, src := range b.sources {
			d := views.Draw{Seed: b.seed, Epoch: epoch, Sample: uint32(sample)}
			img := b.set.Image(b.image(d, src.spec))
			upload(inputs[i].images[slot*stride:(slot+1)*stride], img, b.pictures.C)
			for k, v := range src.views {
				d.View = uint32(v)
				width := b.specs[v].RowWidth()
				target := b.specs[v].Row(inputs[i].tables[k][slot*width:(slot+1)*width], d, img.H, img.W)
				if t := inputs[i].targets[k]; t != nil {
					t[slot] = target
				}
			}
		}
	})
}

// image returns the index of the image that a view of a sample shows.
func (b *batch) image(d views.Draw, s views.Spec) int {
	if b.frames == 1 {
		return int(d.Sample)
	}
	c := b.clips[d.Sample]
	first, step := d.SampleFrames(b.frames, c.N)
	return c.First + first + step*s.FrameIndex(d)
}

// upload writes an image in the layout of kernels.Views: one byte per pixel for one channel; four (R, G, B and an unused one) for three. Gray
// images of a set of three channels are repeated in all three.
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
