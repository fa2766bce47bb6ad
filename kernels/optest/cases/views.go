package cases

import (
	"fmt"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/optest"
	"github.com/marr-ssl/marr/kernels/optest/viewtable"
	"github.com/marr-ssl/marr/kernels/ref"
	"github.com/marr-ssl/marr/kernels/rng"
)

func viewOps() []Op {
	return []Op{{Name: "views", NoGolden: true, Cases: viewCases()}} // testdata/views.json has torchvision's results
}

func viewCases() (cases []optest.Case) {
	for i, k := range []struct {
		p     kernels.ImageFormat
		h, w  int
		rows  int
		v     kernels.ViewFormat
		split bool
	}{
		{viewtable.GrayFormat(1), 1, 1, 1, kernels.ViewFormat{Size: 1}, false},
		{viewtable.GrayFormat(28 * 28), 28, 28, 9, kernels.ViewFormat{Size: 8}, false},
		{viewtable.GrayFormat(30), 5, 6, 7, kernels.ViewFormat{Size: 11, Bicubic: true}, false},
		{viewtable.RGBFormat(7*11 + 5), 7, 11, 12, kernels.ViewFormat{Size: 9}, false},
		{viewtable.RGBFormat(25), 5, 5, 8, kernels.ViewFormat{Size: 17, Bicubic: true}, false},
		{viewtable.RGBFormat(31 * 23), 31, 23, 6, kernels.ViewFormat{Size: 8, Bicubic: true}, false},
		{viewtable.RGBFormat(48 * 40), 48, 40, 3, kernels.ViewFormat{Size: 32}, false},
		{viewtable.RGBFormat(40 * 41), 40, 41, 3, kernels.ViewFormat{Size: 33}, false}, // larger than shared memory
		{viewtable.GrayFormat(9 * 13), 9, 13, 37, kernels.ViewFormat{Size: 5}, true},
		{viewtable.RGBFormat(9 * 5), 9, 5, 37, kernels.ViewFormat{Size: 5, Blur: 3}, true},
		{viewtable.RGBFormat(20 * 21), 20, 21, 8, kernels.ViewFormat{Size: 13, Blur: 23}, false},
		{viewtable.GrayFormat(50 * 50), 50, 50, 3, kernels.ViewFormat{Size: 61, Blur: 101}, false}, // three strips
		{viewtable.GrayFormat(20 * 21), 20, 21, 5, kernels.ViewFormat{Size: 14, Patch: 2}, false},
		{viewtable.RGBFormat(12 * 12), 12, 12, 4, kernels.ViewFormat{Size: 12, Patch: 3, Blur: 5, Bicubic: true}, false},
		{viewtable.RGBFormat(14 * 13), 14, 13, 5, kernels.ViewFormat{Size: 12, Grid: 3, Tile: 3, Blur: 3}, false},
		{viewtable.GrayFormat(9 * 9), 9, 9, 37, kernels.ViewFormat{Size: 5, Grid: 2, Tile: 2}, true},
	} {
		s, width := rng.New(21, uint32(i)), viewtable.RowWidth(k.v)
		var raw []byte
		var exact []*ref.Tensor
		table := make([]float32, k.rows*width)
		for r := range k.rows {
			u := make([]float32, k.h*k.w*k.p.C)
			s.Uniform(u, 0, 1)
			bytes, img := viewtable.Slot(u, k.h, k.w, k.p)
			raw, exact = append(raw, bytes...), append(exact, img)
			viewtable.Draw(table[r*width:(r+1)*width], s, k.h, k.w, k.v)
		}
		cases = append(cases, optest.Case{
			Name: fmt.Sprintf("%d_%dx%dx%d_to_%+v", i, k.h, k.w, k.p.C, k.v), Split: k.split,
			Inputs: []optest.Input{{Name: "images", Kind: optest.Bytes, Type: kernels.U8, Shape: []int{k.rows, k.p.Bytes()}, Raw: raw},
				{Name: "table", Kind: optest.Constant, Shape: []int{k.rows, width}, Values: table}},
			Build: func(in optest.In) *kernels.Tensor { return kernels.Views(in.T("images"), in.T("table"), k.p, k.v) },
			Ref: func(in optest.Values) *ref.Tensor {
				var all []*ref.Tensor
				for r := range k.rows {
					all = append(all, viewtable.Paint(exact[r], table[r*width:(r+1)*width], k.p, k.v))
				}
				return ref.Concat(all...)
			},
			Forward: 1e-5, // positions of taps are rounded to float32: 1e-6 of a pixel and of its weight
		})
	}
	return cases
}
