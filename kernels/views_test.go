package kernels_test

import (
	"fmt"
	"math"
	"testing"

	"marr/kernels"
	"marr/kernels/kerneltest"
	"marr/kernels/optest"
	"marr/kernels/ref"
	"marr/kernels/rng"
)

// Columns of a view table, see kernels.ViewRow.
const (
	colTop = iota
	colLeft
	colHeight
	colWidth
	colPitch
	colResizedH
	colResizedW
	colOffsetY
	colOffsetX
	colTurn
	colOrder
	colBrightness
	colContrast
	colSaturation
	colHue
	colGray
	colSigma
	colSolarize
	colEraseTop
	colEraseLeft
	colEraseHeight
	colEraseWidth
)

// Ops of a row's order.
const (
	brightness = 1 + iota
	contrast
	saturation
	hue
)

// slot returns an image [h w C] of values u in 0 … 1 as the bytes ⌊256u⌋ of a slot, and their values on the scale 0 … 1. The unused fourth byte of
// an RGB pixel is set to a value that would show.
func slot(u []float32, h, w int, p kernels.ImageFormat) (raw []byte, exact *ref.Tensor) {
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

// paint renders a row of a view table by package ref: [1 Size Size C], or tiles.
func paint(img *ref.Tensor, row []float32, p kernels.ImageFormat, v kernels.ViewFormat) *ref.Tensor {
	at := func(i int) int { return int(row[i]) }
	f := ref.Bilinear
	if v.Bicubic {
		f = ref.Bicubic
	}
	y := ref.ResizedCrop(img, ref.Box{Top: at(colTop), Left: at(colLeft), Height: at(colHeight), Width: at(colWidth)}, at(colResizedH), at(colResizedW), f)
	y = ref.Window(y, at(colOffsetY), at(colOffsetX), v.Size)
	if at(colTurn)&1 != 0 {
		y = ref.FlipHorizontal(y)
	}
	if at(colTurn)&2 != 0 {
		y = ref.FlipVertical(y)
	}
	y = ref.Rot90(y, at(colTurn)/4)
	ops := []func(*ref.Tensor, float64) *ref.Tensor{brightness: ref.Brightness, contrast: ref.Contrast, saturation: ref.Saturation, hue: ref.Hue}
	for order := at(colOrder); order > 0; order /= 8 {
		y = ops[order%8](y, float64(row[colBrightness-1+order%8]))
	}
	if row[colGray] != 0 {
		y = ref.Gray(y)
	}
	if row[colSigma] > 0 {
		y = ref.Blur(y, v.Blur, float64(row[colSigma]))
	}
	y = ref.Normalize(ref.Solarize(y, float64(row[colSolarize])), p.Mean, p.Std)
	y = ref.Erase(y, ref.Box{Top: at(colEraseTop), Left: at(colEraseLeft), Height: at(colEraseHeight), Width: at(colEraseWidth)})
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

func gray(pixels int) kernels.ImageFormat {
	return kernels.ImageFormat{Pixels: pixels, C: 1, Mean: []float64{0.3}, Std: []float64{0.25}}
}

func rgb(pixels int) kernels.ImageFormat {
	return kernels.ImageFormat{Pixels: pixels, C: 3, Mean: []float64{0.485, 0.456, 0.406}, Std: []float64{0.229, 0.224, 0.225}}
}

// rowWidth returns the width of a table with the extras of v.
func rowWidth(v kernels.ViewFormat) int {
	extras := v.Grid * v.Grid
	if v.Patch > 0 {
		extras = (v.Size/v.Patch*(v.Size/v.Patch) + 23) / 24
	}
	return kernels.ViewRow + (extras+3)/4*4
}

// drawRow fills a row for an image of h × w with a random mix of all ops. Rounding may move a resized pixel across solarize's threshold, about once in
// a million pixels; the seed has no such case.
func drawRow(row []float32, s *rng.Source, h, w int, v kernels.ViewFormat) {
	boxH, boxW := 1+s.Intn(h), 1+s.Intn(w)
	row[colHeight], row[colWidth], row[colPitch] = float32(boxH), float32(boxW), float32(w)
	row[colTop], row[colLeft] = float32(s.Intn(h-boxH+1)), float32(s.Intn(w-boxW+1))
	row[colResizedH], row[colResizedW] = float32(v.Size), float32(v.Size)
	if s.Intn(3) == 0 { // a window that may reach beyond the resized box
		row[colResizedH], row[colResizedW] = float32(1+s.Intn(2*v.Size)), float32(1+s.Intn(2*v.Size))
		row[colOffsetY], row[colOffsetX] = float32(s.Intn(v.Size)-v.Size/2), float32(s.Intn(v.Size)-v.Size/2)
	}
	row[colTurn] = float32(s.Intn(16))
	ops := []int{brightness, contrast, saturation, hue}
	for i := range ops {
		j := i + s.Intn(4-i)
		ops[i], ops[j] = ops[j], ops[i]
	}
	for i, op := range ops[:s.Intn(5)] {
		row[colOrder] += float32(op << (3 * i))
	}
	for _, c := range []int{colBrightness, colContrast, colSaturation} {
		row[c] = float32(s.Range(0.5, 1.5))
	}
	row[colHue], row[colGray], row[colSolarize] = float32(s.Range(-0.5, 0.5)), float32(s.Intn(3)/2), 2
	if v.Blur > 0 && s.Intn(3) > 0 {
		row[colSigma] = float32(s.Range(0.1, 2))
	}
	if s.Intn(3) == 0 {
		row[colSolarize] = 0.5
	}
	if s.Intn(3) == 0 {
		row[colEraseTop], row[colEraseLeft] = float32(s.Intn(v.Size)), float32(s.Intn(v.Size))
		row[colEraseHeight], row[colEraseWidth] = float32(1+s.Intn(v.Size)), float32(1+s.Intn(v.Size))
	}
	for i := kernels.ViewRow; i < len(row); i++ {
		if v.Patch > 0 {
			row[i] = float32(s.Intn(1 << 24))
		} else {
			row[i] = float32(4096*s.Intn(v.Size-v.Tile+1) + s.Intn(v.Size-v.Tile+1))
		}
	}
}

func TestViewsMatchTheReference(t *testing.T) {
	var cases []optest.Case
	for i, k := range []struct {
		p     kernels.ImageFormat
		h, w  int
		rows  int
		v     kernels.ViewFormat
		split bool
	}{
		{gray(1), 1, 1, 1, kernels.ViewFormat{Size: 1}, false},
		{gray(28 * 28), 28, 28, 9, kernels.ViewFormat{Size: 8}, false},
		{gray(30), 5, 6, 7, kernels.ViewFormat{Size: 11, Bicubic: true}, false},
		{rgb(7*11 + 5), 7, 11, 12, kernels.ViewFormat{Size: 9}, false},
		{rgb(25), 5, 5, 8, kernels.ViewFormat{Size: 17, Bicubic: true}, false},
		{rgb(31 * 23), 31, 23, 6, kernels.ViewFormat{Size: 8, Bicubic: true}, false},
		{rgb(48 * 40), 48, 40, 3, kernels.ViewFormat{Size: 32}, false},
		{rgb(40 * 41), 40, 41, 3, kernels.ViewFormat{Size: 33}, false}, // larger than shared memory
		{gray(9 * 13), 9, 13, 37, kernels.ViewFormat{Size: 5}, true},
		{rgb(9 * 5), 9, 5, 37, kernels.ViewFormat{Size: 5, Blur: 3}, true},
		{rgb(20 * 21), 20, 21, 8, kernels.ViewFormat{Size: 13, Blur: 23}, false},
		{gray(50 * 50), 50, 50, 3, kernels.ViewFormat{Size: 61, Blur: 101}, false}, // three strips
		{gray(20 * 21), 20, 21, 5, kernels.ViewFormat{Size: 14, Patch: 2}, false},
		{rgb(12 * 12), 12, 12, 4, kernels.ViewFormat{Size: 12, Patch: 3, Blur: 5, Bicubic: true}, false},
		{rgb(14 * 13), 14, 13, 5, kernels.ViewFormat{Size: 12, Grid: 3, Tile: 3, Blur: 3}, false},
		{gray(9 * 9), 9, 9, 37, kernels.ViewFormat{Size: 5, Grid: 2, Tile: 2}, true},
	} {
		s, width := rng.New(21, uint32(i)), rowWidth(k.v)
		var raw []byte
		var exact []*ref.Tensor
		table := make([]float32, k.rows*width)
		for r := range k.rows {
			u := make([]float32, k.h*k.w*k.p.C)
			s.Uniform(u, 0, 1)
			bytes, img := slot(u, k.h, k.w, k.p)
			raw, exact = append(raw, bytes...), append(exact, img)
			drawRow(table[r*width:(r+1)*width], s, k.h, k.w, k.v)
		}
		cases = append(cases, optest.Case{
			Name: fmt.Sprintf("%d_%dx%dx%d_to_%+v", i, k.h, k.w, k.p.C, k.v), Split: k.split,
			Inputs: []optest.Input{{Name: "images", Kind: optest.Bytes, Type: kernels.U8, Shape: []int{k.rows, k.p.Bytes()}, Raw: raw},
				{Name: "table", Kind: optest.Constant, Shape: []int{k.rows, width}, Values: table}},
			Build: func(in optest.In) *kernels.Tensor { return kernels.Views(in.T("images"), in.T("table"), k.p, k.v) },
			Ref: func(in optest.Values) *ref.Tensor {
				var all []*ref.Tensor
				for r := range k.rows {
					all = append(all, paint(exact[r], table[r*width:(r+1)*width], k.p, k.v))
				}
				return ref.Concat(all...)
			},
			Forward: 1e-5, // positions of taps are rounded to float32: 1e-6 of a pixel and of its weight
		})
	}
	kerneltest.RunCases(t, bench, cases...)
}

func TestViewsRejectMismatchedArguments(t *testing.T) {
	p, fine := rgb(64), kernels.ViewFormat{Size: 8}
	for _, c := range []struct {
		what   string
		p      kernels.ImageFormat
		v      kernels.ViewFormat
		images []int
		table  []int
	}{
		{"two channels", kernels.ImageFormat{Pixels: 64, C: 2, Mean: make([]float64, 2), Std: make([]float64, 2)}, fine, []int{2, 64}, []int{2, 24}},
		{"other bytes", p, fine, []int{2, 64}, []int{2, 24}},
		{"fewer images", p, fine, []int{1, 256}, []int{2, 24}},
		{"a size too large", p, kernels.ViewFormat{Size: 4096}, []int{2, 256}, []int{2, 24}},
		{"an even blur", p, kernels.ViewFormat{Size: 8, Blur: 4}, []int{2, 256}, []int{2, 24}},
		{"a blur that reflects twice", p, kernels.ViewFormat{Size: 8, Blur: 17}, []int{2, 256}, []int{2, 24}},
		{"tiles larger than the view", p, kernels.ViewFormat{Size: 8, Grid: 2, Tile: 9}, []int{2, 256}, []int{2, 28}},
		{"patches that do not divide", p, kernels.ViewFormat{Size: 8, Patch: 3}, []int{2, 256}, []int{2, 28}},
		{"no extras", p, kernels.ViewFormat{Size: 8, Patch: 2}, []int{2, 256}, []int{2, 24}},
		{"extras too few", p, kernels.ViewFormat{Size: 8, Grid: 3, Tile: 2}, []int{2, 256}, []int{2, 32}},
	} {
		_, err := kernels.TraceOps(kernels.NewStore(device), func(g *kernels.Graph) {
			kernels.Views(g.Input("images", kernels.U8, c.images...), g.Input("table", kernels.F32, c.table...), c.p, c.v)
		})
		if err == nil {
			t.Errorf("%s: no error", c.what)
		}
	}
}

// maxDifference returns the largest difference of any two elements.
func maxDifference(got []float32, want []float64) float64 {
	most := 0.0
	for i, v := range want {
		if d := math.Abs(float64(got[i]) - v); !(d <= most) {
			most = d
		}
	}
	return most
}

// The size and other settings are specialization constants, so two formats are two pipelines of one kernel.
func TestViewFormatsOfOneProgramStaySeparate(t *testing.T) {
	p, sizes := gray(6*7), []int{5, 8}
	prog, _ := build(t, func(g *kernels.Graph) {
		images, table := g.Input("images", kernels.U8, 1, p.Bytes()), g.Input("table", kernels.F32, 1, kernels.ViewRow)
		for _, n := range sizes {
			g.Output(fmt.Sprint(n), kernels.Views(images, table, p, kernels.ViewFormat{Size: n}))
		}
	})
	u, row := make([]float32, p.Pixels), make([]float32, kernels.ViewRow)
	s := rng.New(22)
	s.Uniform(u, 0, 1)
	raw, exact := slot(u, 6, 7, p)
	drawRow(row, s, 6, 7, kernels.ViewFormat{Size: 5})
	r := begin(t, prog.Segment("main"))
	copy(r.Bytes("images"), raw)
	copy(r.Floats("table"), row)
	wait(t, submit(t, r))
	for _, n := range sizes {
		got, want := make([]float32, n*n), paint(exact, row, p, kernels.ViewFormat{Size: n})
		kernels.Unpack(got, r.Output(fmt.Sprint(n)), 1)
		if d := maxDifference(got, want.Data); !(d <= viewTolerance) {
			t.Errorf("size %d: %.2g from the reference, want at most %g", n, d, viewTolerance)
		}
	}
}
