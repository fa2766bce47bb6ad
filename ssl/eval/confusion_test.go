package eval

import (
	"math"
	"reflect"
	"testing"
)

func TestConfusionCountsPredictionsByClass(t *testing.T) {
	outputs := &Features{N: 6, D: 3, Labels: []int32{0, 0, 0, 0, 1, -1}, X: []float32{
		0.8, 0.1, 0.1,
		0.7, 0.2, 0.1,
		0.6, 0.3, 0.1,
		0.1, 0.2, 0.7,
		0.5, 0.4, 0.1,
		0, 0, 1,
	}}
	c := NewConfusion([]string{"a", "b", "c"}, outputs)
	if want := [][]int{{3, 0, 1}, {1, 0, 0}, {0, 0, 0}}; !reflect.DeepEqual(c.Counts, want) {
		t.Errorf("counts %v, want %v", c.Counts, want)
	}
	if c.Accuracy() != 60 || c.Balanced() != (75.+0)/2 || c.Recall(0) != 75 || !math.IsNaN(c.Recall(2)) {
		t.Errorf("accuracy %g, balanced %g, recalls %g and %g, want 60, 37.5, 75 and NaN", c.Accuracy(), c.Balanced(), c.Recall(0), c.Recall(2))
	}
}
