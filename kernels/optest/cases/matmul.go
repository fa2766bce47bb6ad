package cases

import (
	"fmt"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/optest"
	"github.com/marr-ssl/marr/kernels/ref"
)

func matrices() []Op {
	return []Op{
		{
			Name: "matmul",
			Build: func(in optest.In) *kernels.Tensor {
				return kernels.MatMul(in.T("a"), in.T("b"), in.On("trans_a"), in.On("trans_b"))
			},
			Ref: func(in optest.Values) *ref.Tensor {
				return ref.MatMul(in.T("a"), in.T("b"), in.On("trans_a"), in.On("trans_b"))
			},
			Cases: append(matMulCases(), batchedCases()...),
		}, {
			Name: "gram", NoGolden: true,
			Build: func(in optest.In) *kernels.Tensor { return kernels.MatMul(in.T("x"), in.T("x"), false, true) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.MatMul(in.T("x"), in.T("x"), false, true) },
			Cases: []optest.Case{{Name: "gram", Inputs: inputs(input("x", 5, 6)), Repeats: true}},
		}, {
			Name:  "linear",
			Kinds: kinds{"w": optest.Parameter, "bias": optest.Parameter},
			Build: func(in optest.In) *kernels.Tensor { return kernels.Linear(in.T("x"), in.P("w"), in.P("bias")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.Linear(in.T("x"), in.T("w"), in.T("bias")) },
			Cases: linearCases(),
		}, {
			Name: "linear_of_tokens", NoGolden: true, // golden data of linear cover the products
			Kinds: kinds{"w": optest.Parameter, "bias": optest.Parameter},
			Build: func(in optest.In) *kernels.Tensor { return kernels.Linear(in.T("x"), in.P("w"), in.P("bias")) },
			Ref: func(in optest.Values) *ref.Tensor {
				x := in.T("x")
				y := ref.Linear(ref.Reshape(x, x.Rows(), x.Shape[2]), in.T("w"), in.T("bias"))
				return ref.Reshape(y, x.Shape[0], x.Shape[1], y.Shape[1])
			},
			Cases: []optest.Case{
				{Name: "linear_of_tokens", Inputs: inputs(input("x", 3, 5, 6), input("w", 7, 6), input("bias", 7))},
				{Name: "linear_of_tokens_without_bias", Inputs: inputs(input("x", 2, 37, 12), input("w", 36, 12))},
			},
		}, {
			Name:  "normalized_linear",
			Kinds: kinds{"w": optest.Parameter},
			Build: func(in optest.In) *kernels.Tensor { return kernels.NormalizedLinear(in.T("x"), in.P("w")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.Linear(in.T("x"), ref.L2Normalize(in.T("w")), nil) },
			Cases: normalizedLinearCases(),
		},
	}
}

// MatMul returns a case of [.. m k]·[.. k n] for each way of transposing the factors.
func MatMul(m, k, n int, batch ...int) (cases []optest.Case) {
	name := fmt.Sprintf("%dx%dx%d", m, k, n)
	if len(batch) > 0 {
		name = fmt.Sprint("batch_", append(append([]int{}, batch...), m, k, n))
	}
	matrix := func(name string, rows, columns int, transposed bool) optest.Input {
		if transposed {
			rows, columns = columns, rows
		}
		return input(name, append(append([]int{}, batch...), rows, columns)...)
	}
	for trans := range 4 {
		ta, tb := trans&1 > 0, trans&2 > 0
		cases = append(cases, optest.Case{Name: fmt.Sprintf("%s_%t_%t", name, ta, tb), Attrs: attrs{"trans_a": on(ta), "trans_b": on(tb)},
			Inputs: inputs(matrix("a", m, k, ta), matrix("b", k, n, tb))})
	}
	return cases
}

// productSizes are M, K and N of products; the last is split.
var productSizes = [][3]int{{1, 1, 1}, {3, 5, 7}, {17, 33, 5}, {8, 1, 16}, {65, 31, 34}, {601, 4, 1}}

func matMulCases() (cases []optest.Case) {
	for _, d := range productSizes {
		for _, c := range MatMul(d[0], d[1], d[2]) {
			c.Split = d[0] == 601 && !c.Attrs.On("trans_a") && c.Attrs.On("trans_b")
			cases = append(cases, c)
		}
	}
	return cases
}

func batchedCases() (cases []optest.Case) {
	for _, d := range [][4]int{{1, 3, 2, 5}, {3, 5, 9, 7}, {2, 67, 4, 33}} {
		cases = append(cases, MatMul(d[1], d[2], d[3], d[0])...)
	}
	large := MatMul(2, 3, 4, 290)[0] // the others would take long and test nothing more
	large.Split = true
	return append(cases, large)
}

func linearCases() (cases []optest.Case) {
	for _, d := range productSizes {
		m, k, n := d[0], d[1], d[2]
		x := inputs(input("x", m, k), input("w", n, k))
		for _, bias := range []bool{false, true} {
			if bias {
				x = append(x, input("bias", n))
			}
			cases = append(cases, optest.Case{Name: fmt.Sprintf("linear_%dx%dx%d_bias_%t", m, k, n, bias), Inputs: x, Split: m == 601})
		}
	}
	return cases
}

func normalizedLinearCases() (cases []optest.Case) {
	for _, d := range [][3]int{{1, 2, 1}, {3, 5, 7}, {17, 33, 6}, {601, 4, 1}} {
		cases = append(cases, optest.Case{Name: fmt.Sprint(d), Inputs: inputs(input("x", d[0], d[1]), input("w", d[2], d[1])), Split: d[0] == 601})
	}
	return cases
}
