package kernels_test

import (
	"testing"

	"github.com/marr-ssl/marr/kernels"
)

func TestReshapeMovesNoData(t *testing.T) {
	program := func(reshape func(x *kernels.Tensor, shape ...int) *kernels.Tensor) *kernels.Program {
		prog, _ := build(t, func(g *kernels.Graph) {
			x := g.Input("x", kernels.F32, 6, 8).Track()
			y := reshape(kernels.GELU(reshape(kernels.GELU(x), 2, 24)), 6, 8)
			g.BackwardFrom(kernels.GELU(y), g.Input("dy", kernels.F32, 6, 8))
			g.Output("dx", x.Grad())
		})
		return prog
	}
	with := program(kernels.Reshape)
	without := program(func(x *kernels.Tensor, _ ...int) *kernels.Tensor { return x })
	if with.Steps() != without.Steps() || with.Planned() != without.Planned() {
		t.Errorf("%d steps and %d bytes, without Reshape %d and %d", with.Steps(), with.Planned(), without.Steps(), without.Planned())
	}
}
