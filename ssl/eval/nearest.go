package eval

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	blas "gonum.org/v1/gonum/blas/gonum"

	"github.com/marr-ssl/marr/ssl/parallel"
)

// Nearest returns, for each image, the indices of the k other images with the largest cosine, most similar first; among equal ones the earlier comes
// first. Labels are not used. Errors: a k that is not in 1 … N−1, features that are not finite; ctx.Err() once ctx is done.
func Nearest(ctx context.Context, f *Features, k int) ([][]int32, error) {
	if k < 1 || k >= f.N {
		return nil, fmt.Errorf("eval: nearest: k = %d: set %s has %d images: expected 1 to %d", k, f.Name, f.N, f.N-1)
	}
	if err := f.checkValues("nearest"); err != nil {
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

// Neighbor is an image of a set and its cosine with another one, rounded to six decimals: that of copies is 1.
type Neighbor struct {
	Image      int
	Similarity float64
}

// NearestTo returns the k images, or all if there are fewer, whose features have the largest cosine with x [D], most similar first; among equal ones the
// earlier comes first. It leaves out the image `except`; −1: none. Labels are not used. Errors: a k below 1, another width, features that are not finite;
// ctx.Err() once ctx is done.
func NearestTo(ctx context.Context, f *Features, x []float32, k, except int) ([]Neighbor, error) {
	if k < 1 {
		return nil, fmt.Errorf("eval: nearest: k = %d: expected at least 1", k)
	}
	query := &Features{Name: "the image", N: 1, D: f.D, X: x}
	for _, f := range []*Features{f, query} {
		if err := f.checkValues("nearest"); err != nil {
			return nil, err
		}
	}
	set, one := normalized(f, 1), normalized(query, 1)
	all := make([]Neighbor, f.N)
	parallel.Each(f.N, func(i int) { all[i] = Neighbor{i, similarity(set.row(i), one.row(0))} })
	if except >= 0 {
		all = slices.Delete(all, except, except+1)
	}
	slices.SortFunc(all, func(a, b Neighbor) int { return cmp.Or(cmp.Compare(b.Similarity, a.Similarity), a.Image-b.Image) })
	return all[:min(k, len(all))], ctx.Err()
}

// Outliers returns all images with the mean cosine to their k nearest other images, lowest first; among equal ones the earlier comes first. Labels are not
// used. Errors: those of Nearest.
func Outliers(ctx context.Context, f *Features, k int) ([]Neighbor, error) {
	nearest, err := Nearest(ctx, f, k)
	if err != nil {
		return nil, err
	}
	m := normalized(f, 1)
	all := make([]Neighbor, f.N)
	parallel.Each(f.N, func(i int) {
		sum := 0.0
		for _, j := range nearest[i] {
			sum += similarity(m.row(i), m.row(int(j)))
		}
		all[i] = Neighbor{i, sum / float64(k)}
	})
	slices.SortStableFunc(all, func(a, b Neighbor) int { return cmp.Compare(a.Similarity, b.Similarity) })
	return all, nil
}

// similarity returns the cosine of two normalized rows, rounded to six decimals. The sum has float64 precision, so that the cosine of equal rows is 1.
func similarity(a, b []float32) float64 {
	return math.Round(blas.Implementation{}.Dsdot(len(a), a, 1, b, 1)*1e6) / 1e6
}
