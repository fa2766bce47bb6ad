package eval

import "fmt"

// Nearest returns, for each image, the indices of the k others with the largest cosine, the most similar first; of equal ones the earlier.
// Labels are not read. Errors: a k that is not in 1 … N−1, features that are not finite.
func Nearest(f *Features, k int) ([][]int32, error) {
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
	out := make([][]int32, f.N)
	for i, near := range search(m, m, k+1) {
		for _, j := range near.index {
			if int(j) != i && len(out[i]) < k { // among more than k images equal to it, an image may not find itself
				out[i] = append(out[i], j)
			}
		}
	}
	return out, nil
}
