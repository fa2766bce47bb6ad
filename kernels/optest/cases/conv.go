package cases

import (
	"fmt"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/optest"
	"github.com/marr-ssl/marr/kernels/ref"
)

func convolutions() []Op {
	return []Op{
		{
			Name:  "conv2d",
			Kinds: kinds{"w": optest.Parameter},
			Build: func(in optest.In) *kernels.Tensor {
				return kernels.Conv2D(in.T("x"), in.P("w"), in.Int("stride"), in.Int("pad"))
			},
			Ref: func(in optest.Values) *ref.Tensor {
				return ref.Conv2D(in.T("x"), in.T("w"), in.Int("stride"), in.Int("pad"))
			},
			Cases: convCases(),
		}, {
			Name:  "depthwise_conv2d",
			Kinds: kinds{"w": optest.Parameter},
			Build: func(in optest.In) *kernels.Tensor {
				return kernels.DepthwiseConv2D(in.T("x"), in.P("w"), in.Int("pad"))
			},
			Ref:   func(in optest.Values) *ref.Tensor { return ref.DepthwiseConv2D(in.T("x"), in.T("w"), in.Int("pad")) },
			Cases: depthwiseCases(),
		}, {
			Name: "max_pool2d",
			Build: func(in optest.In) *kernels.Tensor {
				return kernels.MaxPool2D(in.T("x"), in.Int("kernel"), in.Int("stride"), in.Int("pad"))
			},
			Ref: func(in optest.Values) *ref.Tensor {
				return ref.MaxPool2D(in.T("x"), in.Int("kernel"), in.Int("stride"), in.Int("pad"))
			},
			Cases: maxPoolCases(),
		}, {
			Name:  "global_avg_pool",
			Build: func(in optest.In) *kernels.Tensor { return kernels.GlobalAvgPool(in.T("x")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.GlobalAvgPool(in.T("x")) },
			Cases: poolCases(),
		}, {
			Name: "standardize", NoGolden: true,
			Kinds: kinds{"x": optest.Constant},
			Build: func(in optest.In) *kernels.Tensor { return kernels.Standardize(in.T("x")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.Standardize(in.T("x"), 1e-3) },
			Cases: standardizeCases(),
		},
	}
}

func depthwiseCases() (cases []optest.Case) {
	for _, g := range []struct{ n, h, w, c, r, s, pad int }{
		{1, 1, 1, 1, 1, 1, 0},
		{2, 5, 7, 3, 3, 3, 1},
		{2, 8, 8, 40, 7, 7, 3},
		{3, 2, 2, 17, 7, 7, 3},   // fewer pixels than taps
		{1, 7, 13, 4, 5, 3, 2},   // two runs in a row, the second one not full
		{2, 6, 11, 9, 2, 6, 0},   // no padding, which the data gradient then has
		{1, 3, 5, 6, 3, 2, 4},    // results that no pixel reaches
		{12, 18, 18, 4, 7, 7, 3}, // the weight gradient has three bands of rows in each image, added in two levels
		// The rest is split.
		{20, 12, 12, 3, 3, 3, 1}, // two bands of rows
		{19, 8, 17, 5, 3, 3, 1},
	} {
		cases = append(cases, optest.Case{
			Name:   fmt.Sprintf("depthwise_n%d_%dx%d_c%d_%dx%d_p%d", g.n, g.h, g.w, g.c, g.r, g.s, g.pad),
			Inputs: inputs(input("x", g.n, g.h, g.w, g.c), input("w", g.c, g.r, g.s, 1)),
			Attrs:  attrs{"pad": float64(g.pad)},
			Split:  g.n >= 19,
		})
	}
	return cases
}

func convCases() (cases []optest.Case) {
	for _, g := range []struct{ n, h, w, c, k, r, s, stride, pad int }{
		{1, 1, 1, 1, 1, 1, 1, 1, 0},
		{2, 5, 7, 3, 5, 3, 3, 1, 1},
		{1, 7, 6, 4, 8, 3, 3, 2, 1},
		{3, 5, 5, 5, 17, 1, 1, 2, 0},
		{2, 9, 11, 1, 13, 7, 7, 2, 3},
		{1, 8, 7, 9, 3, 5, 3, 1, 2},
		{2, 5, 5, 5, 16, 1, 1, 2, 0}, // pixels that no tap reaches, the channels of a whole iteration
		{2, 7, 8, 6, 7, 3, 3, 3, 0},  // rows that no window reaches: their gradient is 0
		{1, 1, 2, 8, 4, 3, 3, 2, 1},  // classes of pixels that do not exist
		{1, 4, 4, 33, 34, 3, 3, 1, 1},
		{1, 3, 3, 2, 3, 2, 4, 4, 3}, // stride above the kernel's height
		{5, 13, 3, 17, 16, 3, 1, 1, 1},
		{3, 5, 8, 5, 9, 3, 3, 1, 1},    // runs of eight pixels, of four for the weights
		{2, 3, 16, 6, 19, 3, 3, 1, 1},  // runs of sixteen
		{1, 4, 30, 8, 4, 2, 3, 1, 2},   // runs of sixteen forward, none backward
		{2, 6, 6, 9, 17, 3, 3, 1, 0},   // runs of four, for the weights alone
		{3, 8, 8, 36, 132, 3, 3, 1, 1}, // more than one of the largest tiles along every axis
		{2, 5, 3, 128, 12, 3, 3, 1, 1}, // a tile of weights has channels of one tap
		{3, 1, 1, 128, 8, 3, 3, 1, 1},  // and only one of the taps has pixels
		{2, 4, 5, 64, 9, 3, 2, 2, 1},
		// The rest is split.
		{23, 5, 5, 3, 2, 3, 3, 1, 1},
		{28, 6, 5, 2, 2, 3, 3, 2, 1},
		{40, 5, 5, 8, 5, 1, 1, 1, 0},
		{18, 3, 16, 5, 1, 3, 3, 1, 1},
	} {
		cases = append(cases, optest.Case{
			Name:   fmt.Sprintf("n%d_%dx%d_c%d_k%d_%dx%d_s%d_p%d", g.n, g.h, g.w, g.c, g.k, g.r, g.s, g.stride, g.pad),
			Inputs: inputs(input("x", g.n, g.h, g.w, g.c), input("w", g.k, g.r, g.s, g.c)),
			Attrs:  attrs{"stride": float64(g.stride), "pad": float64(g.pad)},
			Split:  g.n >= 18,
		})
	}
	return cases
}

func maxPoolCases() (cases []optest.Case) {
	for _, p := range []struct{ n, h, w, c, kernel, stride, pad int }{
		{1, 1, 1, 1, 1, 1, 0},
		{2, 9, 8, 5, 3, 2, 1}, // as in the imagenet stem
		{3, 7, 10, 4, 2, 2, 0},
		{1, 6, 5, 7, 3, 1, 1},
		{2, 9, 7, 9, 2, 3, 1}, // pixels that no window covers: their gradient is 0
		{1, 8, 9, 3, 5, 2, 2},
		{2, 4, 5, 17, 4, 1, 2}, // most windows cover the whole height
		{1, 1, 2, 8, 2, 2, 1},
		{29, 6, 5, 6, 3, 2, 1},
	} {
		cases = append(cases, optest.Case{Name: fmt.Sprintf("n%d_%dx%d_c%d_k%d_s%d_p%d", p.n, p.h, p.w, p.c, p.kernel, p.stride, p.pad),
			Inputs: inputs(distinct("x", p.n, p.h, p.w, p.c)), Split: p.n == 29,
			Attrs: attrs{"kernel": float64(p.kernel), "stride": float64(p.stride), "pad": float64(p.pad)}})
	}
	return cases
}

func poolCases() (cases []optest.Case) {
	for _, shape := range [][]int{{1, 1, 1, 1}, {3, 5, 7, 8}, {5, 3, 4, 17}, {67, 5, 3, 6}} {
		cases = append(cases, optest.Case{Name: fmt.Sprintf("pool_%v", shape), Inputs: one(shape), Split: shape[0] == 67})
	}
	return cases
}

func standardizeCases() (cases []optest.Case) {
	for _, shape := range [][]int{{1, 1, 1, 1}, {3, 5, 7, 1}, {5, 4, 3, 3}, {7, 8, 9, 5}, {2, 40, 31, 3}, {401, 2, 3, 1}} {
		for _, r := range [][2]float64{{-1, 1}, {2.9, 3.1}, {0, 1e-3}} { // also far from 0, and with a deviation near the epsilon of 1e-3
			cases = append(cases, optest.Case{Name: fmt.Sprintf("%v_%g", shape, r), Inputs: inputs(between(input("x", shape...), r[0], r[1])),
				Split: shape[0] == 401, Forward: 1e-5}) // differences of numbers near 3
		}
	}
	return cases
}
