package kernels_test

import (
	"math"
	"testing"

	"github.com/marr-ssl/marr/kernels"
)

// The deviation of a constant column is 1e-6, and only its mean has a gradient.
func TestMomentLossOfConstantColumns(t *testing.T) {
	prog, _ := build(t, func(g *kernels.Graph) {
		x := g.Input("x", kernels.F32, 3, 1).Track()
		loss, inverses := kernels.MomentLoss(x)
		g.Output("loss", loss)
		g.Output("inverses", inverses)
		g.Backward(loss)
		g.Output("dx", x.Grad())
	})
	for value, want := range map[float32]float64{0: 0.999998, 3: 9.999998} {
		r := begin(t, prog.Segment("main"))
		clear(r.Floats("x"))
		for i := range 3 {
			r.Floats("x")[4*i] = value
		}
		wait(t, submit(t, r))
		if got, inverse := float64(r.Output("loss")[0]), float64(r.Output("inverses")[0]); math.Abs(got-want) > 2e-6 || math.Abs(inverse/1e6-1) > 1e-6 {
			t.Errorf("all %g: loss %.7g, want %.7g; 1/deviation %g, want 1e6", value, got, want, inverse)
		}
		for i := range 3 {
			if got, want := r.Output("dx")[4*i], 2*value/3; math.Abs(float64(got-want)) > 1e-6 {
				t.Errorf("all %g: gradient %d is %g, want %g", value, i, got, want)
			}
		}
	}
}
