package watch

import (
	"fmt"
	"math"
)

// rule detects one kind of failure. distance is a metric divided by its limit: a sample fails below 1. NaN, of an undefined metric, passes.
type rule struct {
	kind     Kind
	distance func(r Metrics, s Sample, x state) float64
	why      func(r Metrics, s Sample, x state) string
	remedy   string
}

// The limits. "Measured" refers to testdata/runs.json: a small network trained for 320 steps, with and without what each method needs.
const (
	// The mean of the teacher's probabilities has less than 15 % of the maximum entropy: fewer than 2.3 of 256 prototypes are in use.
	// Measured: 9 % without centering, 40 % and falling slowly with it (data of ten classes). The limit is not 0, because two prototypes
	// may share all images.
	dominated = 0.15

	// The entropy of each image's probabilities is above 98 % of the maximum. For logits with standard deviation σ it is log K − σ²/2, so
	// σ < 0.47 at K = 256: the most likely prototypes hardly differ from the others, and the student learns almost nothing. Measured: 99.1
	// to 99.5 % without sharpening, at most 95 % with it.
	uniform = 0.02

	// Std is below a tenth of 1/√D, so that the mean cosine is above 0.99 (Std·√D ≈ √(1 − cosine)). Chen and He 2021 (arXiv:2011.10566,
	// fig. 2) find 1/√D with stop-gradient and 0 without. Measured: 0.2 in an untrained DINO, 0.4 untrained and 0.6 trained by rotation,
	// 0.7 to 1 in others; 0.01, falling to 0.001, without predictor and batch norm.
	constant = 0.1

	// The rank is below 15 % of min(N, D) and below 13 % of its peak. One condition is not enough: data may have few dimensions, the rank of
	// an untrained network may start low and rise, and healthy runs lose rank at first. Measured, lowest rank over peak: 0.35 to 0.42 in
	// healthy runs, 0.09 to 0.13 without predictor or stop-gradient, where batch norm keeps Std up. SimSiam in a ResNet-10 at a high
	// learning rate lies between (marr bench methods, seeds 0 to 7): 0.20 in the two runs that learned most, 0.14 to 0.19 in others, 0.12
	// in one that ended below the untrained network. 15 % is low for RankMe, which does not square singular values: with 90 % of the energy
	// in one of 64 directions and noise in the rest, it is 35. The peak is capped at 85, that of embeddings of width 128: at width 256 the
	// rank begins at 147 and falls to the same values, 14 to 22 in three runs that learned well (the recipe of SimSiam for the embedded
	// images).
	lowRank, fallen, wide = 0.15, 0.13, 85

	// 99 % of the way from guessing to perfect accuracy, in the first fifth of the run. Contrastive accuracy usually ends at 70 to 80 %
	// (google-research/simclr, issues 9 and 136); rotation and permutation tasks may reach 99 %, but late.
	easy, early = 0.99, 0.2

	// A contrastive loss, smoothed, is above 95 % of that of guessing and has fallen by less than 1 % of it since the warm-up of the rate. It is checked
	// from 60 % of the run on, or from 20 % if these are 500 steps. Measured at 60 % of runs of 40 to 94 steps (SimCLR, ResNet-10 of width 8): healthy
	// ones are at 84 to 97 % and have fallen by 3 to 12 %; equal or black images and a rate of 1e6 stay between 97 and 105 %.
	still, fall              = 0.95, 0.01
	late, lateIfLong, isLong = 0.6, 0.2, 500
	settled                  = 0.1 // fraction of the run after which the fall is measured
)

// Limits are values of metrics beyond which a sample counts as failed. Without a teacher, those of its entropies are NaN.
type Limits struct {
	Std, Rank, MarginalEntropy float64 // at least
	Entropy                    float64 // at most
}

// Limits returns the limits for the last sample that Check measured, with its metrics. That of Rank depends on earlier samples.
func (w *Watch) Limits(r Metrics) Limits { return r.limits(w.state.Peak) }

