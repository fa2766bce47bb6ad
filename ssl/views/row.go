package views

import (
	"fmt"

	"github.com/marr-ssl/marr/kernels/rng"
)

// Columns is the number of floats in a row of the parameter table before those of the jigsaw or the mask.
const Columns = 24

// Columns of a row. Columns 22 and 23 are zero. Lengths are in pixels. Package kernels repeats this list.
const (
	CropTop           = 0 // crop box in the source, whole pixels; the resize reads nothing outside it
	CropLeft          = 1
	CropHeight        = 2
	CropWidth         = 3
	SourceWidth       = 4 // width of the source
	ResizedH          = 5 // size of the resized box
	ResizedW          = 6
	OffsetY           = 7 // the view's first pixel within the resized box; pixels outside the box are black
	OffsetX           = 8
	Orientation       = 9  // 1·horizontal flip + 2·vertical flip + 4·quarter turns counterclockwise; flips come first
	JitterOrder       = 10 // jitter ops in order, three bits each from the lowest: 1 brightness, 2 contrast, 3 saturation, 4 hue; 0: none
	Brightness        = 11 // factor, 1: none
	Contrast          = 12 // factor, 1: none
	Saturation        = 13 // factor, 1: none
	Hue               = 14 // shift in turns of the color wheel
	Gray              = 15 // 1: luma in all channels
	BlurSigma         = 16 // of the Gaussian blur, 0: none
	SolarizeThreshold = 17 // of solarize, 2: none
	EraseTop          = 18 // box of the finished view that is set to the mean; height 0: none
	EraseLeft         = 19
	EraseHeight       = 20
	EraseWidth        = 21
)

// Random streams, one per op, so that adding or removing an op does not change the draws of the others. New ops are appended; numbers
// are never reused.
const (
	opCrop         = 0
	opFlip         = 1
	opJitter       = 2
	opVerticalFlip = 3
	opGray         = 4
	opBlur         = 5
	opSolarize     = 6
	opRotation     = 7
	opJigsaw       = 8
	opFrameOrder   = 9
	opErase        = 10
	opMask         = 11
	opFrames       = 12
	opZoomSequence = 13
)

// Draw identifies the random numbers of one view.
type Draw struct {
	Seed                uint64
	Epoch, Sample, View uint32 // View is below 2²⁴
}

// key mixes the epoch into the seed (finalizer of SplitMix64: Steele, Lea and Flood 2014, "Fast splittable pseudorandom number
// generators", section 4).
func (d Draw) key() uint64 {
	key := d.Seed + 0x9E3779B97F4A7C15*(uint64(d.Epoch)+1)
	key = (key ^ key>>30) * 0xBF58476D1CE4E5B9
	key = (key ^ key>>27) * 0x94D049BB133111EB
	return key ^ key>>31
}

// streams opens the random streams of a view's ops: the stream of an op is (sample, view·256 + op) under the mixed key.
type streams struct {
	key          uint64
	sample, view uint32
}

func (s streams) of(op uint32) *rng.Source { return rng.New(s.key, s.sample, s.view<<8|op) }

// bernoulli is true with probability p.
func (s streams) bernoulli(op uint32, p float64) bool { return p > 0 && s.of(op).Float64() < p }

// FrameIndex returns the index of the sample's image that the view shows.
func (s Spec) FrameIndex(d Draw) int {
	if s.ZoomSequence != nil {
		return 0
	}
	return s.frameOf(d)
}

// frameOf returns the index of the frame of the clip or the zoom sequence that the view shows.
func (s Spec) frameOf(d Draw) int {
	if s.FrameOrder == nil {
		return s.Frame
	}
	return s.FrameOrder.draw(d).at(s.Frame)
}

// Row draws the parameters of one view of an image of h × w pixels, writes them into dst[:s.RowWidth()] and returns the view's target,
// −1 if the Spec has none. It draws the same quantities in the same order as torchvision's get_params. Row panics if the image has no
// pixels or a side of 2²⁴ or more, or if dst is too short.
func (s Spec) Row(dst []float32, d Draw, h, w int) int32 {
	width := s.RowWidth()
	if h < 1 || w < 1 || max(h, w) >= 1<<24 || len(dst) < width || d.View >= 1<<24 {
		panic(fmt.Sprintf("views: Row: %d floats for view %d of an image of %d × %d pixels: want %d, a view below 2²⁴, sides of 1 to 2²⁴−1",
			len(dst), d.View, h, w, width))
	}
	clear(dst[:width])
	from := streams{d.key(), d.Sample, d.View}
	if s.ZoomSequence != nil {
		s.zoomCrop(dst, d, h, w)
	} else {
		s.crop(dst, from, h, w)
	}
	target := s.orient(dst, from)
	s.color(dst, from)
	if s.RandomErasing != nil {
		s.RandomErasing.draw(dst, from, s.Size)
	}
	switch {
	case s.PatchMask != nil:
		s.PatchMask.draw(dst[Columns:width], from.of(opMask), s.patches())
	case s.Jigsaw != nil:
		target = s.Jigsaw.draw(dst[Columns:], from.of(opJigsaw), s.Size)
	}
	if s.FrameOrder != nil {
		target = s.FrameOrder.target(d)
	}
	return target
}

// orient writes flips and quarter turns, and returns the target of the rotation.
func (s Spec) orient(dst []float32, from streams) int32 {
	target, code := int32(-1), 0
	if from.bernoulli(opFlip, s.HorizontalFlip) {
		code++
	}
	if from.bernoulli(opVerticalFlip, s.VerticalFlip) {
		code += 2
	}
	if r := s.Rotation; r != nil {
		i := 0
		if len(r.Turns) > 1 {
			i = from.of(opRotation).Intn(len(r.Turns))
			target = int32(i)
		}
		code += 4 * r.Turns[i]
	}
	dst[Orientation] = float32(code)
	return target
}

// draw selects the masked patches by selection sampling (Knuth, The Art of Computer Programming 2, section 3.4.2, algorithm S).
func (m PatchMask) draw(dst []float32, src *rng.Source, patches int) {
	left, word := m.masked(patches), 0
	for i := range patches {
		if src.Intn(patches-i) < left {
			left--
			word |= 1 << (i % maskBits)
		}
		if i%maskBits == maskBits-1 || i == patches-1 {
			dst[i/maskBits], word = float32(word), 0
		}
	}
}

// draw draws the permutation and writes the position of each output tile's window as top·4096 + left.
func (j Jigsaw) draw(dst []float32, src *rng.Source, size int) int32 {
	tiles, cell := j.Grid*j.Grid, size/j.Grid
	target := src.Intn(j.Permutations)
	order := permutations(tiles, j.Permutations)[target]
	for t := range tiles {
		at := order.at(t)
		top := at/j.Grid*cell + src.Intn(j.Gap+1)
		dst[t] = float32(top*maxSize + at%j.Grid*cell + src.Intn(j.Gap+1))
	}
	return int32(target)
}

// target draws the permutation's index from the stream of view 0, so that all views of a sample get the same.
func (o FrameOrder) target(d Draw) int32 {
	return int32(streams{d.key(), d.Sample, 0}.of(opFrameOrder).Intn(o.Permutations))
}

func (o FrameOrder) draw(d Draw) permutation {
	return permutations(o.Frames, o.Permutations)[o.target(d)]
}
