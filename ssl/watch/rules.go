package watch

import (
	"fmt"
	"math"
)

// rule is one kind of failure. distance is a measure of it divided by its limit: below 1 the look is bad. NaN, of what cannot be told, never is.
type rule struct {
	kind     Kind
	distance func(r Metrics, s Sample, peak float64) float64
	why      func(r Metrics, s Sample, peak float64) string
	remedy   string
}

// The limits. "Measured" is testdata/runs.json: a small network for 320 steps, with and without what each method needs.
const (
	// The mean of the teacher's probabilities has less than 15 % of the entropy of even use: of 256 prototypes fewer than 2.3 are in use.
	// Measured: 9 % without center, 40 % and falling slowly with it (data of ten classes). Not 0, for two prototypes may win together.
	dominated = 0.15

	// Each image's probabilities have more than 98 % of the largest entropy. For logits of deviation σ the entropy is log K − σ²/2, so at
	// K = 256 σ < 0.47: the likeliest prototypes differ from the others by a half, and the student is taught next to nothing. Measured:
	// 99.1 to 99.5 % without sharpening, at most 95 % with it.
	uniform = 0.02

	// Std is below a tenth of 1/√D, so that the mean cosine is above 0.99 (Std·√D ≈ √(1 − cosine)). Chen and He 2021 (arXiv:2011.10566,
	// fig. 2) find 1/√D with stop-gradient and 0 without. Measured: 0.2 in an untrained DINO, 0.4 untrained and 0.6 trained by rotation,
	// 0.7 to 1 in others; 0.01 falling to 0.001 without predictor and batch norm.
	constant = 0.1

	// Rank lies below 15 % of min(N, D) and below 13 % of its highest. Neither is enough: data may have few dimensions, an untrained
	// network may start low and rise, and sound runs lose rank at first. Measured, lowest share of the highest: 0.35 to 0.42 if sound, 0.09
	// to 0.13 without predictor or stop-gradient, where batch norm keeps Std up. Between them lies SimSiam in a ResNet-10 at a high rate
	// (marr bench methods, seeds 0 to 7): 0.20 in the two runs that learned most, 0.14 to 0.19 in others, 0.12 in one that fell behind the
	// untrained network. 15 % is low for RankMe, in which singular values are not squared: with 90 % of the energy in one of 64 directions,
	// the rest noise, it is 35. The highest counts up to 85, that of embeddings of 128: those of 256 begin at 147 and fall to the same numbers,
	// 14 to 22 in three runs that learned well (the recipe of SimSiam for the embedded images).
	lowRank, fallen, wide = 0.15, 0.13, 85

	// 99 % of the way from guessing to always right, in the first fifth of the run. Contrastive accuracy is expected at 70 to 80 % in the
	// end (google-research/simclr, issues 9 and 136); rotations and permutations may come to 99 %, but late.
	easy, early = 0.99, 0.2
)

var rules = []rule{
	{Dominated, func(r Metrics, s Sample, _ float64) float64 {
		return r.MarginalEntropy / (dominated * r.MaxEntropy)
	}, func(r Metrics, s Sample, _ float64) string {
		return fmt.Sprintf("the mean of the teacher's probabilities has %.2g nats of %.3g, one of %d prototypes takes all images", r.MarginalEntropy, r.MaxEntropy, s.K)
	}, "check that the center is subtracted and moves, raise the teacher's temperature or the batch, lower the learning rate"},

	{Uniform, func(r Metrics, s Sample, _ float64) float64 {
		return (r.MaxEntropy - r.Entropy) / (uniform * r.MaxEntropy)
	}, func(r Metrics, s Sample, _ float64) string {
		return fmt.Sprintf("the teacher's entropy is %.4g of at most %.4g nats, its output says nothing of the image", r.Entropy, r.MaxEntropy)
	}, "lower the teacher's temperature (0.02 for small data), warm it up for longer, use fewer prototypes or a lower momentum of the teacher"},

	{Constant, func(r Metrics, s Sample, _ float64) float64 {
		return r.Std / (constant * r.UniformStd)
	}, func(r Metrics, s Sample, _ float64) string {
		return fmt.Sprintf("the std of normalized embeddings is %.2g, evenly spread ones have %.2g; all images look alike (cosine %.4f)", r.Std, r.UniformStd, r.Cosine)
	}, "keep batch norm in the heads and its groups at 32 images or more, keep predictor and stop-gradient, raise the momentum or the batch, lower the learning rate"},

	{LowRank, func(r Metrics, s Sample, peak float64) float64 {
		// One direction is the least there is, so the excess over one is compared; otherwise no width below 10 could ever be low.
		return (r.Rank - 1) / min(lowRank*(r.MaxRank-1), fallen*(min(max(peak, r.Rank), wide)-1))
	}, func(r Metrics, s Sample, peak float64) string {
		return fmt.Sprintf("embeddings fill %.1f of %.0f dimensions, they filled %.1f before", r.Rank, r.MaxRank, peak)
	}, "lower the learning rate or the temperature, raise the momentum or the batch, keep predictor and batch norm"},

	{TooEasy, func(r Metrics, s Sample, _ float64) float64 {
		if (1-r.Accuracy)/(1-s.Chance) < 1-easy && float64(s.Step) < early*float64(s.Steps) {
			return 0
		}
		return math.Inf(1)
	}, func(r Metrics, s Sample, _ float64) string {
		return fmt.Sprintf("%.1f %% right after %.0f %% of the run; it is not learning, or the augmentations are too simple", 100*r.Accuracy, 100*float64(s.Step)/float64(s.Steps))
	}, "look at the views: crop and jitter harder, close shortcuts (tile gap, color, borders), raise the batch of a contrastive method or lower its temperature"},
}
