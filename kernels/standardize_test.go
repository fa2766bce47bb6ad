package kernels_test

import (
	"slices"
	"testing"

	"github.com/marr-ssl/marr/kernels"
)

// An image of equal pixels becomes 0, not rounding divided by rounding.
func TestStandardizedUniformImagesAreZero(t *testing.T) {
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
