package eval

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/ssl/parallel"
)

// LinearOptions are the settings of a linear probe. The zero value is the protocol of this project's numbers.
type LinearOptions struct {
	Iterations int     // largest number of L-BFGS iterations; 0: 100
	Penalty    float64 // λ; 0: 1e-4
	Scale      float64 // L2 norm of the features; 0: 10

	Progress func(step, steps int) // is called after each evaluation of the objective, about once for each iteration; may be nil
}

func (o LinearOptions) defaults() (LinearOptions, error) {
	if o.Iterations == 0 {
		o.Iterations = 100
	}
	if o.Penalty == 0 {
		o.Penalty = 1e-4
	}
	if o.Scale == 0 {
		o.Scale = 10
	}
	if o.Iterations < 0 || !(o.Penalty > 0 && o.Scale > 0) || math.IsInf(o.Penalty+o.Scale, 1) {
		return o, fmt.Errorf("eval: linear: iterations %d, penalty %v, scale %v: expected positive numbers", o.Iterations, o.Penalty, o.Scale)
	}
	return o, nil
}

// Linear trains a linear classifier on the train set and returns its accuracy on the test set in percent. With x the L2-normalized
// feature × Scale, it minimizes
//
//	mean over images of −log softmax(W x + b)[label] + Penalty·‖W‖²
//
// from W = 0, b = 0 by Iterations steps of L-BFGS. The penalty is on the sum of squares, without a factor of a half, and not on b.
// Among equal logits the lower class wins. Errors as for KNN, and an option that is not positive.
func Linear(ctx context.Context, train, test *Features, opt LinearOptions) (percent float64, err error) {
	opt, err = opt.defaults()
	if err != nil {
		return 0, err
	}
	sets, err := newPair(train, test)
	if err != nil {
		return 0, err
	}
	p := probe{x: normalized(train, opt.Scale), d: train.D, labels: sets.trainLabels, classes: sets.classes, penalty: opt.Penalty, each: parallel.Each}
	if opt.Progress != nil {
		done := 0
		p.evaluated = func() {
			done++
			opt.Progress(min(done, opt.Iterations), opt.Iterations)
		}
	}
	w, err := p.fit(ctx, opt.Iterations)
	if err != nil {
		return 0, err
	}
	return p.accuracy(w, normalized(test, opt.Scale), sets.testLabels), nil
}

// LinearFewShot returns the mean and the sample standard deviation (n − 1) of the accuracy in percent of linear probes (Linear) that are trained on
// perClass images per class (Sample), draws 0 … draws−1, and tested on the whole test set. A single draw has a standard deviation of 0. This project's
// numbers use 10 labels per class and 20 draws. Errors as for Linear and Sample.
func LinearFewShot(ctx context.Context, train, test *Features, perClass, draws int, seed uint64) (mean, std float64, err error) {
	opt, err := LinearOptions{}.defaults()
	if err != nil {
		return 0, 0, err
	}
	sets, err := newPair(train, test)
	if err != nil {
		return 0, 0, err
	}
	if draws < 1 {
		return 0, 0, fmt.Errorf("eval: linear: %d draws of labels: expected at least 1", draws)
	}
	trainRows, testRows := normalized(train, opt.Scale), normalized(test, opt.Scale)
	accuracies, errs := make([]float64, draws), make([]error, draws)
	parallel.Each(draws, func(draw int) {
		var chosen []int
		if chosen, errs[draw] = Sample(train.Labels, perClass, seed, draw); errs[draw] != nil {
			return
		}
		x, labels := newMatrix(len(chosen), train.D), make([]int32, len(chosen))
		for row, i := range chosen {
			copy(x.row(row), trainRows.row(i))
			labels[row] = sets.trainLabels[i]
		}
		p := probe{x: x, d: train.D, labels: labels, classes: sets.classes, penalty: opt.Penalty, each: serial}
		var w []float64
		if w, errs[draw] = p.fit(ctx, opt.Iterations); errs[draw] == nil {
			accuracies[draw] = p.accuracy(w, testRows, sets.testLabels)
		}
	})
	for _, err := range errs {
		if err != nil {
			return 0, 0, err
		}
	}
	if draws == 1 {
		return accuracies[0], 0, nil
	}
	mean, std = stat.MeanStdDev(accuracies, nil)
	return mean, std, nil
}

// Sample draws perClass images of each class that occurs without replacement and returns their indices, class by class in rising order: for each
// class in turn it performs the first perClass swaps of a Fisher–Yates shuffle of its images, on stream (draw) of the seed. A draw depends
// on labels, perClass, seed and draw alone. Errors: a label below 0, a class with fewer images, perClass below 1, a
// negative draw.
func Sample(labels []int32, perClass int, seed uint64, draw int) ([]int, error) {
	if perClass < 1 || draw < 0 || int64(draw) > math.MaxUint32 {
		return nil, fmt.Errorf("eval: sample: %d images per class, draw %d: expected at least 1 image and a draw from 0", perClass, draw)
	}
	byClass := map[int32][]int{}
	for i, y := range labels {
		if y < 0 {
			return nil, fmt.Errorf("eval: sample: image %d has label %d, which stands for none: label all images", i, y)
		}
		byClass[y] = append(byClass[y], i)
	}
	src := rng.New(seed, uint32(draw))
	chosen := make([]int, 0, perClass*len(byClass))
	for _, class := range slices.Sorted(maps.Keys(byClass)) {
		images := byClass[class]
		if len(images) < perClass {
			return nil, fmt.Errorf("eval: sample: label %d has %d images: %d are to be drawn: draw fewer per class, or add images", class, len(images), perClass)
		}
		for i := range perClass {
			j := i + src.Intn(len(images)-i)
			images[i], images[j] = images[j], images[i]
			chosen = append(chosen, images[i])
		}
	}
	return chosen, nil
}
