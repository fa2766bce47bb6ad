package eval

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels/rng"
)

func TestNeighborStabilityIsTheFractionOfKeptNeighbors(t *testing.T) {
	const n, d, k = 300, 16, 10
	x := normal(1, n, d)
	turned := slices.Clone(x)
	sin, cos := math.Sincos(1)
	for i := range n { // longer by i, and turned in one plane
		row := turned[i*d : (i+1)*d]
		row[0], row[1] = float32(cos)*row[0]-float32(sin)*row[1], float32(sin)*row[0]+float32(cos)*row[1]
		for j := range row {
			row[j] *= float32(i + 1)
		}
	}
	step := slices.Clone(x)
	for i, v := range normal(2, n, d) {
		step[i] += 0.1 * v
	}
	shares := map[string]float64{}
	for _, c := range []struct {
		name     string
		after    []float32
		from, to float64
	}{
		{"the same", x, 1, 1},
		{"turned and of other lengths", turned, 0.99, 1}, // float32 may swap what is nearly equally far
		{"a little moved", step, 0.7, 0.95},
		{"without relation", normal(3, n, d), 0.01, 0.06}, // k/(N−1) = 0.033, of 3,000 neighbors ± 0.003
	} {
		got, err := NeighborStability(t.Context(), &Features{N: n, D: d, X: x}, &Features{N: n, D: d, X: c.after}, k)
		if err != nil || got < c.from || got > c.to {
			t.Errorf("%s: %v, %v, want %v to %v", c.name, got, err, c.from, c.to)
		}
		back, err := NeighborStability(t.Context(), &Features{N: n, D: d, X: c.after}, &Features{N: n, D: d, X: x}, k)
		if err != nil || back != got {
			t.Errorf("%s: %v one way, %v the other (%v)", c.name, got, back, err)
		}
		shares[c.name] = got
	}
	t.Log(shares)
}

func TestNeighborStabilityErrors(t *testing.T) {
	f := func(n, d int) *Features { return &Features{Name: "photos", N: n, D: d, X: normal(1, n, d)} }
	nan := f(4, 2)
	nan.X[3] = float32(math.NaN())
	for _, c := range []struct {
		before, after *Features
		k             int
		want          string
	}{
		{f(4, 2), f(5, 2), 1, "4 images before, 5 after"},
		{f(4, 2), f(4, 2), 4, "k = 4: set photos has 4 images: expected 1 to 3"},
		{f(4, 2), f(4, 2), 0, "k = 0"},
		{f(4, 2), nan, 1, "after: eval: set photos: feature 1 of image 1 is NaN"},
		{&Features{N: 4, D: 2}, f(4, 2), 1, "before: eval: nearest: set : 4 images of width 2 with 0 numbers"},
	} {
		if _, err := NeighborStability(t.Context(), c.before, c.after, c.k); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

func normal(seed, n, d int) []float32 {
	src, x := rng.New(uint64(seed)), make([]float32, n*d)
	for i := range x {
		x[i] = float32(src.Normal())
	}
	return x
}
