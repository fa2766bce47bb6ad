package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/eval"
)

const (
	maxProbeImages = 10000 // largest number of labeled images for fitting, and for testing
	minProbeImages = 1500  // smallest number in total, if there are as many: kNN on 500 test images is accurate to ± 2 points
	numNeighbors   = 20
)

// probe measures kNN and a linear probe: the metric of pretrain --eval-data.
type probe struct{ train, test *data.Set }

// newProbe returns a probe that is fitted on the labels of the training images or, if these have none, on two thirds of the named images.
func newProbe(ctx context.Context, train *data.Set, name string, px int) (*probe, error) {
	test, err := openSet(ctx, name, px)
	if err != nil {
		return nil, err
	}
	channels := train.C
	if train.Labels == nil && test.Labels != nil {
		train, test = splitThirds(withLabels(test))
	}
	if train, test, err = matchSets(train, test, channels); err != nil {
		return nil, err
	}
	if train.Len() < numNeighbors || test.Len() == 0 {
		return nil, fmt.Errorf("--eval-data %s: %s leaves %d images to fit on and %d to test on, and kNN needs %d: use more images", name, train.Name, train.Len(), test.Len(), numNeighbors)
	}
	return &probe{train, test}, nil
}

// splitThirds splits a set: every third image of a class is for testing.
func splitThirds(set *data.Set) (train, test *data.Set) {
	var trainIndices, testIndices []int
	counts := map[int32]int{}
	for i, label := range set.Labels {
		if counts[label]++; counts[label]%3 == 0 {
			testIndices = append(testIndices, i)
		} else {
			trainIndices = append(trainIndices, i)
		}
	}
	train, test = set.Subset(trainIndices), set.Subset(testIndices)
	train.Name, test.Name = set.Name+" (two of three)", set.Name+" (every third)"
	return train, test
}

// evenlySpaced returns n evenly spaced indices below `all`, or all of them if there are fewer.
func evenlySpaced(all, n int) []int {
	indices := make([]int, min(all, n))
	for i := range indices {
		indices[i] = i * all / len(indices)
	}
	return indices
}

// subsample returns n evenly spaced images of a set, which represent its classes: folders are sorted by class.
func subsample(set *data.Set, n int) *data.Set {
	if set.Len() <= n {
		return set
	}
	return set.Subset(evenlySpaced(set.Len(), n))
}

// subsampleClasses returns n evenly spaced images of a labeled set, and the first image of each class that is not among them.
func subsampleClasses(set *data.Set, n int) *data.Set {
	indices := evenlySpaced(set.Len(), n)
	seen := map[int32]bool{}
	for _, i := range indices {
		seen[set.Labels[i]] = true
	}
	for i, label := range set.Labels {
		if !seen[label] {
			seen[label], indices = true, append(indices, i)
		}
	}
	slices.Sort(indices)
	return set.Subset(indices)
}

func (p *probe) limits() (minImages, maxImages int) {
	maxImages = min(p.train.Len(), maxProbeImages) + min(p.test.Len(), maxProbeImages)
	return min(minProbeImages, maxImages), maxImages
}

// sample takes two images to fit on for each one to test on, as far as both sets allow.
func (p *probe) sample(images int) []*data.Set {
	numTrain := min(images-min(p.test.Len(), images/3), p.train.Len(), maxProbeImages)
	return []*data.Set{subsampleClasses(p.train, numTrain), subsample(p.test, min(images-numTrain, maxProbeImages))}
}

func (p *probe) describe(sets []*data.Set) string {
	return fmt.Sprintf("by kNN and a linear probe, fitted on %d of %d images of %s, tested on %d of %d of %s", sets[0].Len(), p.train.Len(), p.train.Name, sets[1].Len(), p.test.Len(), p.test.Name)
}

// probeEvaluations is the number of times that 100 iterations of L-BFGS evaluate the loss and gradient of the probe.
const probeEvaluations = 110

// work counts a dot product and some comparisons for each pair of kNN; for each image and class of the probe a dot product, its transpose, and exponentials.
func (p *probe) work(d int, sets []*data.Set) float64 {
	n, pairs := float64(sets[0].Len()), float64(sets[0].Len()*sets[1].Len())
	return pairs*float64(2*d+20) + probeEvaluations*n*float64(p.train.NumClasses())*float64(4*d+300)
}

func (p *probe) start(int) {}

func (p *probe) measure(ctx context.Context, _ int, f []*eval.Features) (map[string]any, string, error) {
	knn, err := eval.KNN(ctx, f[0], f[1], []int{1, numNeighbors}, eval.Temperature)
	if err != nil {
		return nil, "", err
	}
	linear, err := eval.Linear(ctx, f[0], f[1], eval.LinearOptions{})
	if err != nil {
		return nil, "", err
	}
	return map[string]any{"knn1": round(knn[0]), "knn20": round(knn[1]), "linear": round(linear)},
		fmt.Sprintf("kNN k=1 %.2f %%, k=%d %.2f %%, linear probe %.2f %%  (train %s (%d), test %s (%d))", knn[0], numNeighbors, knn[1], linear, f[0].Name, f[0].N, f[1].Name, f[1].N), nil
}
