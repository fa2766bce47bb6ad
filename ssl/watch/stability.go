package watch

import (
	"fmt"

	"marr/ssl/eval"
)

// NeighbourStability is a label-free measure of what is still changing: of two looks at the same images, the mean share of an image's k
// nearest others (cosine) that are among its k nearest others in both,
//
//	1/N Σ_i |near_k(before, i) ∩ near_k(after, i)| / k
//
// 1 for equal features, and for those that differ by a rotation or by lengths; k/(N−1) for features without relation. It rises as a run
// settles. Alone it says nothing of quality: a collapsed network is stable too, so read it beside Rank.
//
// The overlap of neighbourhoods is that of Huh et al. 2024 (arXiv:2405.07987, appendix A, "mutual nearest-neighbor metric"), there between
// two networks. Errors: sets of different size, a k that is not in 1 … N−1, features that are not finite.
func NeighbourStability(before, after *eval.Features, k int) (float64, error) {
	if before.N != after.N {
		return 0, fmt.Errorf("watch: neighbour stability: %d images before, %d after: the same images are needed", before.N, after.N)
	}
	old, err := eval.Nearest(before, k)
	if err != nil {
		return 0, fmt.Errorf("watch: before: %w", err)
	}
	now, err := eval.Nearest(after, k)
	if err != nil {
		return 0, fmt.Errorf("watch: after: %w", err)
	}
	kept := 0
	was := make([]int, before.N) // 1 + the last image that had it as a neighbour
	for i := range old {
		for _, j := range old[i] {
			was[j] = i + 1
		}
		for _, j := range now[i] {
			if was[j] == i+1 {
				kept++
			}
		}
	}
	return float64(kept) / float64(k*before.N), nil
}
