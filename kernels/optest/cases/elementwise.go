package cases

import (
	"fmt"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/optest"
	"github.com/marr-ssl/marr/kernels/ref"
)

// elementwiseShapes are one number, odd sizes, images with and without pad lanes, and (split) more than the narrow device binds.
var elementwiseShapes = [][]int{{1, 1}, {5, 7}, {3, 2, 5, 8}, {1, 3, 3, 17}, {700, 5}}

func isSplit(shape []int) bool { return shape[0] == 700 }

// over returns a case for each shape with the inputs that f makes.
func over(word string, a attrs, f func(shape []int) []optest.Input) (cases []optest.Case) {
	for _, shape := range elementwiseShapes {
		cases = append(cases, optest.Case{Name: fmt.Sprintf("%s_%v", word, shape), Inputs: f(shape), Attrs: a, Split: isSplit(shape)})
	}
	return cases
}

func one(shape []int) []optest.Input { return inputs(input("x", shape...)) }
func two(shape []int) []optest.Input { return inputs(input("a", shape...), input("b", shape...)) }

func elementwise() []Op {
	return []Op{
		{
			Name:  "relu",
			Build: func(in optest.In) *kernels.Tensor { return kernels.ReLU(in.T("x")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.ReLU(in.T("x")) },
			Cases: over("relu", nil, func(shape []int) []optest.Input { return inputs(kink(input("x", shape...))) }),
		}, {
			Name:  "add",
			Build: func(in optest.In) *kernels.Tensor { return kernels.Add(in.T("a"), in.T("b")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.Add(in.T("a"), in.T("b")) },
			Cases: over("add", nil, two),
		}, {
			Name: "add_to_itself", NoGolden: true,
			Build: func(in optest.In) *kernels.Tensor { return kernels.Add(in.T("x"), in.T("x")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.Add(in.T("x"), in.T("x")) },
			Cases: whole(over("add_to_itself", nil, one), false),
		}, {
			Name:  "bias",
			Kinds: kinds{"b": optest.Parameter},
			Build: func(in optest.In) *kernels.Tensor { return kernels.Bias(in.T("x"), in.P("b")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.Bias(in.T("x"), in.T("b")) },
			Cases: over("bias", nil, func(shape []int) []optest.Input {
				return inputs(input("x", shape...), input("b", shape[len(shape)-1]))
			}),
		}, {
			Name:  "scale_columns",
			Build: func(in optest.In) *kernels.Tensor { return kernels.ScaleColumns(in.T("x"), in.T("s")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.ScaleColumns(in.T("x"), in.T("s")) },
			Cases: over("scale_columns", nil, func(shape []int) []optest.Input {
				return inputs(input("x", shape...), input("s", shape[len(shape)-1]))
			}),
		}, {
			Name:  "scale",
			Build: func(in optest.In) *kernels.Tensor { return kernels.Scale(in.T("x"), in.Num("scale")) },
			Ref: func(in optest.Values) *ref.Tensor { // shaders take the factor in float32
				return ref.Scale(in.T("x"), float64(float32(in.Num("scale"))))
			},
			Cases: over("scale", attrs{"scale": -0.3}, one),
		}, {
			Name:  "add_scaled",
			Build: func(in optest.In) *kernels.Tensor { return kernels.AddScaled(in.T("a"), in.T("b"), in.Num("scale")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.AddScaled(in.T("a"), in.T("b"), in.Num("scale")) },
			Cases: over("add_scaled", attrs{"scale": -2.5}, two),
		}, {
			Name: "difference_from_half", NoGolden: true,
			Build: func(in optest.In) *kernels.Tensor { return kernels.AddScaled(in.T("x"), in.T("x"), -0.5) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.AddScaled(in.T("x"), in.T("x"), -0.5) },
			Cases: whole(over("difference_from_half", nil, one), true),
		}, {
			Name:  "gelu",
			Build: func(in optest.In) *kernels.Tensor { return kernels.GELU(in.T("x")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.GELU(in.T("x")) },
			Cases: geluCases(),
		}, {
			Name:  "concat",
			Build: func(in optest.In) *kernels.Tensor { return kernels.Concat(in.T("x0"), in.T("x1"), in.T("x2")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.Concat(in.T("x0"), in.T("x1"), in.T("x2")) },
			Cases: concatCases(),
		}, {
			Name:  "slice",
			Build: func(in optest.In) *kernels.Tensor { return kernels.Slice(in.T("x"), in.Int("from"), in.Int("to")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.Slice(in.T("x"), in.Int("from"), in.Int("to")) },
			Cases: sliceCases(),
		}, {
			Name: "concat_features", NoGolden: true,
			Build: func(in optest.In) *kernels.Tensor {
				return kernels.ConcatFeatures(in.T("x"), in.Int("parts"), in.On("blocks"))
			},
			Ref: func(in optest.Values) *ref.Tensor {
				return ref.ConcatFeatures(in.T("x"), in.Int("parts"), in.On("blocks"))
			},
			Cases: concatFeaturesCases(),
		},
	}
}

// whole returns the cases without splitting, and with Repeats set as given.
func whole(cases []optest.Case, repeats bool) []optest.Case {
	for i := range cases {
		cases[i].Split, cases[i].Repeats = false, repeats
	}
	return cases
}

func geluCases() (cases []optest.Case) {
	for _, size := range []float64{0.01, 1, 6} {
		for _, shape := range elementwiseShapes {
			cases = append(cases, optest.Case{Name: fmt.Sprintf("gelu_%v_%g", shape, size), Inputs: inputs(between(input("x", shape...), -size, size)),
				Split: isSplit(shape)})
		}
	}
	return cases
}

// batches are the shapes of one image of a batch; the last is large enough to be split.
var batches = [][]int{{1}, {7}, {3, 2, 5}, {31, 5, 3}}

// batchOf returns the number of images for a shape, whether they are split, and the shape of n images.
func batchOf(rest []int) (n int, split bool, shape func(n int) []int) {
	n, split = 3, rest[0] == 31
	if split {
		n = 11
	}
	return n, split, func(n int) []int { return append([]int{n}, rest...) }
}

func concatCases() (cases []optest.Case) {
	for _, rest := range batches {
		n, split, shape := batchOf(rest)
		cases = append(cases, optest.Case{Name: fmt.Sprintf("concat_%v", rest), Split: split,
			Inputs: inputs(input("x0", shape(n)...), input("x1", shape(1)...), input("x2", shape(n-1)...))})
	}
	return cases
}

func sliceCases() (cases []optest.Case) {
	for _, rest := range batches {
		n, split, shape := batchOf(rest)
		for _, at := range [][2]int{{0, n}, {1, 2}, {n - 2, n}} {
			cases = append(cases, optest.Case{Name: fmt.Sprintf("slice_%v_%d_%d", rest, at[0], at[1]), Inputs: inputs(input("x", shape(n)...)),
				Attrs: attrs{"from": float64(at[0]), "to": float64(at[1])}, Split: split && at[0] == 0})
		}
	}
	// Two slices of one tensor: the second contribution finds a gradient that the first filled with zeros around its own.
	return append(cases, optest.Case{Name: "slices_of_one", Inputs: inputs(input("x", 4, 5)), Repeats: true,
		Build: func(in optest.In) *kernels.Tensor {
			return kernels.Add(kernels.Slice(in.T("x"), 0, 3), kernels.Slice(in.T("x"), 1, 4))
		},
		Ref: func(in optest.Values) *ref.Tensor {
			return ref.Add(ref.Slice(in.T("x"), 0, 3), ref.Slice(in.T("x"), 1, 4))
		}})
}

func concatFeaturesCases() (cases []optest.Case) {
	for _, p := range []struct{ n, parts, width int }{{1, 1, 4}, {3, 4, 8}, {5, 9, 12}, {7, 3, 64}} {
		for _, blocks := range []bool{false, true} {
			cases = append(cases, optest.Case{Name: fmt.Sprintf("%d_of_%d_x%d_blocks_%t", p.n, p.parts, p.width, blocks),
				Inputs: inputs(input("x", p.n*p.parts, p.width)), Attrs: attrs{"parts": float64(p.parts), "blocks": on(blocks)}})
		}
	}
	return cases
}
