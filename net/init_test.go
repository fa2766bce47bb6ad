package net

import (
	"math"
	"slices"
	"testing"

	"github.com/marr-ssl/marr/kernels/rng"
)

func moments(v []float32) (mean, variance float64) {
	for _, x := range v {
		mean += float64(x) / float64(len(v))
	}
	for _, x := range v {
		variance += (float64(x) - mean) * (float64(x) - mean) / float64(len(v))
	}
	return mean, variance
}

// For n = 100,000 normal values the standard error of the mean is σ/316, that of the variance σ²·√(2/n) = 0.0045 σ². The tolerances are five of them.
func TestKaimingNormalHasTheVarianceOfItsFanOut(t *testing.T) {
	w := make([]float32, 100000)
	KaimingNormalFanOut(w, 64*3*3, rng.New(1, 2))
	mean, variance := moments(w)
	if want := 2. / 576; math.Abs(mean) > 5*math.Sqrt(want)/316 || math.Abs(variance/want-1) > 0.023 {
		t.Fatalf("mean %v, variance %v, want 0 and %v", mean, variance, want)
	}
	again := make([]float32, len(w))
	if KaimingNormalFanOut(again, 64*3*3, rng.New(1, 2)); !slices.Equal(w, again) {
		t.Fatal("the same stream gave other weights")
	}
}

// A uniform distribution on [−b, b) has variance b²/3, with a relative standard error of 0.0028 at n = 100,000.
func TestLinearUniformFillsItsInterval(t *testing.T) {
	w := make([]float32, 100000)
	LinearUniform(w, 256, rng.New(3))
	mean, variance := moments(w)
	const b = 1. / 16
	if math.Abs(mean) > 5*b/math.Sqrt(3)/316 || math.Abs(variance/(b*b/3)-1) > 0.014 {
		t.Fatalf("mean %v, variance %v, want 0 and %v", mean, variance, b*b/3)
	}
	if lo, hi := slices.Min(w), slices.Max(w); lo < -b || hi > b || lo > -0.999*b || hi < 0.999*b {
		t.Fatalf("numbers from %v to %v, want −%v to %v", lo, hi, b, b)
	}
}

func TestInitializersRefuseAFanOfZero(t *testing.T) {
	for name, f := range map[string]func(){
		"KaimingNormalFanOut": func() { KaimingNormalFanOut(nil, 0, rng.New(0)) },
		"LinearUniform":       func() { LinearUniform(nil, 0, rng.New(0)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s accepted a fan of 0", name)
				}
			}()
			f()
		}()
	}
}

// A uniform distribution on [−b, b) has variance b²/3, with b = √(6/(200 + 400)) = 0.1.
func TestXavierUniformFillsItsInterval(t *testing.T) {
	w := make([]float32, 100000)
	XavierUniform(w, 200, 400, rng.New(3))
	mean, variance := moments(w)
	const b = 0.1
	if math.Abs(mean) > 5*b/math.Sqrt(3)/316 || math.Abs(variance/(b*b/3)-1) > 0.014 {
		t.Fatalf("mean %v, variance %v, want 0 and %v", mean, variance, b*b/3)
	}
	if lo, hi := slices.Min(w), slices.Max(w); lo < -b || hi > b || lo > -0.999*b || hi < 0.999*b {
		t.Fatalf("numbers from %v to %v, want −%v to %v", lo, hi, b, b)
	}
}
