package net

import "math"

// Schedule is a number that changes over training: a learning rate, an EMA momentum, a temperature.
type Schedule interface {
	// At returns the value that step uses in a run of total steps, step = 0 … total−1.
	// Steps outside of 0 … total are clamped, and step = total gives the value that the schedule leads to.
	At(step, total int) float64
}

// Constant is the same number at every step.
type Constant float64

// At returns the constant.
func (c Constant) At(step, total int) float64 { return float64(c) }

// Late is 0 for a share of the steps, rounded to the nearest step, and 1 from then on: what opens a gate.
type Late float64

// At returns 0 or 1.
func (l Late) At(step, total int) float64 {
	if float64(step) < math.Round(float64(l)*float64(total)) {
		return 0
	}
	return 1
}

// Cosine goes from From to To along half a cosine:
//
//	At(s, n) = To + (From − To)·(1 + cos(π·s/n))/2
//
// so At(0) = From, and To is reached after the last step, at s = n. This is BYOL's schedule of the target's momentum (Grill et al.
// 2020, arXiv:2006.07733, section 3.2: τ = 1 − (1 − τ₀)·(cos(πk/K) + 1)/2), PyTorch's CosineAnnealingLR with T_max = n, and DINO's
// cosine_scheduler. lightly's cosine_schedule divides by n − 1 instead: its last step already has To, which at a rate of 0 does
// nothing.
type Cosine struct{ From, To float64 }

// At returns the value at a step.
func (c Cosine) At(step, total int) float64 {
	if step >= total {
		return c.To
	}
	return c.To + (c.From-c.To)*(1+math.Cos(math.Pi*float64(max(step, 0))/float64(total)))/2
}

// WarmupCosine rises linearly to Peak over w steps and then follows half a cosine to Final:
//
//	At(s, n) = Peak·(s+1)/w                                        for s < w
//	At(s, n) = Final + (Peak − Final)·(1 + cos(π·(s−w)/(n−w)))/2   for s ≥ w
//
// The s + 1 is lightly's convention (CosineWarmupScheduler): the first step is not wasted on a rate of 0, and both step w − 1 and step
// w have Peak. Final is reached after the last step, at s = n (see Cosine for the one step by which lightly differs).
type WarmupCosine struct {
	Peak, Final    float64
	WarmupSteps    int     // w, in steps; 0: taken from WarmupFraction
	WarmupFraction float64 // w as a fraction of all steps, rounded to the nearest step; read when WarmupSteps is 0
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
