package eval

import (
	"slices"
	"testing"
)

func TestNearestFindsTheClosestOthersByCosine(t *testing.T) {
	f := &Features{N: 5, D: 2, X: []float32{1, 0, 5, 1, 0, 3, 1, 9, -1, 0}} // no labels
	near, err := Nearest(t.Context(), f, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]int32{{1, 3}, {0, 3}, {3, 1}, {2, 1}, {2, 3}} {
		if !slices.Equal(near[i], want) {
			t.Errorf("image %d: %v, want %v", i, near[i], want)
		}
	}
}

// An image is never its own neighbor, even if it is not among the k + 1 that the search finds.
func TestNearestPrefersEarlierOfEqualImages(t *testing.T) {
	f := &Features{N: 5, D: 1, X: []float32{1, 1, 1, 1, 1}}
	near, err := Nearest(t.Context(), f, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]int32{{1, 2}, {0, 2}, {0, 1}, {0, 1}, {0, 1}} {
		if !slices.Equal(near[i], want) {
			t.Errorf("image %d: %v, want %v", i, near[i], want)
		}
	}
}

func TestOutliersAreLeastSimilarToTheirNeighbors(t *testing.T) {
	f := &Features{N: 5, D: 2, X: []float32{1, 0, 5, 1, 0, 3, 1, 9, -1, 0}}
	all, err := Outliers(t.Context(), f, 1)
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, x := range all {
		got = append(got, x.Image)
	}
	if want := []int{4, 0, 1, 2, 3}; !slices.Equal(got, want) || all[0].Similarity != 0 || all[4].Similarity < 0.99 {
		t.Errorf("outliers %v, want the images in the order %v", all, want)
	}
}
