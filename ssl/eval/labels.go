package eval

import (
	"fmt"
	"slices"
)

// pair is a training and a test set that were checked, with labels that count the classes of the training set from 0 on, in rising order of their own
// labels. Memory and time depend on the number of classes, not on their labels.
type pair struct {
	train, test             *Features
	trainLabels, testLabels []int32
	classes                 int
}

// newPair checks both sets, that their widths are equal, and that every class of the test set occurs in the train set.
func newPair(train, test *Features) (pair, error) {
	if err := train.check("train"); err != nil {
		return pair{}, err
	}
	if err := test.check("test"); err != nil {
		return pair{}, err
	}
	if train.D != test.D {
		return pair{}, fmt.Errorf("eval: train set %s has width %d, test set %s %d: features of one network are needed", train.Name, train.D, test.Name, test.D)
	}
	p := pair{train: train, test: test}
	var err error
	p.trainLabels, p.testLabels, p.classes, err = countFromZero(train.Name, train.Labels, test.Name, test.Labels)
	return p, err
}

// countFromZero numbers the classes of the training labels from 0 on, in rising order, and returns both sets of labels by these numbers. A label below 0,
// and a test label that does not occur in the training set, is an error.
func countFromZero(trainName string, train []int32, testName string, test []int32) (trainLabels, testLabels []int32, classes int, err error) {
	distinct := slices.Compact(slices.Sorted(slices.Values(train)))
	number := make(map[int32]int32, len(distinct))
	for i, y := range distinct {
		number[y] = int32(i)
	}
	convert := func(labels []int32) []int32 {
		out := make([]int32, len(labels))
		for i, y := range labels {
			n, ok := number[y]
			if !ok && err == nil {
				err = fmt.Errorf("eval: test set %s: image %d has label %d: no image of train set %s has it", testName, i, y, trainName)
			}
			out[i] = n
		}
		return out
	}
	if len(distinct) > 0 && distinct[0] < 0 {
		return nil, nil, 0, fmt.Errorf("eval: train set %s: image %d has label %d, which stands for none: evaluation needs a label for every image",
			trainName, slices.Index(train, distinct[0]), distinct[0])
	}
	return convert(train), convert(test), len(distinct), err
}

// Scarcest returns the label with the fewest images, the lowest of several, and how many it has. Labels below 0 do not count; without any other, the
// result is −1, 0.
func Scarcest(labels []int32) (label int32, images int) {
	counts := map[int32]int{}
	for _, y := range labels {
		if y >= 0 {
			counts[y]++
		}
	}
	label = -1
	for y, n := range counts {
		if label < 0 || n < images || n == images && y < label {
			label, images = y, n
		}
	}
	return label, images
}
