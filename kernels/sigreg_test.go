package kernels_test

import (
	"math"
	"testing"

	"github.com/marr-ssl/marr/kernels"
)

// The statistics of small samples, computed in float64 by the authors' formula. A total collapse has no gradient, and signs do not matter.
func TestSIGRegOfSmallSamples(t *testing.T) {
	for _, x := range []struct {
		name string
		u    []float64
		want float64
		du   []float64 // nil: not compared
	}{
		{"a single zero", []float64{0}, 0.402048, []float64{0}},
		{"all zero", []float64{0, 0, 0}, 3 * 0.402048, []float64{0, 0, 0}},
		{"two", []float64{-1, 1}, 0.205659, []float64{-0.706726, 0.706726}},
		{"two equal", []float64{1, 1}, 2.372012, []float64{1.380385, 1.380385}},
		{"two equal, negative", []float64{-1, -1}, 2.372012, []float64{-1.380385, -1.380385}},
		{"four", []float64{-1.5, -0.5, 0.5, 1.5}, 0.228828, []float64{-0.372340, -0.495434, 0.495434, 0.372340}},
		{"four far away", []float64{3, 3, 3, 3}, 14.292640, nil},
	} {
		prog, _ := build(t, func(g *kernels.Graph) {
			u := g.Input("u", kernels.F32, len(x.u), 1).Track()
			loss := kernels.SIGReg(u)
			g.Output("loss", loss)
			g.Backward(loss)
			g.Output("du", u.Grad())
		})
		r := begin(t, prog.Segment("main"))
		clear(r.Floats("u"))
		for i, v := range x.u {
			r.Floats("u")[4*i] = float32(v)
		}
		wait(t, submit(t, r))
		if got := float64(r.Output("loss")[0]); !(math.Abs(got-x.want) <= 2e-6*max(1, x.want)) {
			t.Errorf("%s: %.7g, want %.7g", x.name, got, x.want)
		}
		for i, want := range x.du {
			if got := float64(r.Output("du")[4*i]); !(math.Abs(got-want) <= 2e-6) || want == 0 && got != 0 {
				t.Errorf("%s: gradient %d is %.7g, want %.7g", x.name, i, got, want)
			}
		}
	}
}
