package net

import (
	"fmt"
	"math"
	"sort"
	"strings"

	"github.com/marr-ssl/marr/kernels/exact"
)

// Schedule is a number that changes over training: a learning rate, an EMA momentum, a temperature.
type Schedule interface {
	// At returns the value that a step uses in a run of total steps, step = 0 … total−1.
	// Steps outside of 0 … total are clamped; step = total gives the final value.
	At(step, total int) float64
}

// Constant is the same number at every step.
type Constant float64

// At returns the constant.
func (c Constant) At(step, total int) float64 { return float64(c) }

// FreezeUntil is 0 for a fraction of the steps, rounded to the nearest step, and 1 afterwards: the gate of parameters that are frozen at the start.
type FreezeUntil float64

// At returns 0 or 1.
func (f FreezeUntil) At(step, total int) float64 {
	if float64(step) < math.Round(float64(f)*float64(total)) {
		return 0
	}
	return 1
}

// Cosine changes from From to To along half a cosine:
//
//	At(s, n) = To + (From − To)·(1 + cos(π·s/n))/2
//
// so At(0) = From, and To is reached after the last step, at s = n. This is BYOL's schedule of the target's momentum (Grill et al.
// 2020, arXiv:2006.07733, section 3.2: τ = 1 − (1 − τ₀)·(cos(πk/K) + 1)/2), PyTorch's CosineAnnealingLR with T_max = n, and DINO's
// cosine_scheduler. lightly's cosine_schedule divides by n − 1 instead: its last step uses To, and with a learning rate of 0 has no effect.
type Cosine struct{ From, To float64 }

// At returns the value at a step.
func (c Cosine) At(step, total int) float64 {
	if step >= total {
		return c.To
	}
	return c.To + float64((c.From-c.To)*(1+exact.Cos(math.Pi*float64(max(step, 0))/float64(total)))/2)
}

// LinearRamp changes linearly from From to To over a fraction of the steps, and stays at To:
//
//	At(s, n) = From + (To − From)·min(1, s/(Fraction·n))
//
// DINO's teacher temperature rises like this, epoch by epoch (facebookresearch/dino, main_dino.py, DINOLoss).
type LinearRamp struct{ From, To, Fraction float64 }

// At returns the value at a step.
func (l LinearRamp) At(step, total int) float64 {
	length := l.Fraction * float64(total)
	if float64(step) >= length {
		return l.To
	}
	return l.From + (l.To-l.From)*float64(max(step, 0))/length
}

// MultiStep is the given rate, a tenth of it from 60 % of the steps on and a hundredth from 80 % on: MoCo's epochs 120 and 160 of 200 (He et al. 2020,
// arXiv:1911.05722, section 4; facebookresearch/moco, main_moco.py, --schedule).
type MultiStep float64

// At returns the value at a step.
func (f MultiStep) At(step, total int) float64 {
	switch at := float64(step); {
	case at < math.Round(0.6*float64(total)):
		return float64(f)
	case at < math.Round(0.8*float64(total)):
		return float64(f) / 10
	}
	return float64(f) / 100
}

// WarmupCosine rises linearly to Peak over w steps and then follows half a cosine to Final:
//
//	At(s, n) = Peak·(s+1)/w                                        for s < w
//	At(s, n) = Final + (Peak − Final)·(1 + cos(π·(s−w)/(n−w)))/2   for s ≥ w
//
// The s + 1 is lightly's convention (CosineWarmupScheduler): the first step does not have a rate of 0, and steps w − 1 and w
// both have Peak. Final is reached after the last step, at s = n (see Cosine for the one step by which lightly differs).
type WarmupCosine struct {
	Peak, Final    float64
	WarmupSteps    int     // w, in steps; 0: WarmupFraction decides
	WarmupFraction float64 // w as a fraction of all steps, rounded to the nearest step; used when WarmupSteps is 0
}

// At returns the value at a step.
func (c WarmupCosine) At(step, total int) float64 {
	w := c.WarmupSteps
	if w == 0 {
		w = int(math.Round(c.WarmupFraction * float64(total)))
	}
	w = min(max(w, 0), total)
	if step = max(step, 0); step < w {
		return c.Peak * float64(step+1) / float64(w)
	}
	return Cosine{c.Peak, c.Final}.At(step-w, total-w)
}

// Warmup rises linearly to Peak over a fraction of the steps, like WarmupCosine, and then follows Then, which counts steps from the start of the run:
//
//	At(s, n) = Peak·(s+1)/w for s < w = round(Fraction·n), else Then.At(s, n)
type Warmup struct {
	Peak, Fraction float64
	Then           Schedule
}

// At returns the value at a step.
func (u Warmup) At(step, total int) float64 {
	if w := min(int(math.Round(u.Fraction*float64(total))), total); max(step, 0) < w {
		return u.Peak * float64(max(step, 0)+1) / float64(w)
	}
	return u.Then.At(step, total)
}

// Schedules lists the names that NewSchedule accepts.
var Schedules = []string{"cosine", "step", "constant"}

// NewSchedule returns a schedule of the learning rate: a warm-up to peak over a fraction of the steps, then the named schedule. cosine ends at final; the
// others do not use it.
func NewSchedule(name string, peak, final, warmup float64) (Schedule, error) {
	switch name {
	case "cosine":
		return WarmupCosine{Peak: peak, Final: final, WarmupFraction: warmup}, nil
	case "step":
		return Warmup{peak, warmup, MultiStep(peak)}, nil
	case "constant":
		return Warmup{peak, warmup, Constant(peak)}, nil
	}
	return nil, fmt.Errorf("net: no schedule %q: known are %s", name, strings.Join(Schedules, ", "))
}

// FrozenSteps returns the number of steps, of the first n, in which a gate was 0. A gate that was not 0 stays so.
func FrozenSteps(gate Schedule, n, total int) int {
	return sort.Search(n, func(step int) bool { return gate.At(step, total) != 0 })
}
