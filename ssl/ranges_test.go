package ssl

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"marr/kernels"
)

func TestBoundsAreWhatTheySay(t *testing.T) {
	for _, x := range []struct {
		bounds  string
		in, out []float64
	}{
		{"", []float64{-1e9, 0, math.Inf(1)}, []float64{math.NaN()}},
		{"above 0", []float64{1e-9, 5}, []float64{0, -1, math.NaN()}},
		{"above 0.5, at most 1", []float64{0.51, 1}, []float64{0.5, 1.001}},
		{"at least 0, below 1", []float64{0, 0.999}, []float64{-1e-9, 1}},
	} {
		for _, v := range x.in {
			if !within(v, x.bounds) {
				t.Errorf("%g is not %q", v, x.bounds)
			}
		}
		for _, v := range x.out {
			if within(v, x.bounds) {
				t.Errorf("%g is %q", v, x.bounds)
			}
		}
	}
}

// Every method's temperatures are above 0 and its momenta within (0.5, 1], as flags and for who makes the method by hand; the centre, which is no
// encoder, may stand still or be the last batch's; BYOL's own may be 0, which is none. The defaults are within bounds, and widths are not negative.
func TestTemperaturesAndMomentaHaveBoundsInEveryMethod(t *testing.T) {
	for _, name := range Methods() {
		m, err := New(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range Options(m) {
			var wrong []string
			switch {
			case strings.HasSuffix(o.Name, "temperature") || strings.HasSuffix(o.Name, "temperature-start"):
				wrong = []string{"0", "-0.1", "NaN"}
			case o.Name == "momentum":
				wrong = []string{"0.5", "1.01", "NaN"}
			}
			if o.field.CanFloat() || o.field.CanInt() {
				if text := fmt.Sprint(o.Get()); o.Set(text) != nil {
					t.Errorf("%s: --%s: its default %s is refused", name, o.Name, text)
				}
			}
			if o.field.CanInt() && o.Set("-1") == nil {
				t.Errorf("%s: --%s -1 is taken", name, o.Name)
			}
			for _, text := range wrong {
				if err := o.Set(text); err == nil || !strings.Contains(err.Error(), "above 0") {
					t.Errorf("%s: --%s %s: %v", name, o.Name, text, err)
				}
				refusedByLoss(t, name, o.Name, text)
			}
		}
	}
}

// refusedByLoss sets a field behind the flags' back.
func refusedByLoss(t *testing.T, method, option, text string) {
	t.Helper()
	m, err := New(method)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range Options(m) {
		switch {
		case o.Name == option:
			o.field.SetFloat(map[string]float64{"NaN": math.NaN(), "0": 0, "-0.1": -0.1, "0.5": 0.5, "1.01": 1.01}[text])
		case o.Name == "teacher-temperature-warmup": // without it there is no start
			o.field.SetFloat(0.5)
		}
	}
	c := smallConfig()
	c.Method, c.Size = method, 32
	st := kernels.NewStore(device)
	if x, err := NewTrainer(st, c, m, noise(16, 32, 1)); err == nil {
		x.Free()
		t.Errorf("%s with %s %s was built", method, option, text)
	}
}
