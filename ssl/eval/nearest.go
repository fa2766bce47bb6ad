package eval

import (
	"context"
	"fmt"
)

// Nearest returns, for each image, the indices of the k other images with the largest cosine, most similar first; among equal ones the earlier comes
// first. Labels are not used. Errors: a k that is not in 1 … N−1, features that are not finite; ctx.Err() once ctx is done.
func Nearest(ctx context.Context, f *Features, k int) ([][]int32, error) {
	if k < 1 || k >= f.N {
		return nil, fmt.Errorf("eval: nearest: k = %d: set %s has %d images: expected 1 to %d", k, f.Name, f.N, f.N-1)
	}
	if f.D < 1 || len(f.X) != f.N*f.D {
		return nil, fmt.Errorf("eval: nearest: set %s: %d images of width %d with %d numbers: expected N·D", f.Name, f.N, f.D, len(f.X))
	}
	if err := f.finite("set " + f.Name); err != nil {
		return nil, err
	}
	m := normalized(f, 1)
	found, err := nearestRows(ctx, m, m, k+1)
	if err != nil {
		return nil, fmt.Errorf("eval: nearest: %w", err)
	}
	out := make([][]int32, f.N)
	for i, neighbors := range found {
		for _, j := range neighbors.index {
			if int(j) != i && len(out[i]) < k { // an image with more than k copies need not be in its own list
				out[i] = append(out[i], j)
			}
		}
	}
	return out, nil
}
