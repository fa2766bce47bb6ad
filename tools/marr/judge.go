package main

import (
	"context"
	"fmt"
	"slices"

	"marr/ssl/data"
	"marr/ssl/eval"
)

const (
	judgeImages    = 10000 // at most this many labelled images vote, and as many are judged
	judgeLeast     = 1500  // at least this many vote or are judged, where there are as many: kNN of 500 is known to ± 2 points
	judgeNeighbour = 20
)

// judge measures kNN and a linear probe: the gauge of pretrain --eval-data.
type judge struct{ train, test *data.Set }

// newJudge judges by the labels of the training images or, where these have none, of two thirds of the images that are named.
func newJudge(ctx context.Context, train *data.Set, name string, px int) (*judge, error) {
	test, err := openSet(ctx, name, px)
	if err != nil {
		return nil, err
	}
	channels := train.C
	if !slices.ContainsFunc(train.Labels, func(l int32) bool { return l >= 0 }) {
		if err := comparable(test, test, channels); err != nil {
			return nil, err
		}
		train, test = thirds(test)
	}
	if err := comparable(train, test, channels); err != nil {
		return nil, err
	}
	if train.C > channels {
		return nil, fmt.Errorf("--eval-data %s has colour, the images of --data are gray: give sets of one kind", name)
	}
	train = labelled(train)
	if train.Len() < judgeNeighbour || test.Len() == 0 {
		return nil, fmt.Errorf("--eval-data %s: %s has %d images to vote and %d to judge, and kNN asks the nearest %d: give more images", name, train.Name, train.Len(), test.Len(), judgeNeighbour)
	}
	has := map[int32]bool{}
	for _, label := range train.Labels {
		has[label] = true
	}
	for i, label := range test.Labels {
		if !has[label] {
			return nil, fmt.Errorf("--eval-data %s: image %d has label %d, which no image of %s has: give images of the same classes", name, i, label, train.Name)
		}
	}
	return &judge{train, test}, nil
}

// thirds parts a set: every third image of a class is judged by the others.
func thirds(set *data.Set) (train, test *data.Set) {
	var votes, judged []int
	seen := map[int32]int{}
	for i, label := range set.Labels {
		if seen[label]++; seen[label]%3 == 0 {
			judged = append(judged, i)
		} else {
			votes = append(votes, i)
		}
	}
	train, test = set.Subset(votes), set.Subset(judged)
	train.Name, test.Name = set.Name+" (two of three)", set.Name+" (every third)"
	return train, test
}

// labelled is the images of a set that have a label.
func labelled(set *data.Set) *data.Set {
	if !slices.Contains(set.Labels, -1) {
		return set
	}
	var picked []int
	for i, l := range set.Labels {
		if l >= 0 {
			picked = append(picked, i)
		}
	}
	return set.Subset(picked)
}

// even is n of all indices at even distances.
func even(all, n int) []int {
	picked := make([]int, min(all, n))
	for i := range picked {
		picked[i] = i * all / len(picked)
	}
	return picked
}

// spread is n images of a set at even distances: folders are sorted by class.
func spread(set *data.Set, n int) *data.Set {
	if set.Len() <= n {
		return set
	}
	return set.Subset(even(set.Len(), n))
}

// voters is n images of a labelled set at even distances, and the first of each class that these leave out: what is judged may have any.
func voters(set *data.Set, n int) *data.Set {
	picked := even(set.Len(), n)
	seen := map[int32]bool{}
	for _, i := range picked {
		seen[set.Labels[i]] = true
	}
	for i, label := range set.Labels {
		if !seen[label] {
			seen[label], picked = true, append(picked, i)
		}
	}
	slices.Sort(picked)
	return set.Subset(picked)
}

func (j *judge) limits() (least, most int) {
	most = min(j.train.Len(), judgeImages) + min(j.test.Len(), judgeImages)
	return min(judgeLeast, most), most
}

// pick takes two to vote for one that is judged, as far as both sets go.
func (j *judge) pick(images int) []*data.Set {
	vote := min(images-min(j.test.Len(), images/3), j.train.Len(), judgeImages)
	return []*data.Set{voters(j.train, vote), spread(j.test, min(images-vote, judgeImages))}
}

func (j *judge) about(sets []*data.Set) string {
	return fmt.Sprintf("by kNN and a linear probe, of %d of %d images of %s on %d of %d of %s", sets[0].Len(), j.train.Len(), j.train.Name, sets[1].Len(), j.test.Len(), j.test.Name)
}

// probeEvaluations is how often 100 iterations of L-BFGS ask for the probe's loss and gradient.
const probeEvaluations = 110

// work of kNN is a dot product a pair and some comparisons; of the probe, for each image and class, a dot product, its transpose, and the exponentials.
func (j *judge) work(d int, sets []*data.Set) float64 {
	n, pairs := float64(sets[0].Len()), float64(sets[0].Len()*sets[1].Len())
	return pairs*float64(2*d+20) + probeEvaluations*n*float64(j.train.NumClasses())*float64(4*d+300)
}

func (j *judge) begin(int) {}

func (j *judge) measure(_ int, f []*eval.Features) (map[string]any, string, error) {
	near, err := eval.KNN(f[0], f[1], []int{1, judgeNeighbour}, temperature)
	if err != nil {
		return nil, "", err
	}
	linear, err := eval.Linear(f[0], f[1], eval.LinearOptions{})
	if err != nil {
		return nil, "", err
	}
	return map[string]any{"knn1": round(near[0]), "knn20": round(near[1]), "linear": round(linear)},
		fmt.Sprintf("kNN k=1 %.2f %%, k=%d %.2f %%, linear probe %.2f %%  (train %s (%d), test %s (%d))", near[0], judgeNeighbour, near[1], linear, f[0].Name, f[0].N, f[1].Name, f[1].N), nil
}
