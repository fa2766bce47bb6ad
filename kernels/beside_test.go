package kernels_test

import (
	"fmt"
	"testing"

	"marr/kernels"
	"marr/kernels/optest"
	"marr/kernels/ref"
)

func TestBesideMatchesItsReference(t *testing.T) {
	var cases []optest.Case
	for _, p := range []struct{ n, parts, width int }{{1, 1, 4}, {3, 4, 8}, {5, 9, 12}, {7, 3, 64}} {
		for _, blocks := range []bool{false, true} {
			cases = append(cases, optest.Case{Name: fmt.Sprintf("%d_of_%d_x%d_blocks_%t", p.n, p.parts, p.width, blocks),
				Inputs: []optest.Input{act("x", p.n*p.parts, p.width)},
				Op:     func(in optest.In) *kernels.Tensor { return kernels.Beside(in.T("x"), p.parts, blocks) },
				Ref:    func(in optest.Values) *ref.Tensor { return ref.Beside(in["x"], p.parts, blocks) }})
		}
	}
	bench.Run(t, cases...)
}
