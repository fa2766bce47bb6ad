package kernels

import (
	"fmt"
	"slices"
)

// ViewRow is the number of floats in a row of a view table, before extras; ssl/views writes rows. All values are exact in float32:
//
//	 0 Top, 1 Left, 2 Height, 3 Width   box of the source, whole pixels; nothing outside it takes part
//	 4 Pitch                            pixels in a row of the source
//	 5 ResizedH, 6 ResizedW             what the box is resized to, antialiased
//	 7 OffsetY, 8 OffsetX               pixel of the resized box that is the view's first; may be negative, what lies outside is black
//	 9 Turn                             mirrored left to right 1 + top to bottom 2 + 4·quarter turns counter-clockwise, which come last
//	10 Order                            three bits an op, the first lowest: 1 brightness, 2 contrast, 3 saturation, 4 hue, 0 end
//	11 Brightness, 12 Contrast, 13 Saturation (factors), 14 Hue (in turns, −½ … ½)
//	15 Gray                             1: luma in all channels
//	16 Sigma                            of the blur, pixels; 0: none
//	17 Solarize                         values from here on become 1 − v; 2: none
//	18 EraseTop, 19 EraseLeft, 20 EraseHeight, 21 EraseWidth   box that becomes 0 after normalisation
//	22, 23                              zero
//	24 …                                extras: top·4096 + left of each tile's window, or 24 masked patches a float, bit i of float j being 24j + i
const ViewRow = 24

// maxSide is the largest side of a view: tiles and masks name places in whole numbers that float32 holds.
const maxSide = 4095

// Pictures describes the uint8 images that views are made of: pixels row by row, of one byte or of four (R G B X).
type Pictures struct {
	Pixels    int       // of the largest image
	C         int       // channels: 1 or 3
	Mean, Std []float64 // of the data set, on the scale 0 … 1, by channel
}

// Bytes is the size of an image's slot in an input of pictures: a multiple of what every device aligns.
func (p Pictures) Bytes() int {
	bytes := p.Pixels
	if p.C == 3 {
		bytes *= 4
	}
	return (bytes + align - 1) / align * align
}

// Painting is what all rows of a table share.
type Painting struct {
	Size       int  // side of the painted view, pixels
	Bicubic    bool // resize with the cubic of a = −½ instead of linearly
	Blur       int  // size of the Gaussian kernel, odd; 0: no row blurs
	Grid, Tile int  // jigsaw: the result is Grid² tiles of side Tile of each view; 0: the view
	Patch      int  // side of the patches that extras mask; 0: no mask
}

