package cases

import (
	"fmt"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/optest"
	"github.com/marr-ssl/marr/kernels/ref"
)

// rows are the ops that work row by row, or column by column.
func rows() []Op {
	return []Op{
		{
			Name:  "l2normalize",
			Build: func(in optest.In) *kernels.Tensor { return kernels.L2Normalize(in.T("x")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.L2Normalize(in.T("x")) },
			Cases: l2NormalizeCases(),
		}, {
			Name:  "softmax",
			Build: func(in optest.In) *kernels.Tensor { return kernels.Softmax(in.T("x"), in.Num("temperature")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.Softmax(in.T("x"), in.Num("temperature")) },
			Cases: append(softmaxCases("softmax"), optest.Case{Name: "softmax_of_large_numbers", Inputs: inputs(between(input("x", 4, 17), -80, 80)),
				Attrs: attrs{"temperature": 1}, Forward: 1e-5, Backward: 1e-4}), // exp's error grows with its argument
		}, {
			Name:  "log_softmax",
			Build: func(in optest.In) *kernels.Tensor { return kernels.LogSoftmax(in.T("x"), in.Num("temperature")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.LogSoftmax(in.T("x"), in.Num("temperature")) },
			Cases: softmaxCases("log_softmax"),
		}, {
			Name: "column_mean", NoGolden: true,
			Kinds: kinds{"x": optest.Constant},
			Build: func(in optest.In) *kernels.Tensor { return kernels.ColumnMean(in.T("x")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.ColumnMean(in.T("x")) },
			Cases: columnMeanCases(),
		}, {
			Name: "centered_softmax", NoGolden: true, // "center" has the golden cases
			Kinds: kinds{"x": optest.Constant, "center": optest.State},
			Build: func(in optest.In) *kernels.Tensor {
				return kernels.CenteredSoftmax(in.T("x"), in.S("center"), in.Scalar("temperature"))
			},
			Ref: func(in optest.Values) *ref.Tensor {
				return ref.CenteredSoftmax(in.T("x"), in.T("center"), in.Num("temperature"))
			},
			Cases: centeredSoftmaxCases(),
		},
	}
}

// rowShapes include more rows than a work group has; the last is split.
var rowShapes = [][]int{{1, 1}, {5, 33}, {7, 10}, {33, 128}, {901, 3}}

// longRows have 8, 32 and 128 lanes, each more than four vectors; the other shapes have 1 and 4 lanes.
var longRows = [][]int{{17, 257}, {3, 2049}, {2, 65533}}

// l2NormalizeCases leave rows of one number out: their derivative is 0, so a relative error has no scale.
func l2NormalizeCases() (cases []optest.Case) {
	for _, shape := range rowShapes[1:] {
		cases = append(cases, optest.Case{Name: fmt.Sprintf("l2normalize_%v", shape), Inputs: one(shape), Split: shape[0] == 901})
	}
	return cases
}

func softmaxCases(op string) (cases []optest.Case) {
	for _, shape := range append(longRows, append(rowShapes, []int{2, 5, 7, 6})...) {
		for _, temperature := range []float64{1, 0.2, 0.07} {
			cases = append(cases, optest.Case{Name: fmt.Sprintf("%s_%v_%g", op, shape, temperature), Inputs: one(shape),
				Attrs: attrs{"temperature": temperature}, Split: shape[0] == 901})
		}
	}
	return cases
}

func columnMeanCases() (cases []optest.Case) {
	for _, shape := range [][]int{{1, 1}, {5, 7}, {2200, 3}} {
		cases = append(cases, optest.Case{Name: fmt.Sprint(shape), Inputs: inputs(between(input("x", shape...), 0, 1)), Split: shape[0] > 5})
	}
	return cases
}

func centeredSoftmaxCases() (cases []optest.Case) {
	for _, shape := range append(longRows, []int{1, 1}, []int{601, 7}) {
		cases = append(cases, optest.Case{Name: fmt.Sprint(shape), Split: shape[0] == 601, Attrs: attrs{"temperature": 0.5},
			Inputs: inputs(input("x", shape...), input("center", shape[1]))})
	}
	return cases
}