// limits returns the limits of a sample. peak is the highest rank up to it.
func (r Metrics) limits(peak float64) Limits {
	return Limits{
		Std: constant * r.UniformStd,
		// The minimum rank is 1, so a share of the excess over 1 is the limit; otherwise no rank would be low at widths below 10.
		Rank:            1 + min(lowRank*(r.MaxRank-1), fallen*(min(peak, wide)-1)),
		MarginalEntropy: dominated * r.MaxEntropy,
		Entropy:         (1 - uniform) * r.MaxEntropy,
	}
}

var rules = []rule{
	{Dominated, func(r Metrics, s Sample, _ state) float64 {
		return r.MarginalEntropy / r.limits(0).MarginalEntropy
	}, func(r Metrics, s Sample, _ state) string {
		return fmt.Sprintf("the mean of the teacher's probabilities has an entropy of %.2g of at most %.3g nats: one of %d prototypes takes all images",
			r.MarginalEntropy, r.MaxEntropy, s.K)
	}, "check that the center is subtracted and updated, raise the teacher's temperature or the batch, lower the learning rate"},

	{Uniform, func(r Metrics, s Sample, _ state) float64 {
		return (r.MaxEntropy - r.Entropy) / (r.MaxEntropy - r.limits(0).Entropy)
	}, func(r Metrics, s Sample, _ state) string {
		return fmt.Sprintf("the teacher's entropy is %.4g of at most %.4g nats: its output does not depend on the image", r.Entropy, r.MaxEntropy)
	}, "lower the teacher's temperature (0.02 for small data), warm it up for longer, " +
		"use fewer prototypes or a lower teacher momentum"},

	{Constant, func(r Metrics, s Sample, _ state) float64 {
		return r.Std / r.limits(0).Std
	}, func(r Metrics, s Sample, _ state) string {
		return fmt.Sprintf("the std of normalized embeddings is %.2g, uniform ones have %.2g: all images have the same embedding (cosine %.4f)",
			r.Std, r.UniformStd, r.Cosine)
	}, "keep batch norm in the heads, with groups of 32 images or more, keep predictor and stop-gradient, " +
		"raise the momentum or the batch, lower the learning rate"},

	{LowRank, func(r Metrics, s Sample, x state) float64 {
		return (r.Rank - 1) / (r.limits(max(x.Peak, r.Rank)).Rank - 1)
	}, func(r Metrics, s Sample, x state) string {
		return fmt.Sprintf("embeddings fill %.1f of %.0f dimensions, at most %.1f before", r.Rank, r.MaxRank, x.Peak)
	}, "lower the learning rate or the temperature, raise the momentum or the batch, keep predictor and batch norm"},

	{TooEasy, func(r Metrics, s Sample, _ state) float64 {
		if (1-r.Accuracy)/(1-s.Chance) < 1-easy && float64(s.Step) < early*float64(s.Steps) {
			return 0
		}
		return math.Inf(1)
	}, func(r Metrics, s Sample, _ state) string {
		return fmt.Sprintf("accuracy %.1f %% after %.0f %% of the run: the task has a shortcut, or the augmentations are too weak",
			100*r.Accuracy, 100*float64(s.Step)/float64(s.Steps))
	}, "inspect the views: crop and jitter more, remove shortcuts (tile gap, color, borders), " +
		"raise the batch of a contrastive method or lower its temperature"},

	{Still, func(_ Metrics, s Sample, x state) float64 {
		if x.stands(s) {
			return 0
		}
		return math.Inf(1)
	}, func(_ Metrics, s Sample, x state) string {
		guess := math.Log(float64(s.Candidates))
		return fmt.Sprintf("the loss stays at %.3f, and random guessing among %d embeddings has ln %[2]d = %.3f", x.Loss*guess, s.Candidates, guess)
	}, "lower the learning rate, train for longer, and look at the views: two of one image must have something in common that others lack"},
}
