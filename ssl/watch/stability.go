package watch

import (
	"fmt"

	"marr/ssl/eval"
)

// NeighborStability is a label-free measure of what is still changing: of two looks at the same images, the mean share of an image's k
// nearest others (cosine) that are among its k nearest others in both,
//
//	1/N Σ_i |near_k(before, i) ∩ near_k(after, i)| / k
//
// 1 for equal features, and for those that differ by a rotation or by lengths; k/(N−1) for features without relation. It rises as a run
// settles. Alone it says nothing of quality: a collapsed network is stable too, so read it beside Rank.
//
// The overlap of neighborhoods is that of Huh et al. 2024 (arXiv:2405.07987, appendix A, "mutual nearest-neighbor metric"), there between
// two networks. Errors: sets of different size, a k that is not in 1 … N−1, features that are not finite.
func NeighborStability(before, after *eval.Features, k int) (float64, error) {
	old, err := eval.Nearest(before, k)
	if err != nil {
		return 0, fmt.Errorf("watch: before: %w", err)
	}
	now, err := eval.Nearest(after, k)
	if err != nil {
		return 0, fmt.Errorf("watch: after: %w", err)
	}
	return NeighborOverlap(old, now)
}

// NeighborOverlap is NeighborStability of two lists that eval.Nearest made, for who keeps those in place of features.
func NeighborOverlap(before, after [][]int32) (float64, error) {
	if len(before) != len(after) {
		return 0, fmt.Errorf("watch: neighbor stability: %d images before, %d after: the same images are needed", len(before), len(after))
	}
	kept, all := 0, 0
	was := make([]int, len(before)) // 1 + the last image that had it as a neighbor
	for i := range before {
		for _, j := range before[i] {
			was[j] = i + 1
		}
		for _, j := range after[i] {
			if was[j] == i+1 {
				kept++
			}
		}
		all += len(after[i])
	}
	return float64(kept) / float64(all), nil
}
