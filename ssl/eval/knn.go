package eval

import (
	"context"
	"fmt"
	"math"
	"slices"

	blas "gonum.org/v1/gonum/blas/gonum"

	"github.com/marr-ssl/marr/ssl/parallel"
)

// Sizes of the tiles: a block of the train set (256 KiB) stays in a core's second-level cache while it is compared with all test rows of a task.
const (
	testRowsPerTask    = 128
	trainFloatsPerTile = 64 << 10
)

// KNN classifies each test image by its k nearest train images and returns the accuracy in percent for each k:
//
//	s_j = cos(x, train_j);  class = argmax_c Σ exp(s_j/temperature) over those of the k largest s_j with label c
//
// For k = 1 this is the label of the nearest image. Sources: Wu et al. 2018 (arXiv:1805.01978, section 3.4) and eval_knn.py of
// facebookresearch/dino; the usual temperature is 0.07, the usual k is 20. An infinite temperature gives all votes the same weight. Among equal similarities the earlier train image is nearer;
// among equal votes the lower label wins. A row of zeros has similarity 0 to everything.
//
// Errors: no k, a k that is not in 1 … train.N, a temperature that is not positive, images without a label, features that are not
// finite, sets whose widths differ, a test label that no train image has; ctx.Err() once ctx is done.
func KNN(ctx context.Context, train, test *Features, ks []int, temperature float64) (accuracyPercent []float64, err error) {
	p, err := newPair(train, test)
	if err != nil {
		return nil, err
	}
	if len(ks) == 0 {
		return nil, fmt.Errorf("eval: knn: no k: expected at least one, such as 1 and 20")
	}
	for _, k := range ks {
		if k < 1 || k > train.N {
			return nil, fmt.Errorf("eval: knn: k = %d: train set %s has %d images: expected 1 to %d", k, train.Name, train.N, train.N)
		}
	}
	if !(temperature > 0) {
		return nil, fmt.Errorf("eval: knn: temperature %v: expected a positive number, such as 0.07", temperature)
	}
	nearest, err := nearestRows(ctx, normalized(train, 1), normalized(test, 1), slices.Max(ks))
	if err != nil {
		return nil, fmt.Errorf("eval: knn: %w", err)
	}
	votes := make([]float64, p.classes)
	for _, k := range ks {
		correct := 0
		for i, neighbors := range nearest {
			if neighbors.vote(p.trainLabels, k, temperature, votes) == p.testLabels[i] {
				correct++
			}
		}
		accuracyPercent = append(accuracyPercent, 100*float64(correct)/float64(test.N))
	}
	return accuracyPercent, nil
}

// neighborList holds the most similar train rows found so far, most similar first. Both slices have capacity k and the same length.
type neighborList struct {
	similarity []float32
	index      []int32
}

// insert adds a train row if it is among the k most similar. Rows come in rising order, so a row goes after those of equal similarity.
func (n *neighborList) insert(s float32, index int32) {
	last := len(n.similarity)
	if last == cap(n.similarity) {
		last--
		if s <= n.similarity[last] {
			return
		}
	} else {
		n.similarity, n.index = n.similarity[:last+1], n.index[:last+1]
	}
	at := last
	for at > 0 && s > n.similarity[at-1] {
		at--
	}
	copy(n.similarity[at+1:], n.similarity[at:last])
	copy(n.index[at+1:], n.index[at:last])
	n.similarity[at], n.index[at] = s, index
}

// vote returns the class of the first k neighbors; votes is scratch. The largest similarity is subtracted first, which keeps exp
// in range and does not change the result.
func (n *neighborList) vote(labels []int32, k int, temperature float64, votes []float64) int32 {
	clear(votes)
	for i, s := range n.similarity[:k] {
		votes[labels[n.index[i]]] += math.Exp(float64(s-n.similarity[0]) / temperature)
	}
	best := 0
	for c, v := range votes {
		if v > votes[best] {
			best = c
		}
	}
	return int32(best)
}

// nearestRows returns the k train rows with the largest dot product for each test row, or ctx.Err() once ctx is done.
func nearestRows(ctx context.Context, train, test *matrix, k int) ([]neighborList, error) {
	found := make([]neighborList, test.n)
	tile := max(1, trainFloatsPerTile/train.stride)
	parallel.Each((test.n+testRowsPerTask-1)/testRowsPerTask, func(task int) {
		first, end := task*testRowsPerTask, min((task+1)*testRowsPerTask, test.n)
		for i := first; i < end; i++ {
			found[i] = neighborList{make([]float32, 0, k), make([]int32, 0, k)}
		}
		for from := 0; from < train.n && ctx.Err() == nil; from += tile {
			for i := first; i < end; i++ {
				x, neighbors := test.row(i), &found[i]
				for j := from; j < min(from+tile, train.n); j++ {
					neighbors.insert(blas.Implementation{}.Sdot(train.stride, x, 1, train.row(j), 1), int32(j))
				}
			}
		}
	})
	return found, ctx.Err()
}
