// Package viewtable draws and paints rows of view tables (kernels.ViewRow) for checks of kernels.Views.
package viewtable

import (
	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/ref"
	"github.com/marr-ssl/marr/kernels/rng"
)

// Columns of a view table, see kernels.ViewRow.
const (
	CropTop = iota
	CropLeft
	CropHeight
	CropWidth
	SourceWidth
	ResizedH
	ResizedW
	OffsetY
	OffsetX
	Orientation
	JitterOrder
	Brightness
	Contrast
	Saturation
	Hue
	Gray
	BlurSigma
	SolarizeThreshold
	EraseTop
	EraseLeft
	EraseHeight
	EraseWidth
)

// JitterOps are the ops of JitterOrder by number, from 1 on.
var JitterOps = []string{"brightness", "contrast", "saturation", "hue"}

// Slot returns an image [h w C] of values u in 0 … 1 as the bytes ⌊256u⌋ of a slot, and their values on the scale 0 … 1. The unused fourth byte of
// an RGB pixel is set to a value that would show.
func Slot(u []float32, h, w int, p kernels.ImageFormat) (raw []byte, exact *ref.Tensor) {
	raw, exact = make([]byte, p.Bytes()), ref.New(h, w, p.C)
	step := p.C
	if p.C == 3 {
		step = 4
	}
	for i, x := range u {
		b := byte(min(256*x, 255))
		raw[i/p.C*step+i%p.C] = b
		exact.Data[i] = float64(b) / 255
		if p.C == 3 {
			raw[i/3*4+3] = 0xc7
		}
	}
	return raw, exact
}

// Paint renders a row of a view table by package ref: [1 Size Size C], or tiles.
func Paint(img *ref.Tensor, row []float32, p kernels.ImageFormat, v kernels.ViewFormat) *ref.Tensor {
	at := func(i int) int { return int(row[i]) }
	f := ref.Bilinear
	if v.Bicubic {
		f = ref.Bicubic
	}
	y := ref.ResizedCrop(img, ref.Box{Top: at(CropTop), Left: at(CropLeft), Height: at(CropHeight), Width: at(CropWidth)}, at(ResizedH), at(ResizedW), f)
	y = ref.Window(y, at(OffsetY), at(OffsetX), v.Size)
	if at(Orientation)&1 != 0 {
		y = ref.FlipHorizontal(y)
	}
	if at(Orientation)&2 != 0 {
		y = ref.FlipVertical(y)
	}
	y = ref.Rot90(y, at(Orientation)/4)
	ops := []func(*ref.Tensor, float64) *ref.Tensor{ref.Brightness, ref.Contrast, ref.Saturation, ref.Hue}
	for order := at(JitterOrder); order > 0; order /= 8 {
		y = ops[order%8-1](y, float64(row[Brightness-1+order%8]))
	}
	if row[Gray] != 0 {
		y = ref.Gray(y)
	}
	if row[BlurSigma] > 0 {
		y = ref.Blur(y, v.Blur, float64(row[BlurSigma]))
	}
	y = ref.Normalize(ref.Solarize(y, float64(row[SolarizeThreshold])), p.Mean, p.Std)
	y = ref.Erase(y, ref.Box{Top: at(EraseTop), Left: at(EraseLeft), Height: at(EraseHeight), Width: at(EraseWidth)})
	if v.Patch > 0 {
		var patches []int
		for i := range v.Size / v.Patch * (v.Size / v.Patch) {
			if at(kernels.ViewRow+i/24)>>(i%24)&1 != 0 {
				patches = append(patches, i)
			}
		}
		y = ref.Mask(y, v.Patch, patches)
	}
	return cut(y, row[kernels.ViewRow:], v)
}

