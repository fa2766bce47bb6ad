package cases

import (
	"fmt"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/optest"
	"github.com/marr-ssl/marr/kernels/ref"
)

// correlations are the losses of batch statistics: correlation and covariance matrices, what they are computed from, and distributions.
func correlations() []Op {
	return []Op{
		{
			Name:  "center_columns",
			Build: func(in optest.In) *kernels.Tensor { return kernels.CenterColumns(in.T("x")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.CenterColumns(in.T("x")) },
			Cases: centerColumnsCases(),
		}, {
			Name:  "correlation_loss",
			Build: func(in optest.In) *kernels.Tensor { return kernels.CorrelationLoss(in.T("c"), in.Num("lambda")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.CorrelationLoss(in.T("c"), in.Num("lambda")) },
			Cases: squareMatrices(-1, 1, attrs{"lambda": 0.0051}),
		}, {
			Name: "covariance_loss",
			Build: func(in optest.In) *kernels.Tensor {
				return kernels.CovarianceLoss(in.T("c"), in.Num("variance"), in.Num("covariance"))
			},
			Ref: func(in optest.Values) *ref.Tensor {
				return ref.CovarianceLoss(in.T("c"), in.Num("variance"), in.Num("covariance"))
			},
			Cases: squareMatrices(0.1, 1.9, attrs{"variance": 12.5, "covariance": 0.04}), // variances below and above 1, where the hinge ends
		}, {
			Name:  "mean_square",
			Build: func(in optest.In) *kernels.Tensor { return kernels.MeanSquare(in.T("x")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.MeanSquare(in.T("x")) },
			Cases: meanSquareCases(),
		}, {
			Name:  "sigreg",
			Build: func(in optest.In) *kernels.Tensor { return kernels.SIGReg(in.T("u")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.SIGReg(in.T("u")) },
			Cases: sigregCases(),
		}, {
			Name: "moment_loss",
			Build: func(in optest.In) *kernels.Tensor {
				loss, _ := kernels.MomentLoss(in.T("x"))
				return loss
			},
			Ref: func(in optest.Values) *ref.Tensor {
				loss, _ := ref.MomentLoss(in.T("x"))
				return loss
			},
			Cases: momentCases(),
		}, {
			Name:  "inverse_deviations",
			Kinds: kinds{"x": optest.Stopped},
			Build: func(in optest.In) *kernels.Tensor {
				_, inverses := kernels.MomentLoss(in.T("x"))
				return inverses
			},
			Ref: func(in optest.Values) *ref.Tensor {
				_, inverses := ref.MomentLoss(in.T("x"))
				return inverses
			},
			Cases: momentCases(),
		}, {
			Name:  "normal_scores",
			Kinds: kinds{"x": optest.Stopped},
			Build: func(in optest.In) *kernels.Tensor { return kernels.NormalScores(in.T("x")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.NormalScores(in.T("x")) },
			Cases: normalScoresCases(),
		},
	}
}

// centerColumnsCases leave a single row out, whose result and gradient are 0. One mean is far from 0.
func centerColumnsCases() (cases []optest.Case) {
	for _, shape := range [][]int{{2, 1}, {5, 7}, {33, 128}, {901, 3}} {
		cases = append(cases, optest.Case{Name: fmt.Sprint(shape), Inputs: one(shape), Split: shape[0] == 901})
	}
	return append(cases, optest.Case{Name: "far", Inputs: inputs(between(input("x", 70, 5), 9, 11)), Forward: 1e-5})
}

// meanSquareCases are of any shape, also with more rows than columns.
func meanSquareCases() (cases []optest.Case) {
	for _, shape := range [][]int{{1, 1}, {5, 7}, {3, 2, 5, 8}, {3, 2049}, {500, 5}} {
		cases = append(cases, optest.Case{Name: fmt.Sprint(shape), Inputs: one(shape), Split: shape[0] == 500})
	}
	return cases
}

// sigregCases have numbers up to 30, whose angles are up to 90.
func sigregCases() (cases []optest.Case) {
	for _, shape := range [][]int{{1, 1}, {5, 7}, {67, 33}, {300, 6}} {
		for _, size := range []float64{0.1, 3, 30} {
			cases = append(cases, optest.Case{Name: fmt.Sprintf("%v_%g", shape, size), Inputs: inputs(between(input("u", shape...), -size, size)),
				Split: shape[0] == 300, Forward: 1e-5, Backward: 1e-4}) // differences of means near 1; an angle of 90 is rounded to 4e-6
		}
	}
	return cases
}

// momentCases leave a single row out, whose deviation is 0: TestMomentLossOfConstantColumns has it. One mean is far from 0.
func momentCases() (cases []optest.Case) {
	for _, shape := range [][]int{{2, 1}, {5, 7}, {33, 128}, {901, 3}} {
		cases = append(cases, optest.Case{Name: fmt.Sprint("moments_", shape), Inputs: one(shape), Split: shape[0] == 901})
	}
	return append(cases, optest.Case{Name: "moments_far", Inputs: inputs(between(input("x", 70, 5), 9, 11)), Forward: 1e-5})
}

// normalScoresCases include numbers that are equal: the first ranks lowest.
func normalScoresCases() (cases []optest.Case) {
	for _, shape := range [][]int{{1, 1}, {3, 5}, {7, 64}, {2, 1025}, {500, 5}} {
		cases = append(cases, optest.Case{Name: fmt.Sprint("normal_scores_", shape), Inputs: one(shape), Split: shape[0] == 500})
	}
	equal := optest.Input{Name: "x", Shape: []int{2, 6}, Values: []float32{0, 1, 0, -1, 1, 0, 5, 5, 5, 5, 5, 5}}
	return append(cases, optest.Case{Name: "normal_scores_equal", Inputs: inputs(equal)})
}

// squareMatrices have 1, 1, 4 and 8 lanes to a row. One is split: its slices begin within the diagonal.
func squareMatrices(lo, hi float64, a attrs) (cases []optest.Case) {
	for _, d := range []int{1, 5, 67, 257} {
		cases = append(cases, optest.Case{Name: fmt.Sprint(d), Inputs: inputs(between(input("c", d, d), lo, hi)), Attrs: a, Split: d == 67})
	}
	return cases
}
