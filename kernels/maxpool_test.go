package kernels_test

import (
	"fmt"
	"slices"
	"testing"

	"marr/kernels"
	"marr/kernels/optest"
	"marr/kernels/ref"
	"marr/kernels/rng"
)

// distinct is an input of evenly spaced numbers in ±1 in random order: no two are so near that a finite difference would change which is larger.
func distinct(name string, shape ...int) optest.Input {
	n := volume(shape)
	x := act(name, shape...)
	for _, i := range rng.New(3, uint32(n)).Perm(n) {
		x.Values = append(x.Values, float32(2*i+1)/float32(n)-1)
	}
	return x
}

func TestMaxPool2DMatchesItsReference(t *testing.T) {
	var cases []optest.Case
	for _, p := range []struct{ n, h, w, c, kernel, stride, pad int }{
		{1, 1, 1, 1, 1, 1, 0},
		{2, 9, 8, 5, 3, 2, 1}, // as in the imagenet stem
		{3, 7, 10, 4, 2, 2, 0},
		{1, 6, 5, 7, 3, 1, 1},
		{2, 9, 7, 9, 2, 3, 1}, // pixels that no window covers: their gradient is 0
		{1, 8, 9, 3, 5, 2, 2},
		{2, 4, 5, 17, 4, 1, 2}, // most windows cover the whole height
		{1, 1, 2, 8, 2, 2, 1},
		{29, 6, 5, 6, 3, 2, 1},
	} {
		cases = append(cases, optest.Case{Name: fmt.Sprintf("n%d_%dx%d_c%d_k%d_s%d_p%d", p.n, p.h, p.w, p.c, p.kernel, p.stride, p.pad),
			Inputs: []optest.Input{distinct("x", p.n, p.h, p.w, p.c)}, Split: p.n == 29,
			Op:  func(in optest.In) *kernels.Tensor { return kernels.MaxPool2D(in.T("x"), p.kernel, p.stride, p.pad) },
			Ref: func(in optest.Values) *ref.Tensor { return ref.MaxPool2D(in["x"], p.kernel, p.stride, p.pad) }})
	}
	bench.Run(t, cases...)
}

// Where several numbers are the largest the gradient goes to the first of them, as in PyTorch on a CPU. The numbers below are its own (1.13):
//
//	x = torch.tensor([2, 2, 0, 1, 1,  0, 2, 2, 1, 0,  1, 1, 0, 0, 0,  0, 0, 0, 0, 0.]).view(1, 1, 4, 5).requires_grad_()
//	(F.max_pool2d(x, 3, 2, 1) * torch.tensor([1, 2, 4, 8, 16, 32.]).view(1, 1, 2, 3)).sum().backward(); x.grad
func TestMaxPool2DGivesTheFirstOfEqualNumbersTheGradient(t *testing.T) {
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
