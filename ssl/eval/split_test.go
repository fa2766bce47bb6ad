package eval

import (
	"slices"
	"testing"
)

func TestSplitTakesTheFractionOfEachClass(t *testing.T) {
	var labels []int32
	counts := []int{50, 10, 3, 2, 1}
	for class, n := range counts {
		for range n {
			labels = append(labels, int32(class))
		}
	}
	labels = append(labels, -1)
	train, test := Split(labels, 0.2, 1)
	got := make([]int, len(counts))
	for _, i := range test {
		got[labels[i]]++
	}
	if want := []int{10, 2, 1, 1, 0}; !slices.Equal(got, want) {
		t.Errorf("%v test images by class, want %v", got, want)
	}
	all := slices.Concat(train, test)
	slices.Sort(all)
	if len(all) != len(labels)-1 || len(slices.Compact(all)) != len(labels)-1 {
		t.Errorf("%d images are in a part, want each of the %d with a label once", len(all), len(labels)-1)
	}
	if again, _ := Split(labels, 0.2, 1); !slices.Equal(again, train) {
		t.Error("the same seed gave another split")
	}
	if other, _ := Split(labels, 0.2, 2); slices.Equal(other, train) {
		t.Error("another seed gave the same split")
	}
}
