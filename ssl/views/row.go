package views

import (
	"fmt"
	"math"

	"marr/kernels/rng"
)

// Width is the number of floats in one row of the parameter table.
const Width = 16

// Columns of a row; the rest, 9 to 15, are zero. shaders/views.glsl has the same list.
const (
	Source        = 0 // slot of the source image in the uploaded batch: the one column that Row leaves to its caller
	Top           = 1 // crop box in whole pixels of the source
	Left          = 2
	Height        = 3
	BoxWidth      = 4
	Flip          = 5 // 1: mirrored left to right
	Brightness    = 6 // factor, 1: none
	Contrast      = 7 // factor, 1: none
	ContrastFirst = 8 // 1: contrast before brightness
)

// Ops that draw. Each has a stream of its own, so that adding or dropping one leaves the draws of the others alone:
// new ops are appended, numbers are never reused.
const (
	opCrop   = 0
	opFlip   = 1
	opJitter = 2
)

// stream opens the draws of one op. Its key mixes the epoch into the seed (the finalizer of SplitMix64: Steele, Lea and
// Flood 2014, "Fast splittable pseudorandom number generators", section 4); its two numbers are the image and view·256 + op.
func stream(seed uint64, epoch, image, view uint32, op uint32) *rng.Source {
	key := seed + 0x9E3779B97F4A7C15*(uint64(epoch)+1)
	key = (key ^ key>>30) * 0xBF58476D1CE4E5B9
	key = (key ^ key>>27) * 0x94D049BB133111EB
	return rng.New(key^key>>31, image, view<<8|op)
}

// Row draws one view of an image of h × w pixels and writes its row of the table into dst[:Width], all but column Source.
// view is below 2²⁴. The Spec must pass Check, the image must have at least one pixel: Row panics else.
func (s Spec) Row(dst []float32, seed uint64, epoch, image, view uint32, h, w int) {
	if h < 1 || w < 1 || len(dst) < Width || view >= 1<<24 {
		panic(fmt.Sprintf("views: Row: %d floats for view %d of an image of %d × %d pixels: want %d, a view below 2²⁴, a pixel",
			len(dst), view, h, w, Width))
	}
	clear(dst[Top:Width])
	top, left, bh, bw := 0, 0, h, w
	if s.Crop != (Crop{}) {
		top, left, bh, bw = s.Crop.box(stream(seed, epoch, image, view, opCrop), h, w)
	}
	dst[Top], dst[Left], dst[Height], dst[BoxWidth] = float32(top), float32(left), float32(bh), float32(bw)
	if stream(seed, epoch, image, view, opFlip).Float64() < s.Flip {
		dst[Flip] = 1
	}
	dst[Brightness], dst[Contrast] = 1, 1
	if src := stream(seed, epoch, image, view, opJitter); src.Float64() < s.Jitter.P {
		s.Jitter.draw(dst, src)
	}
}

// box draws a crop as RandomResizedCrop.get_params does: an area and a ratio until the box fits, at most ten times, then the
// largest centred box of an allowed ratio. Rounding is Python's, half to even.
func (c Crop) box(src *rng.Source, h, w int) (top, left, height, width int) {
	lo, hi := c.Ratio[0], c.Ratio[1]
	if c.Ratio == [2]float64{} {
		lo, hi = 3.0/4, 4.0/3
	}
	area := float64(h) * float64(w)
	for range 10 {
		target := area * src.Range(c.Scale[0], c.Scale[1])
		ratio := math.Exp(src.Range(math.Log(lo), math.Log(hi)))
		width = int(math.RoundToEven(math.Sqrt(target * ratio)))
		height = int(math.RoundToEven(math.Sqrt(target / ratio)))
		if 0 < width && width <= w && 0 < height && height <= h {
			return src.Intn(h - height + 1), src.Intn(w - width + 1), height, width
		}
	}
	height, width = h, w
	switch whole := float64(w) / float64(h); {
	case whole < lo:
		height = int(math.RoundToEven(float64(w) / lo))
	case whole > hi:
		width = int(math.RoundToEven(float64(h) * hi))
	}
	height, width = max(height, 1), max(width, 1) // an extreme ratio may round to nothing
	return (h - height) / 2, (w - width) / 2, height, width
}

// draw fills the columns of brightness and contrast. It draws as ColorJitter's four ops would (an order of brightness,
// contrast, saturation and hue, then a factor of each in that list), of which the first two are used.
func (j Jitter) draw(dst []float32, src *rng.Source) {
	order := src.Perm(4)
	for _, op := range order {
		if op == 0 {
			break
		}
		if op == 1 {
			dst[ContrastFirst] = 1
		}
	}
	dst[Brightness] = factor(src, j.Brightness)
	dst[Contrast] = factor(src, j.Contrast)
}

func factor(src *rng.Source, b float64) float32 { return float32(src.Range(max(0, 1-b), 1+b)) }
