package eval

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// Labels of 60,000 and gaps between them cost no memory and change no result: only the order of the classes counts.
func TestResultsDependOnTheOrderOfLabelsNotOnTheirValues(t *testing.T) {
	train, test := clusters(2, 60, 8, 4, 1), clusters(3, 40, 8, 4, 1)
	results := func(train, test *Features) (out []float64) {
		knn, err := KNN(t.Context(), train, test, []int{1, 5}, Temperature)
		if err != nil {
			t.Fatal(err)
		}
		linear, err := Linear(t.Context(), train, test, LinearOptions{})
		if err != nil {
			t.Fatal(err)
		}
		mean, std, err := LinearFewShot(t.Context(), train, test, 3, 2, 1)
		if err != nil {
			t.Fatal(err)
		}
		return append(knn, linear, mean, std)
	}
	want := results(train, test)
	for i, y := range train.Labels {
		train.Labels[i] = []int32{1, 7, 59999, math.MaxInt32}[y]
	}
	for i, y := range test.Labels {
		test.Labels[i] = []int32{1, 7, 59999, math.MaxInt32}[y]
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got := results(train, test)
	runtime.ReadMemStats(&after)
	if !slices.Equal(got, want) {
		t.Errorf("with gaps %v, without %v", got, want)
	}
	if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 200 {
		t.Errorf("labels with gaps took %d MiB", mb)
	}
	test.Labels[3] = 8
	if _, err := Linear(t.Context(), train, test, LinearOptions{}); err == nil || !strings.Contains(err.Error(), "image 3 has label 8") {
		t.Errorf("a class without training images: %v", err)
	}
}

func TestScarcestIsTheClassWithTheFewestImages(t *testing.T) {
	for _, x := range []struct {
		labels []int32
		label  int32
		images int
	}{{nil, -1, 0}, {[]int32{-1}, -1, 0}, {[]int32{5, 2, 5, -1, 9, 2}, 9, 1}, {[]int32{4, 3, 4, 3}, 3, 2}} {
		if label, n := Scarcest(x.labels); label != x.label || n != x.images {
			t.Errorf("%v: %d with %d images, want %d with %d", x.labels, label, n, x.label, x.images)
		}
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
