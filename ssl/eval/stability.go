package eval

import (
	"context"
	"fmt"
)

// NeighborStability returns the mean fraction of an image's k nearest neighbors (cosine) that are the same in two sets of features of the
// same images, a label-free measure of how much a representation still changes:
//
//	1/N Σ_i |near_k(before, i) ∩ near_k(after, i)| / k
//
// It is 1 for features that are equal up to a rotation and up to lengths, and k/(N−1) for unrelated features. It rises as a run converges.
// It does not measure quality: a collapsed network is stable too, so read it together with the effective rank, watch.Metrics.Rank.
//
// The metric is the mutual nearest-neighbor metric of Huh et al. 2024 (arXiv:2405.07987, appendix A), which compares two networks. Errors:
// sets of different size, k outside 1 … N−1, features that are not finite; ctx.Err() once ctx is done.
func NeighborStability(ctx context.Context, before, after *Features, k int) (float64, error) {
	old, err := Nearest(ctx, before, k)
	if err != nil {
		return 0, fmt.Errorf("eval: before: %w", err)
	}
	now, err := Nearest(ctx, after, k)
	if err != nil {
		return 0, fmt.Errorf("eval: after: %w", err)
	}
	return NeighborOverlap(old, now)
}

// NeighborOverlap returns NeighborStability for two results of Nearest.
func NeighborOverlap(before, after [][]int32) (float64, error) {
	if len(before) != len(after) {
		return 0, fmt.Errorf("eval: neighbor stability: %d images before, %d after: the same images are needed", len(before), len(after))
	}
	kept, total := 0, 0
	neighborOf := make([]int, len(before)) // 1 + the last image that had this neighbor before
	for i := range before {
		for _, j := range before[i] {
			neighborOf[j] = i + 1
		}
		for _, j := range after[i] {
			if neighborOf[j] == i+1 {
				kept++
			}
		}
		total += len(after[i])
	}
	return float64(kept) / float64(total), nil
}
