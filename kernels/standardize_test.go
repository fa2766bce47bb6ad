package kernels_test

import (
	"fmt"
	"slices"
	"testing"

	"marr/kernels"
	"marr/kernels/optest"
	"marr/kernels/ref"
)

func TestStandardizeMatchesItsReference(t *testing.T) {
	var cases []optest.Case
	for _, shape := range [][]int{{1, 1, 1, 1}, {3, 5, 7, 1}, {5, 4, 3, 3}, {7, 8, 9, 5}, {2, 40, 31, 3}, {401, 2, 3, 1}} {
		for _, r := range [][2]float64{{-1, 1}, {2.9, 3.1}, {0, 1e-3}} { // far from 0, and so even that the 1e-3 counts
			cases = append(cases, optest.Case{Name: fmt.Sprintf("%v_%g", shape, r), Inputs: []optest.Input{between(constant("x", shape...), r[0], r[1])},
				Split: shape[0] == 401, Forward: 1e-5, // differences of numbers near 3
				Op:  func(in optest.In) *kernels.Tensor { return kernels.Standardize(in.T("x")) },
				Ref: func(in optest.Values) *ref.Tensor { return ref.Standardize(in["x"], 1e-3) }})
		}
	}
	bench.Run(t, cases...)
}

// An image of equal pixels tells nothing: it becomes 0, not rounding divided by rounding.
func TestStandardizedEvenImagesAreZero(t *testing.T) {
	prog, _ := build(t, func(g *kernels.Graph) { g.Output("y", kernels.Standardize(g.Input("x", kernels.F32, 2, 3, 5, 3))) })
	r := begin(t, prog.Segment("main"))
	kernels.Pack(r.Floats("x"), slices.Repeat([]float32{0.3}, 2*3*5*3), 3)
	wait(t, submit(t, r))
	for i, v := range r.Output("y") {
		if !(v < 1e-3 && v > -1e-3) {
			t.Fatalf("element %d is %v", i, v)
		}
	}
}