// Views paints view n of each row n of table [N ≥24] (ViewRow) from image n of images [N p.Bytes()] (U8): crop and antialiased resize, flips and
// quarter turns, jitter, gray, blur, solarize, (v − mean)/std, erased box or masked patches, each as torchvision 0.14.1 does it with float tensors.
// Result [N Size Size C], or tiles [N·Grid² Tile Tile C]. The host drew every parameter; no gradient flows. It panics with a *BuildError on
// shapes and sizes that do not fit.
func Views(images, table *Tensor, p Pictures, v Painting) *Tensor {
	v.check(images, table, p)
	g, n, quads := images.g, table.Dim(0), table.quads()
	mean, scale := [4]float64{}, [4]float64{}
	for c := range p.C {
		mean[c], scale[c] = p.Mean[c], 1/p.Std[c]
	}
	norm := func(first, m int) constants { // vectors begin at multiples of 16 bytes
		return constants{"rows": m, "quads": quads, "row0": first, "mean": mean, "scale": scale}
	}
	shares := func(per int) func(m int) [3]uint32 { // x groups of a view for `per` pixels each, y views
		return func(m int) [3]uint32 { return [3]uint32{uint32((v.Size*v.Size + per - 1) / per), uint32(m), 1} }
	}
	spec := words(p.C, v.Size, v.Blur, v.Patch, v.Bicubic)
	crop, sums := g.alloc("crop", F32, []int{n, v.Size, v.Size, p.C}), g.alloc("gray sums", F32, []int{n, 64})
	g.run(launch{kernel: "views_crop", spec: spec, rows: n, binds: []bind{in(images), whole(table), out(crop), out(sums)},
		push: func(first, m int) constants {
			return constants{"rows": m, "quads": quads, "row0": first, "slot": p.slot()}
		},
		groups: func(m int) [3]uint32 { return groups1(m, 1) }})
	y := g.alloc("views", F32, crop.shape)
	g.run(launch{kernel: "views_finish", spec: spec, rows: n, most: maxGroups, binds: []bind{in(crop), in(sums), whole(table), out(y)},
		push: norm, groups: shares(1024)})
	if v.Blur > 0 {
		for _, down := range []bool{false, true} {
			sharp := y
			y = g.alloc("blurred views", F32, crop.shape)
			g.run(launch{kernel: "views_blur", spec: append(slices.Clone(spec), words(down)...), rows: n, most: maxGroups, binds: []bind{in(sharp), whole(table), out(y)},
				push: norm, groups: shares(256)})
		}
	}
	if v.Grid == 0 {
		return y
	}
	count := v.Grid * v.Grid
	tiles := g.alloc("tiles", F32, []int{n * count, v.Tile, v.Tile, p.C})
	g.run(launch{kernel: "views_tiles", spec: spec, rows: n, binds: []bind{in(y), whole(table), out(tiles)},
		push: func(first, m int) constants {
			return constants{"rows": m, "quads": quads, "row0": first, "count": count, "side": v.Tile}
		},
		groups: func(m int) [3]uint32 { return groups1(m*count*v.Tile*v.Tile, 32) }})
	return tiles
}

// slot is the number of pixels from one image to the next.
func (p Pictures) slot() int {
	if p.C == 3 {
		return p.Bytes() / 4
	}
	return p.Bytes()
}

func (v Painting) check(images, table *Tensor, p Pictures) {
	wrong := func(format string, args ...any) {
		misuse("Views", "%v, table %v: "+format, append([]any{images, table}, args...)...)
	}
	extras := v.Grid * v.Grid
	if v.Patch > 0 {
		extras = (v.Size/v.Patch*(v.Size/v.Patch) + 23) / 24
	}
	switch {
	case p.C != 1 && p.C != 3 || len(p.Mean) != p.C || len(p.Std) != p.C:
		wrong("%d channels, %d means, %d deviations: want 1 or 3 channels with a mean and a deviation each", p.C, len(p.Mean), len(p.Std))
	case len(images.shape) != 2 || len(table.shape) != 2 || images.dtype != U8 || images.Dim(1) != p.Bytes() || images.Dim(0) != table.Dim(0):
		wrong("want bytes [N %d] and a row of the table for each", p.Bytes())
	case v.Size < 1 || v.Size > maxSide:
		wrong("size %d: want 1 to %d", v.Size, maxSide)
	case v.Blur != 0 && (v.Blur%2 == 0 || v.Blur < 3 || v.Blur/2 >= v.Size):
		wrong("blur of size %d: want an odd number from 3 on, less than twice the size %d", v.Blur, v.Size)
	case v.Grid < 0 || v.Tile < 0 || (v.Grid > 0) != (v.Tile > 0) || v.Tile > v.Size || v.Grid > 0 && v.Patch > 0:
		wrong("%s: want tiles that fit into the size %d, and no mask beside them", fmt.Sprintf("%d² tiles of %d, patches of %d", v.Grid, v.Tile, v.Patch), v.Size)
	case v.Patch < 0 || v.Patch > 0 && v.Size%v.Patch != 0:
		wrong("patches of %d: want a divisor of the size %d", v.Patch, v.Size)
	case table.Width() < ViewRow+extras || table.Width()%lanes != 0:
		wrong("want rows of at least %d floats, a multiple of %d", ViewRow+extras, lanes)
	}
}
