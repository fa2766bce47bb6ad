package kernels

// ViewRow is the number of floats in a row of a view table; ssl/views writes them, shaders/views.glsl names the columns.
const ViewRow = 16

// Pictures describes the uint8 images that views are made of: [N H W C], each padded to a multiple of 4 bytes.
type Pictures struct {
	H, W, C   int
	Mean, Std []float64 // of the data set, on the scale 0 … 1, by channel
}

// Bytes is the size of one image in an input of pictures.
func (p Pictures) Bytes() int { return (p.H*p.W*p.C + 3) &^ 3 }

// Views paints one view a row of table [rows 16] from images [N·Bytes] (U8): crop, antialiased bilinear resize to size × size, flip, brightness and
// contrast, then (v − mean)/std. Result [rows size size C]. The host drew every parameter; no gradient flows.
func Views(images, table *Tensor, p Pictures, size int) *Tensor {
	g, rows := images.g, table.Dim(0)
	if table.Width() != ViewRow || (p.C != 1 && p.C != 3) || len(p.Mean) != p.C || len(p.Std) != p.C {
		misuse("Views", "table %v, %d channels: want rows of %d and 1 or 3 channels with a mean and a deviation each", table, p.C, ViewRow)
	}
	crop := g.alloc("crop", F32, []int{rows, size, size, p.C})
	sums := g.alloc("gray sums", F32, []int{rows, size})
	y := g.alloc("views", F32, crop.shape)
	per := func(n int) func(m int) [3]uint32 { // x groups of an image, y images
		return func(m int) [3]uint32 { return [3]uint32{uint32((n + 31) / 32), uint32(m), 1} }
	}
	g.run(launch{kernel: "views_crop", rows: rows, binds: []bind{whole(images), whole(table), out(crop)},
		push:   func(first, n int) []uint32 { return push(n, first, size, p.C, p.W, p.Bytes()/4) },
		groups: per(size * size)})
	g.run(launch{kernel: "views_gray", rows: rows, binds: []bind{in(crop), whole(table), out(sums)},
		push:   func(first, n int) []uint32 { return push(n, first, size, p.C) },
		groups: per(pad(size))})
	mean, scale := [4]float64{}, [4]float64{}
	for c := range p.C {
		mean[c], scale[c] = p.Mean[c], 1/p.Std[c]
	}
	g.run(launch{kernel: "views_finish", rows: rows, binds: []bind{in(crop), whole(table), in(sums), out(y)},
		push: func(first, n int) []uint32 {
			return push(n, first, size, p.C, mean[0], mean[1], mean[2], mean[3], scale[0], scale[1], scale[2], scale[3])
		},
		groups: per((size*size + 7) / 8)})
	return y
}
