package cases

import (
	"fmt"

	"marr/kernels"
	"marr/kernels/optest"
	"marr/kernels/ref"
)

// tokens are the ops of vision transformers on sequences of tokens [N T D].
func tokens() []Op {
	return []Op{
		{
			Name:  "reshape",
			Kinds: kinds{"p": optest.Parameter},
			Build: func(in optest.In) *kernels.Tensor { return kernels.Reshape(in.T("x"), dims(in.Attrs)...) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.Reshape(in.T("x"), dims(in.Attrs)...) },
			Cases: reshapeCases(),
		},
	}
}

// dims returns the attributes d0, d1, …, a shape.
func dims(a attrs) (shape []int) {
	for d := a.Int("d0"); d > 0; d = a.Int(fmt.Sprint("d", len(shape))) {
		shape = append(shape, d)
	}
	return shape
}

func dimAttrs(shape ...int) attrs {
	a := attrs{}
	for i, d := range shape {
		a[fmt.Sprint("d", i)] = float64(d)
	}
	return a
}

func reshapeCases() (cases []optest.Case) {
	for _, c := range [][2][]int{{{1, 1}, {1}}, {{15, 7}, {3, 5, 7}}, {{3, 2, 5, 8}, {3, 10, 8}}, {{5, 3, 8}, {5, 24}}, {{2, 12}, {2, 3, 1, 4}}} {
		cases = append(cases, optest.Case{Name: fmt.Sprintf("%v_to_%v", c[0], c[1]), Inputs: one(c[0]), Attrs: dimAttrs(c[1]...)})
	}
	return append(cases,
		// Two shapes of one tensor and the tensor itself contribute to one gradient.
		optest.Case{Name: "reshapes_of_one", Inputs: inputs(input("x", 6, 8)), Attrs: dimAttrs(2, 24), Repeats: true,
			Build: func(in optest.In) *kernels.Tensor {
				x := kernels.GELU(in.T("x"))
				y, z := kernels.Scale(x, 3), kernels.GELU(kernels.Reshape(x, 2, 24))
				return kernels.Add(kernels.Reshape(y, 2, 24), kernels.Add(z, kernels.Reshape(kernels.Reshape(x, 2, 3, 8), 2, 24)))
			},
			Ref: func(in optest.Values) *ref.Tensor {
				x := ref.GELU(in.T("x"))
				return ref.Reshape(ref.Add(ref.Add(ref.Scale(x, 3), ref.GELU(x)), x), 2, 24)
			}},
		// The rows of a parameter are padded in memory, here from 5 to 8 and of the other shape from 1 to 4.
		optest.Case{Name: "reshape_of_a_parameter", Inputs: inputs(input("p", 5, 12)), Attrs: dimAttrs(1, 15, 4),
			Build: func(in optest.In) *kernels.Tensor {
				return kernels.GELU(kernels.Reshape(in.P("p").Value(in.Graph), dims(in.Attrs)...))
			},
			Ref: func(in optest.Values) *ref.Tensor { return ref.GELU(ref.Reshape(in.T("p"), dims(in.Attrs)...)) }},
		optest.Case{Name: "split", Inputs: inputs(input("x", 700, 8)), Attrs: dimAttrs(350, 16), Split: true,
			Build: func(in optest.In) *kernels.Tensor { return kernels.GELU(kernels.Reshape(in.T("x"), dims(in.Attrs)...)) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.GELU(ref.Reshape(in.T("x"), dims(in.Attrs)...)) }})
}
