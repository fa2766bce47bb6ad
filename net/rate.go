package net

import (
	"fmt"
	"math"
	"strings"
)

// Warmup rises linearly to Peak over a share of the steps, as WarmupCosine, and then has Then, which counts the steps from the run's first:
//
//	At(s, n) = Peak·(s+1)/w for s < w = round(Share·n), else Then.At(s, n)
type Warmup struct {
	Peak, Share float64
	Then        Schedule
}

// At returns the value at a step.
func (u Warmup) At(step, total int) float64 {
	if w := min(int(math.Round(u.Share*float64(total))), total); max(step, 0) < w {
		return u.Peak * float64(max(step, 0)+1) / float64(w)
	}
	return u.Then.At(step, total)
}

// Steps is From, a tenth of it from 60 % of the steps on and a hundredth from 80 % on: MoCo's 120 and 160 of 200 epochs (He et al. 2020,
// arXiv:1911.05722, section 4; facebookresearch/moco, main_moco.py, --schedule).
type Steps float64

// At returns the value at a step.
func (f Steps) At(step, total int) float64 {
	switch at := float64(step); {
	case at < math.Round(0.6*float64(total)):
		return float64(f)
	case at < math.Round(0.8*float64(total)):
		return float64(f) / 10
	}
	return float64(f) / 100
}

// Ramp goes from From to To along a line over a share of the steps, and stays:
//
//	At(s, n) = From + (To − From)·min(1, s/(Share·n))
//
// DINO's temperature of the teacher rises so, epoch by epoch (facebookresearch/dino, main_dino.py, DINOLoss).
type Ramp struct{ From, To, Share float64 }

// At returns the value at a step.
func (l Ramp) At(step, total int) float64 {
	long := l.Share * float64(total)
	if float64(step) >= long {
		return l.To
	}
	return l.From + (l.To-l.From)*float64(max(step, 0))/long
}

// Rates lists the names that NewRate knows.
var Rates = []string{"cosine", "step", "constant"}

// NewRate returns a schedule of the learning rate by name: what follows the warm-up, which rises to peak over a share of the steps.
func NewRate(name string, peak, warmup float64) (Schedule, error) {
	switch name {
	case "cosine":
		return WarmupCosine{Peak: peak, WarmupFraction: warmup}, nil
	case "step":
		return Warmup{peak, warmup, Steps(peak)}, nil
	case "constant":
		return Warmup{peak, warmup, Constant(peak)}, nil
	}
	return nil, fmt.Errorf("net: no schedule %q: known are %s", name, strings.Join(Rates, ", "))
}
