package registry

import (
	"math"
	"testing"
)

func TestBoundsAreWhatTheySay(t *testing.T) {
	for _, x := range []struct {
		bounds  string
		in, out []float64
	}{
		{"", []float64{-1e9, 0, math.Inf(1)}, []float64{math.NaN()}},
		{"above 0", []float64{1e-9, 5}, []float64{0, -1, math.NaN()}},
		{"above 0.5, at most 1", []float64{0.51, 1}, []float64{0.5, 1.001}},
		{"0 or above 0.5, at most 1", []float64{0, 0.6, 1}, []float64{0.5, -1, 1.1, math.NaN()}},
		{"at least 0, below 1", []float64{0, 0.999}, []float64{-1e-9, 1}},
	} {
		for _, v := range x.in {
			if !Within(v, x.bounds) {
				t.Errorf("%g is not %q", v, x.bounds)
			}
		}
		for _, v := range x.out {
			if Within(v, x.bounds) {
				t.Errorf("%g is %q", v, x.bounds)
			}
		}
	}
}
