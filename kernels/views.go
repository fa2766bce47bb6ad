package kernels

import (
	"fmt"
	"slices"
)

// ViewRow is the number of floats in a row of a view table, without extras. Package ssl/views writes the rows. All values are exact in float32:
//
//	 0 CropTop, 1 CropLeft, 2 CropHeight, 3 CropWidth   crop box in the source, whole pixels; the resize reads nothing outside it
//	 4 SourceWidth                      pixels in a row of the source
//	 5 ResizedH, 6 ResizedW             size of the resized box, antialiased
//	 7 OffsetY, 8 OffsetX               the view's first pixel within the resized box; may be negative; pixels outside the box are black
//	 9 Orientation                      1·horizontal flip + 2·vertical flip + 4·quarter turns counterclockwise; flips come first
//	10 JitterOrder                      jitter ops in order, three bits each from the lowest: 1 brightness, 2 contrast, 3 saturation, 4 hue, 0 end
//	11 Brightness, 12 Contrast, 13 Saturation (factors), 14 Hue (in turns, −½ … ½)
//	15 Gray                             1: luma in all channels
//	16 BlurSigma                        standard deviation of the blur, pixels; 0: none
//	17 SolarizeThreshold                values from the threshold on become 1 − v; 2: none
//	18 EraseTop, 19 EraseLeft, 20 EraseHeight, 21 EraseWidth   box that is set to 0 after normalization
//	22, 23                              zero
//	24 …                                extras: top·4096 + left of each tile, or 24 masked patches for each float: bit i of float j is patch 24j + i
const ViewRow = 24

// maxSide is the largest side of a view: float32 holds the positions of its tiles and patches exactly.
const maxSide = 4095

// ImageFormat describes the uint8 source images of views: rows of pixels of one byte, or of four bytes (R G B X).
type ImageFormat struct {
	Pixels    int       // number of pixels of the largest image
	C         int       // channels: 1 or 3
	Mean, Std []float64 // of the data set, on the scale 0 … 1, by channel
}

// Bytes returns the size of an image's slot in the input, a multiple of every device's alignment.
func (p ImageFormat) Bytes() int {
	bytes := p.Pixels
	if p.C == 3 {
		bytes *= 4
	}
	return (bytes + align - 1) / align * align
}

// ViewFormat holds the settings that all rows of a table share.
type ViewFormat struct {
	Size       int  // side of the view, pixels
	Bicubic    bool // bicubic resize (a = −½) instead of bilinear
	Blur       int  // size of the Gaussian kernel, odd; 0: no blur
	Grid, Tile int  // jigsaw: the result is Grid² tiles of side Tile of each view; 0: the view
	Patch      int  // side of the patches that extras mask; 0: no mask
}

// Views renders view n from image n of images [N p.Bytes()] (U8) by row n of table [N ≥24] (ViewRow): crop and antialiased resize, flips and
// quarter turns, jitter, gray, blur, solarize, (v − mean)/std, erased box or masked patches, each as torchvision 0.14.1 on float tensors.
// The result is [N Size Size C], or tiles [N·Grid² Tile Tile C]. The host draws every parameter. No gradient flows. Views panics with a *BuildError
// on shapes and sizes that do not match.
func Views(images, table *Tensor, p ImageFormat, v ViewFormat) *Tensor {
	v.check(images, table, p)
	g, n, quads := images.g, table.Dim(0), table.quads()
	mean, scale := [4]float64{}, [4]float64{}
	for c := range p.C {
		mean[c], scale[c] = p.Mean[c], 1/p.Std[c]
	}
	norm := func(first, m int) constants {
		return constants{"rows": m, "quads": quads, "row0": first, "mean": mean, "scale": scale}
	}
	groupsPer := func(per int) func(m int) [3]uint32 { // x: work groups of a view, `per` pixels each; y: views
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
		push: norm, groups: groupsPer(1024)})
	if v.Blur > 0 {
		for _, down := range []bool{false, true} {
			sharp := y
			y = g.alloc("blurred views", F32, crop.shape)
			g.run(launch{kernel: "views_blur", spec: append(slices.Clone(spec), words(down)...), rows: n, most: maxGroups, binds: []bind{in(sharp), whole(table), out(y)},
				push: norm, groups: groupsPer(256)})
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

// slot returns the number of pixels from one image to the next.
func (p ImageFormat) slot() int {
	if p.C == 3 {
		return p.Bytes() / 4
	}
	return p.Bytes()
}

func (v ViewFormat) check(images, table *Tensor, p ImageFormat) {
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
