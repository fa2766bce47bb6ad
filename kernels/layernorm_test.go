package kernels_test

import (
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
)

// The expected numbers were computed in float64 with PyTorch 2.14, torch.nn.functional.layer_norm. Two rows have squares near eps.
func TestLayerNormKnownValues(t *testing.T) {
	for _, c := range []struct {
		eps float64
		x   []float32
		y   []float64
		dx  []float64 // for dy = [1 0 0]; nil: not checked
	}{
		{1e-6, []float32{1, 2, 4}, []float64{-1.069045, -0.267261, 1.336306}, []float64{0.229081, -0.343621, 0.114540}},
		{1e-6, []float32{0.001, 0.002, 0.004}, []float64{-0.834058, -0.208514, 1.042572}, nil},
		{1e-5, []float32{0.001, 0.002, 0.004}, []float64{-0.392232, -0.098058, 0.490290}, nil},
	} {
		prog, _ := build(t, func(g *kernels.Graph) {
			st, x := g.Store(), g.Input("x", kernels.F32, 1, 3).Track()
			y := kernels.LayerNorm(x, st.Param("gamma", ones(3), 3), st.Param("beta", func() []float32 { return make([]float32, 3) }, 3), c.eps)
			g.Output("y", y)
			g.BackwardFrom(y, g.Input("dy", kernels.F32, 1, 3))
			g.Output("dx", x.Grad())
		})
		r := begin(t, prog.Segment("main"))
		copy(r.Floats("x"), c.x)
		copy(r.Floats("dy"), []float32{1, 0, 0})
		wait(t, submit(t, r))
		if d := maxDifference(r.Output("y")[:3], c.y); d > 2e-6 {
			t.Errorf("eps %g of %v: %v, want %v", c.eps, c.x, r.Output("y")[:3], c.y)
		}
		if d := maxDifference(r.Output("dx")[:3], c.dx); d > 2e-6 {
			t.Errorf("gradient for eps %g of %v: %v, want %v", c.eps, c.x, r.Output("dx")[:3], c.dx)
		}
	}
}

func TestLayerNormRejectsVectorsOfAnotherWidth(t *testing.T) {
	_, err := kernels.TraceOps(kernels.NewStore(device), func(g *kernels.Graph) {
		kernels.LayerNorm(g.Input("x", kernels.F32, 2, 3), g.Store().Param("gamma", ones(4), 4), g.Store().Param("beta", ones(4), 4), 1e-6)
	})
	if err == nil || !strings.Contains(err.Error(), "LayerNorm gamma: x#1 [2 3] with γ [4] and β [4]: want vectors of 3") {
		t.Errorf("error %v", err)
	}
}
