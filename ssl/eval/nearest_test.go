package eval

import (
	"slices"
	"testing"
)

func TestNearestAreTheOthersByCosine(t *testing.T) {
	f := &Features{N: 5, D: 2, X: []float32{1, 0, 5, 1, 0, 3, 1, 9, -1, 0}} // no labels
	near, err := Nearest(f, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]int32{{1, 3}, {0, 3}, {3, 1}, {2, 1}, {2, 3}} {
		if !slices.Equal(near[i], want) {
			t.Errorf("image %d: %v, want %v", i, near[i], want)
		}
	}
}

// Of equal images the earlier are nearer, and none is its own neighbour, though it may not be among the k + 1 found.
func TestNearestOfEqualImages(t *testing.T) {
	f := &Features{N: 5, D: 1, X: []float32{1, 1, 1, 1, 1}}
	near, err := Nearest(f, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]int32{{1, 2}, {0, 2}, {0, 1}, {0, 1}, {0, 1}} {
		if !slices.Equal(near[i], want) {
			t.Errorf("image %d: %v, want %v", i, near[i], want)
		}
	}
}
