package net

import (
	"math"
	"strings"
	"testing"
)

// float64 rounding of a few operations
const close64 = 1e-14

func TestSchedulesMatchTheirClosedForms(t *testing.T) {
	half := math.Sqrt2 / 2 // cos(π/4)
	for _, c := range []struct {
		name        string
		s           Schedule
		step, total int
		want        float64
	}{
		{"constant", Constant(0.99), 5, 10, 0.99},
		{"cosine start", Cosine{0.996, 1}, 0, 8, 0.996},
		{"cosine quarter", Cosine{0.996, 1}, 2, 8, 1 - 0.004*(1+half)/2},
		{"cosine middle", Cosine{0.996, 1}, 4, 8, 0.998},
		{"cosine three quarters", Cosine{0.996, 1}, 6, 8, 1 - 0.004*(1-half)/2},
		{"cosine end", Cosine{0.996, 1}, 8, 8, 1},
		{"cosine before", Cosine{0.996, 1}, -3, 8, 0.996},
		{"cosine after", Cosine{0.996, 1}, 9, 8, 1},
		{"cosine of nothing", Cosine{3, 4}, 0, 0, 4},
		{"one step is taken at the start value", Cosine{3, 4}, 0, 1, 3},
		{"warm-up first", WarmupCosine{Peak: 2, WarmupSteps: 4}, 0, 12, 0.5},
		{"warm-up second", WarmupCosine{Peak: 2, WarmupSteps: 4}, 1, 12, 1},
		{"warm-up last", WarmupCosine{Peak: 2, WarmupSteps: 4}, 3, 12, 2},
		{"peak again", WarmupCosine{Peak: 2, WarmupSteps: 4}, 4, 12, 2},
		{"decay quarter", WarmupCosine{Peak: 2, WarmupSteps: 4}, 6, 12, 1 + half},
		{"decay middle", WarmupCosine{Peak: 2, Final: 1, WarmupSteps: 4}, 8, 12, 1.5},
		{"decay end", WarmupCosine{Peak: 2, Final: 0.25, WarmupSteps: 4}, 12, 12, 0.25},
		{"before", WarmupCosine{Peak: 2, WarmupSteps: 4}, -1, 12, 0.5},
		{"fraction", WarmupCosine{Peak: 1, WarmupFraction: 0.1}, 0, 156, 1. / 16}, // 15.6 steps
		{"fraction is rounded, not cut", WarmupCosine{Peak: 1, WarmupFraction: 0.29}, 0, 100, 1. / 29},
		{"steps before fraction", WarmupCosine{Peak: 1, WarmupSteps: 2, WarmupFraction: 0.5}, 0, 100, 0.5},
		{"no warm-up", WarmupCosine{Peak: 1}, 0, 60, 1},
		{"warm-up longer than the run", WarmupCosine{Peak: 1, WarmupSteps: 50}, 9, 10, 1},
	} {
		if got := c.s.At(c.step, c.total); !(math.Abs(got-c.want) < close64) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestWarmupRisesAndCosineFalls(t *testing.T) {
	s := WarmupCosine{Peak: 2e-3, Final: 1e-5, WarmupFraction: 0.1}
	for step := 1; step <= 200; step++ {
		before, now := s.At(step-1, 200), s.At(step, 200)
		if step < 20 && now <= before || step > 20 && now >= before || step == 20 && now != before {
			t.Fatalf("step %d: %v after %v", step, now, before)
		}
	}
}

func TestLearningRateSchedulesMatchTheirClosedForms(t *testing.T) {
	rate := func(name string, warmup float64) Schedule {
		s, err := NewSchedule(name, 2, 0.5, warmup)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, c := range []struct {
		name        string
		s           Schedule
		step, total int
		want        float64
	}{
		{"constant, warm-up", rate("constant", 0.1), 0, 40, 0.5}, {"constant, warm-up's last", rate("constant", 0.1), 3, 40, 2},
		{"constant, last", rate("constant", 0.1), 39, 40, 2}, {"constant, without warm-up", rate("constant", 0), 0, 40, 2},
		{"step, warm-up", rate("step", 0.1), 1, 40, 1}, {"step, before 60 %", rate("step", 0.1), 23, 40, 2}, {"step, at 60 %", rate("step", 0.1), 24, 40, 0.2},
		{"step, before 80 %", rate("step", 0.1), 31, 40, 0.2}, {"step, at 80 %", rate("step", 0.1), 32, 40, 0.02}, {"step, last", rate("step", 0.1), 39, 40, 0.02},
		{"step, warm-up beyond 60 %", rate("step", 0.9), 35, 40, 2}, {"step, after it", rate("step", 0.9), 36, 40, 0.02},
		{"cosine", rate("cosine", 0.1), 22, 40, 1.25}, {"cosine, after the last", rate("cosine", 0.1), 40, 40, 0.5}, {"all of it warm-up", rate("constant", 1), 9, 40, 0.5},
		{"ramp, first", LinearRamp{0.04, 0.07, 0.3}, 0, 100, 0.04}, {"ramp, middle", LinearRamp{0.04, 0.07, 0.3}, 15, 100, 0.055},
		{"ramp, end", LinearRamp{0.04, 0.07, 0.3}, 30, 100, 0.07}, {"ramp, last", LinearRamp{0.04, 0.07, 0.3}, 99, 100, 0.07}, {"no ramp", LinearRamp{0.04, 0.07, 0}, 0, 100, 0.07},
	} {
		if got := c.s.At(c.step, c.total); !(math.Abs(got-c.want) < close64) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if _, err := NewSchedule("linear", 1, 0, 0); err == nil || !strings.Contains(err.Error(), "known are cosine, step, constant") {
		t.Errorf("got %v", err)
	}
}
