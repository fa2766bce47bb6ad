package views

import (
	"math"

	"github.com/marr-ssl/marr/kernels/exact"
	"github.com/marr-ssl/marr/kernels/rng"
)

// crop writes the crop box in the source, its size after resizing, and the view's offset in it.
func (s Spec) crop(dst []float32, from streams, h, w int) {
	dst[SourceWidth] = float32(w)
	if c := s.RandomResizedCrop; c != nil {
		top, left, height, width := c.box(from.of(opCrop), h, w)
		dst[CropTop], dst[CropLeft], dst[CropHeight], dst[CropWidth] = float32(top), float32(left), float32(height), float32(width)
		dst[ResizedH], dst[ResizedW] = float32(s.Size), float32(s.Size)
		return
	}
	dst[CropHeight], dst[CropWidth] = float32(h), float32(w)
	var height, width, y, x int
	if c := s.RandomCrop; c != nil {
		height, width = resized(h, w, c.short(s.Size))
		y, x = c.window(from.of(opCrop), height, width, s.Size)
	} else {
		short := s.Size
		if c := s.CenterCrop; c != nil && c.Resize > 0 {
			short = c.Resize
		}
		height, width = resized(h, w, short)
		y, x = middle(height, s.Size), middle(width, s.Size)
	}
	dst[ResizedH], dst[ResizedW], dst[OffsetY], dst[OffsetX] = float32(height), float32(width), float32(y), float32(x)
}

// resized returns the size that torchvision's Resize(short) gives: the long side is rounded down after a division in double precision.
func resized(h, w, short int) (height, width int) {
	if w <= h {
		return int(float64(short*h) / float64(w)), short
	}
	return short, int(float64(short*w) / float64(h))
}

// middle returns the first pixel of torchvision's CenterCrop: half the difference, rounded to even. Odd padding puts its larger half last.
func middle(side, size int) int {
	if side < size {
		return -((size - side) / 2)
	}
	return int(math.RoundToEven(float64(side-size) / 2))
}

func (c RandomCrop) short(size int) int {
	if c.Resize > 0 {
		return c.Resize
	}
	return size
}

// window draws as RandomCrop.get_params does. torchvision draws nothing if the window is the whole padded image; the result is the same.
func (c RandomCrop) window(src *rng.Source, height, width, size int) (y, x int) {
	rows, columns := height+2*c.Padding-size, width+2*c.Padding-size
	y = src.Intn(rows+1) - c.Padding
	return y, src.Intn(columns+1) - c.Padding
}

// box draws a crop as RandomResizedCrop.get_params does: an area and a ratio until the box fits, at most ten times; after that it
// returns the largest centered box with an allowed ratio. Rounding is Python's, half to even.
func (c RandomResizedCrop) box(src *rng.Source, h, w int) (top, left, height, width int) {
	lo, hi := c.Ratio[0], c.Ratio[1]
	logLo, logHi := exact.Log(lo), exact.Log(hi)
	area := float64(h) * float64(w)
	for range 10 {
		target := area * src.Range(c.Scale[0], c.Scale[1])
		ratio := exact.Exp(src.Range(logLo, logHi))
		width = int(math.RoundToEven(math.Sqrt(target * ratio)))
		height = int(math.RoundToEven(math.Sqrt(target / ratio)))
		if 0 < width && width <= w && 0 < height && height <= h {
			top = src.Intn(h - height + 1)
			return top, src.Intn(w - width + 1), height, width
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

// draw draws a box as RandomErasing.get_params does: strictly smaller than the view, or none after ten tries.
func (e RandomErasing) draw(dst []float32, from streams, size int) {
	src := from.of(opErase)
	if !(src.Float64() < e.P) {
		return
	}
	logLo, logHi := exact.Log(e.Ratio[0]), exact.Log(e.Ratio[1])
	for range 10 {
		area := float64(size*size) * src.Range(e.Scale[0], e.Scale[1])
		ratio := exact.Exp(src.Range(logLo, logHi))
		h, w := math.RoundToEven(math.Sqrt(area*ratio)), math.RoundToEven(math.Sqrt(area/ratio))
		if h < float64(size) && w < float64(size) {
			dst[EraseTop], dst[EraseLeft] = float32(src.Intn(size-int(h)+1)), float32(src.Intn(size-int(w)+1))
			dst[EraseHeight], dst[EraseWidth] = float32(h), float32(w)
			return
		}
	}
}
