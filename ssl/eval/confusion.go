package eval

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/marr-ssl/marr/ssl/train"
)

// Confusion counts the predictions of a classifier: Counts[y][p] is the number of images of class y that it takes for class p.
type Confusion struct {
	Classes []string `json:"classes"`
	Counts  [][]int  `json:"counts"`
}

// NewConfusion counts the largest of the outputs of each labeled image, [N K] for K classes. Images without a label (−1) are left out.
func NewConfusion(classes []string, outputs *Features) *Confusion {
	c := &Confusion{Classes: classes, Counts: make([][]int, len(classes))}
	for y := range c.Counts {
		c.Counts[y] = make([]int, len(classes))
	}
	for i, y := range outputs.Labels {
		if y >= 0 {
			c.Counts[y][train.ArgMax(outputs.X[i*outputs.D:(i+1)*outputs.D])]++
		}
	}
	return c
}

// Images returns the number of images of a class.
func (c *Confusion) Images(class int) (n int) {
	for _, v := range c.Counts[class] {
		n += v
	}
	return n
}

// Recall returns the percentage of the images of a class that are classified correctly, NaN without images.
func (c *Confusion) Recall(class int) float64 {
	if c.Images(class) == 0 {
		return math.NaN()
	}
	return 100 * float64(c.Counts[class][class]) / float64(c.Images(class))
}

// Accuracy returns the percentage of images that are classified correctly, NaN without images.
func (c *Confusion) Accuracy() float64 {
	correct, images := 0, 0
	for y := range c.Counts {
		correct, images = correct+c.Counts[y][y], images+c.Images(y)
	}
	if images == 0 {
		return math.NaN()
	}
	return 100 * float64(correct) / float64(images)
}

// Balanced returns the balanced accuracy in percent: the mean of the recalls of the classes that have images, as scikit-learn's balanced_accuracy_score.
// NaN without images.
func (c *Confusion) Balanced() float64 {
	sum, classes := 0., 0
	for y := range c.Counts {
		if r := c.Recall(y); !math.IsNaN(r) {
			sum, classes = sum+r, classes+1
		}
	}
	if classes == 0 {
		return math.NaN()
	}
	return sum / float64(classes)
}

// Check returns an error unless there is a count of at least 0 for each two of at least one class, as in a file that was read.
func (c *Confusion) Check() error {
	n := len(c.Classes)
	if n == 0 || len(c.Counts) != n {
		return fmt.Errorf("a confusion matrix of %d classes with %d rows", n, len(c.Counts))
	}
	for y, row := range c.Counts {
		if len(row) != n || slices.Min(row) < 0 {
			return fmt.Errorf("a confusion matrix of %d classes whose row %d is %v", n, y, row)
		}
	}
	return nil
}

// ConfusedPair is a number of images of a class that are taken for another one.
type ConfusedPair struct{ Class, Predicted, Images int }

// Pairs returns all pairs of different classes with at least one image, the most frequent ones first.
func (c *Confusion) Pairs() (pairs []ConfusedPair) {
	for y, row := range c.Counts {
		for p, n := range row {
			if n > 0 && p != y {
				pairs = append(pairs, ConfusedPair{y, p, n})
			}
		}
	}
	slices.SortStableFunc(pairs, func(a, b ConfusedPair) int { return cmp.Compare(b.Images, a.Images) })
	return pairs
}
