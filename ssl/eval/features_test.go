package eval

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"marr/kernels/rng"
)

func TestNormalizeGivesUnitRowsAndKeepsZeros(t *testing.T) {
	f := &Features{N: 3, D: 2, X: []float32{3, 4, 0, 0, -1e20, 0}, Labels: make([]int32, 3)}
	f.Normalize()
	if want := []float32{0.6, 0.8, 0, 0, -1, 0}; !slices.Equal(f.X, want) {
		t.Fatalf("%v, want %v", f.X, want)
	}
}

func TestFeatureStdSeparatesCollapsedFromSpreadFeatures(t *testing.T) {
	const n, d = 2000, 64
	same, spread := &Features{N: n, D: d, X: make([]float32, n*d)}, &Features{N: n, D: d, X: make([]float32, n*d)}
	src := rng.New(1)
	for i := range spread.X {
		spread.X[i], same.X[i] = float32(src.Normal()), float32(i%d+1)
	}
	for i := range same.X { // the same direction at different lengths is collapse too
		same.X[i] *= float32(1 + i/d%3)
	}
	if v := FeatureStd(same); v > 1e-3 { // float32 rounding of the coordinates
		t.Errorf("one direction: %v, want 0", v)
	}
	// Uniform on the sphere has a variance of 1/d a coordinate; the mean over 64 coordinates of 2,000 images is known to about 0.2 %.
	if v := FeatureStd(spread); math.Abs(v-1) > 0.01 {
		t.Errorf("uniform on the sphere: %v, want 1", v)
	}
	// Two opposite points on one axis: the sample variance of ±1 over 4 images is 4/3, the other coordinate has none: √(4/3)/2·√2.
	two := &Features{N: 4, D: 2, X: []float32{1, 0, -1, 0, 2, 0, -2, 0}}
	if v, want := FeatureStd(two), math.Sqrt(4./3)/math.Sqrt2; math.Abs(v-want) > 1e-12 {
		t.Errorf("two points: %v, want %v", v, want)
	}
	if v := FeatureStd(&Features{N: 1, D: 2, X: []float32{1, 0}}); v != 0 {
		t.Errorf("one image: %v, want 0", v)
	}
}

func ExampleKNN() {
	train := &Features{N: 4, D: 2, X: []float32{1, 0, 1, 0.1, 0, 1, 0.1, 1}, Labels: []int32{0, 0, 1, 1}}
	test := &Features{N: 2, D: 2, X: []float32{5, 1, 1, 5}, Labels: []int32{0, 1}}
	percent, err := KNN(context.Background(), train, test, []int{1, 3}, 0.07)
	fmt.Println(percent, err)
	// Output: [100 100] <nil>
}

func ExampleLinear() {
	train := &Features{N: 4, D: 2, X: []float32{1, 0, 1, 0.1, 0, 1, 0.1, 1}, Labels: []int32{0, 0, 1, 1}}
	test := &Features{N: 2, D: 2, X: []float32{5, 1, 1, 5}, Labels: []int32{0, 1}}
	fmt.Println(Linear(context.Background(), train, test, LinearOptions{}))
	// Output: 100 <nil>
}
