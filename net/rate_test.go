package net

import (
	"math"
	"strings"
	"testing"
)

func TestRatesMatchTheirClosedForms(t *testing.T) {
	rate := func(name string, warmup float64) Schedule {
		s, err := NewRate(name, 2, warmup)
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
		{"step, warm-up beyond 60 %", rate("step", 0.9), 35, 40, 2}, {"step, behind it", rate("step", 0.9), 36, 40, 0.02},
		{"cosine", rate("cosine", 0.1), 22, 40, 1}, {"all of it warm-up", rate("constant", 1), 9, 40, 0.5},
		{"ramp, first", Ramp{0.04, 0.07, 0.3}, 0, 100, 0.04}, {"ramp, middle", Ramp{0.04, 0.07, 0.3}, 15, 100, 0.055},
		{"ramp, end", Ramp{0.04, 0.07, 0.3}, 30, 100, 0.07}, {"ramp, last", Ramp{0.04, 0.07, 0.3}, 99, 100, 0.07}, {"no ramp", Ramp{0.04, 0.07, 0}, 0, 100, 0.07},
	} {
		if got := c.s.At(c.step, c.total); !(math.Abs(got-c.want) < close64) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if _, err := NewRate("linear", 1, 0); err == nil || !strings.Contains(err.Error(), "known are cosine, step, constant") {
		t.Errorf("got %v", err)
	}
}
