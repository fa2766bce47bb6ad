package kernels_test

import (
	"slices"
	"testing"

	"github.com/marr-ssl/marr/kernels"
)

// If several numbers are the largest, the first gets the gradient, as in PyTorch on a CPU. The expected numbers are from PyTorch 1.13:
//
//	x = torch.tensor([2, 2, 0, 1, 1,  0, 2, 2, 1, 0,  1, 1, 0, 0, 0,  0, 0, 0, 0, 0.]).view(1, 1, 4, 5).requires_grad_()
//	(F.max_pool2d(x, 3, 2, 1) * torch.tensor([1, 2, 4, 8, 16, 32.]).view(1, 1, 2, 3)).sum().backward(); x.grad
func TestMaxPool2DGradientGoesToTheFirstMaximum(t *testing.T) {
	x := []float32{2, 2, 0, 1, 1, 0, 2, 2, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0}
	want := []float32{1, 2, 0, 4, 0, 0, 24, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	prog, _ := build(t, func(g *kernels.Graph) {
		x := g.Input("x", kernels.F32, 1, 4, 5, 1).Track()
		y := kernels.MaxPool2D(x, 3, 2, 1)
		g.BackwardFrom(y, g.Input("dy", kernels.F32, y.Shape()...))
		g.Output("dx", x.Grad())
	})
	r := begin(t, prog.Segment("main"))
	kernels.Pack(r.Floats("x"), x, 1)
	kernels.Pack(r.Floats("dy"), []float32{1, 2, 4, 8, 16, 32}, 1)
	wait(t, submit(t, r))
	got := make([]float32, len(want))
	kernels.Unpack(got, r.Output("dx"), 1)
	if !slices.Equal(got, want) {
		t.Errorf("gradient %v, want PyTorch's %v", got, want)
	}
}