// cut returns the tiles of y at the corners (top·4096 + left), [tiles Tile Tile C], or y [1 Size Size C] if there are none.
func cut(y *ref.Tensor, corners []float32, v kernels.ViewFormat) *ref.Tensor {
	if v.Grid == 0 {
		return ref.From(y.Data, 1, v.Size, v.Size, y.Last())
	}
	out := ref.New(0, v.Tile, v.Tile, y.Last())
	for _, c := range corners[:v.Grid*v.Grid] {
		out = ref.Concat(out, ref.From(ref.Window(y, int(c)/4096, int(c)%4096, v.Tile).Data, 1, v.Tile, v.Tile, y.Last()))
	}
	return out
}

// GrayFormat describes images of one channel.
func GrayFormat(pixels int) kernels.ImageFormat {
	return kernels.ImageFormat{Pixels: pixels, C: 1, Mean: []float64{0.3}, Std: []float64{0.25}}
}

// RGBFormat describes images of three channels.
func RGBFormat(pixels int) kernels.ImageFormat {
	return kernels.ImageFormat{Pixels: pixels, C: 3, Mean: []float64{0.485, 0.456, 0.406}, Std: []float64{0.229, 0.224, 0.225}}
}

// RowWidth returns the width of a table with the extras of v.
func RowWidth(v kernels.ViewFormat) int {
	extras := v.Grid * v.Grid
	if v.Patch > 0 {
		extras = (v.Size/v.Patch*(v.Size/v.Patch) + 23) / 24
	}
	return kernels.ViewRow + (extras+3)/4*4
}

// Draw fills a row for an image of h × w with a random mix of all ops. Rounding may move a resized pixel across solarize's threshold, about once in a
// million pixels; the seed of the cases has no such row.
func Draw(row []float32, s *rng.Source, h, w int, v kernels.ViewFormat) {
	boxH, boxW := 1+s.Intn(h), 1+s.Intn(w)
	row[CropHeight], row[CropWidth], row[SourceWidth] = float32(boxH), float32(boxW), float32(w)
	row[CropTop], row[CropLeft] = float32(s.Intn(h-boxH+1)), float32(s.Intn(w-boxW+1))
	row[ResizedH], row[ResizedW] = float32(v.Size), float32(v.Size)
	if s.Intn(3) == 0 { // a window that may reach beyond the resized box
		row[ResizedH], row[ResizedW] = float32(1+s.Intn(2*v.Size)), float32(1+s.Intn(2*v.Size))
		row[OffsetY], row[OffsetX] = float32(s.Intn(v.Size)-v.Size/2), float32(s.Intn(v.Size)-v.Size/2)
	}
	row[Orientation] = float32(s.Intn(16))
	ops := []int{1, 2, 3, 4}
	for i := range ops {
		j := i + s.Intn(4-i)
		ops[i], ops[j] = ops[j], ops[i]
	}
	for i, op := range ops[:s.Intn(5)] {
		row[JitterOrder] += float32(op << (3 * i))
	}
	for _, c := range []int{Brightness, Contrast, Saturation} {
		row[c] = float32(s.Range(0.5, 1.5))
	}
	row[Hue], row[Gray], row[SolarizeThreshold] = float32(s.Range(-0.5, 0.5)), float32(s.Intn(3)/2), 2
	if v.Blur > 0 && s.Intn(3) > 0 {
		row[BlurSigma] = float32(s.Range(0.1, 2))
	}
	if s.Intn(3) == 0 {
		row[SolarizeThreshold] = 0.5
	}
	if s.Intn(3) == 0 {
		row[EraseTop], row[EraseLeft] = float32(s.Intn(v.Size)), float32(s.Intn(v.Size))
		row[EraseHeight], row[EraseWidth] = float32(1+s.Intn(v.Size)), float32(1+s.Intn(v.Size))
	}
	for i := kernels.ViewRow; i < len(row); i++ {
		if v.Patch > 0 {
			row[i] = float32(s.Intn(1 << 24))
		} else {
			row[i] = float32(4096*s.Intn(v.Size-v.Tile+1) + s.Intn(v.Size-v.Tile+1))
		}
	}
}
