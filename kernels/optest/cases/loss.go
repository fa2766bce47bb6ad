package cases

import (
	"fmt"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/optest"
	"github.com/marr-ssl/marr/kernels/ref"
)

// target returns the branch that p is compared with; "stopped" stops its gradient.
func target(in optest.In) *kernels.Tensor {
	if in.On("stopped") {
		return kernels.StopGrad(in.T("z"))
	}
	return in.T("z")
}

func losses() []Op {
	return []Op{
		{
			Name:  "cross_entropy",
			Build: func(in optest.In) *kernels.Tensor { return kernels.CrossEntropy(in.T("logits"), in.T("targets")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.CrossEntropy(in.T("logits"), in.Ints("targets")) },
			Cases: crossEntropyCases("cross_entropy", 0),
		}, {
			Name: "smoothed_cross_entropy",
			Build: func(in optest.In) *kernels.Tensor {
				return kernels.SmoothedCrossEntropy(in.T("logits"), in.T("targets"), in.Num("smoothing"))
			},
			Ref: func(in optest.Values) *ref.Tensor {
				return ref.SmoothedCrossEntropy(in.T("logits"), in.Ints("targets"), in.Num("smoothing"))
			},
			Cases: crossEntropyCases("smoothed_cross_entropy", 0.8),
		}, {
			Name:  "soft_cross_entropy",
			Kinds: kinds{"targets": optest.Constant},
			Build: func(in optest.In) *kernels.Tensor {
				return kernels.SoftCrossEntropy(in.T("logits"), in.T("targets"), in.Num("temperature"))
			},
			Ref: func(in optest.Values) *ref.Tensor {
				return ref.SoftCrossEntropy(in.T("logits"), in.T("targets"), in.Num("temperature"))
			},
			Cases: softCrossEntropyCases(),
		}, {
			Name:  "cosine_loss",
			Build: func(in optest.In) *kernels.Tensor { return kernels.CosineLoss(in.T("p"), target(in)) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.CosineLoss(in.T("p"), in.T("z")) },
			Cases: append(cosineCases("cosine", false), cosineCases("cosine_to_a_constant", true)...),
		}, {
			Name:  "negative_cosine",
			Build: func(in optest.In) *kernels.Tensor { return kernels.NegativeCosine(in.T("p"), target(in)) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.Scale(ref.Cosine(in.T("p"), in.T("z")), -1) },
			Cases: cosineCases("negative_cosine", false),
		}, {
			Name:  "ntxent",
			Build: func(in optest.In) *kernels.Tensor { return kernels.NTXent(in.T("z"), in.Num("temperature")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.NTXent(in.T("z"), in.Num("temperature")) },
			Cases: ntxentCases("", 2),
		}, {
			Name:  "decoupled_ntxent",
			Build: func(in optest.In) *kernels.Tensor { return kernels.DecoupledNTXent(in.T("z"), in.Num("temperature")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.DecoupledNTXent(in.T("z"), in.Num("temperature")) },
			Cases: ntxentCases("decoupled_", 4), // one pair has no negatives
		},
	}
}

func crossEntropyCases(name string, smoothing float64) (cases []optest.Case) {
	for _, targets := range [][]int32{{0}, {2, -1, 0, 4, -1}, {-1, -1}, {1, 1, 1, 0, 3, 2, 1, 0, 4, 4, 4, 2, 1}} {
		for _, k := range []int{5, 11, 64} {
			cases = append(cases, optest.Case{Name: fmt.Sprintf("%s_%d_%v", name, k, targets), Attrs: attrs{"smoothing": smoothing},
				Inputs: inputs(between(input("logits", len(targets), k), -3, 3), optest.Ints("targets", targets...))})
		}
	}
	for _, shape := range append(longRows, []int{500, 5}) {
		targets := make([]int32, shape[0])
		for i := range targets {
			targets[i] = int32((i+1)*shape[1]/shape[0] - 1) // the last number of the last row is one
		}
		cases = append(cases, optest.Case{Name: fmt.Sprintf("%s_%v", name, shape), Split: shape[0] == 500, Attrs: attrs{"smoothing": smoothing},
			Inputs: inputs(between(input("logits", shape...), -3, 3), optest.Ints("targets", targets...))})
	}
	return cases
}

// branchShapes are rows of embeddings; the last is split.
var branchShapes = [][]int{{1, 3}, {5, 7}, {33, 64}, {500, 5}}

func cosineCases(name string, toConstant bool) (cases []optest.Case) {
	for _, shape := range branchShapes {
		p, z := between(input("p", shape...), -0.5, 1), between(input("z", shape...), -0.5, 1)
		if toConstant {
			z = constant(z)
		}
		cases = append(cases, optest.Case{Name: fmt.Sprintf("%s_%v", name, shape), Inputs: inputs(p, z), Split: shape[0] == 500 && !toConstant})
	}
	return cases
}

func softCrossEntropyCases() (cases []optest.Case) {
	for _, shape := range branchShapes {
		for _, temperature := range []float64{1, 0.1} {
			cases = append(cases, optest.Case{Name: fmt.Sprintf("soft_cross_entropy_%v_%g", shape, temperature), Split: shape[0] == 500,
				Inputs: inputs(input("logits", shape...), between(input("targets", shape...), 0, 2/float64(shape[1]))), Attrs: attrs{"temperature": temperature}})
		}
	}
	for _, shape := range longRows {
		cases = append(cases, optest.Case{Name: fmt.Sprintf("soft_cross_entropy_%v", shape), Attrs: attrs{"temperature": 0.1},
			Inputs: inputs(input("logits", shape...), between(input("targets", shape...), 0, 2/float64(shape[1])))})
	}
	return cases
}

// NTXent returns a case of 2N embeddings of width d.
func NTXent(prefix string, temperature float64, rows, d int) optest.Case {
	return optest.Case{Name: fmt.Sprintf("%s%v_%g", prefix, []int{rows, d}, temperature), Inputs: inputs(between(input("z", rows, d), -0.5, 0.5)),
		Attrs: attrs{"temperature": temperature}}
}

func ntxentCases(prefix string, leastRows int) (cases []optest.Case) {
	for _, shape := range [][2]int{{2, 3}, {4, 3}, {6, 5}, {14, 7}, {34, 33}, {66, 4}} {
		for _, temperature := range []float64{1, 0.2, 0.07} {
			if shape[0] >= leastRows {
				c := NTXent(prefix, temperature, shape[0], shape[1])
				c.Split = shape[0] == 66
				cases = append(cases, c)
			}
		}
	}
	return cases
}
