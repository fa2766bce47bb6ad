package main

import (
	"context"
	"fmt"
	"slices"

	"marr/ssl"
	"marr/ssl/data"
	"marr/ssl/eval"
	"marr/vk"
)

const (
	judgeImages    = 10000 // at most this many labelled training images vote
	judgeNeighbour = 20
)

// judge measures the backbone after each epoch of pretrain --eval-data.
type judge struct {
	dev         *vk.Device
	train, test *data.Set
	mean, std   []float64 // of all training images
	encoder     *ssl.Encoder
}

// newJudge judges by the labels of the training images; it refuses sets that do not go together before anything is trained.
func newJudge(ctx context.Context, dev *vk.Device, train *data.Set, name string, px int) (*judge, error) {
	test, err := openSet(ctx, name, px)
	if err != nil {
		return nil, err
	}
	if err := comparable(train, test, train.C); err != nil {
		return nil, err
	}
	few := spread(labelled(train), judgeImages)
	if few.Len() < judgeNeighbour {
		return nil, fmt.Errorf("--eval-data %s: %s has %d images and kNN asks the nearest %d: train on more images", name, train.Name, few.Len(), judgeNeighbour)
	}
	for i, label := range test.Labels {
		if !slices.Contains(few.Labels, label) {
			return nil, fmt.Errorf("--eval-data %s: image %d has label %d, which no image of %s has: give images of the same classes", name, i, label, train.Name)
		}
	}
	mean, std := train.Stats()
	return &judge{dev: dev, train: few, test: test, mean: mean, std: std}, nil
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

// spread is n images of a set at even distances: folders are sorted by class.
func spread(set *data.Set, n int) *data.Set {
	if set.Len() <= n {
		return set
	}
	picked := make([]int, n)
	for i := range picked {
		picked[i] = i * set.Len() / n
	}
	return set.Subset(picked)
}

// afterEpoch is the hook of ssl.Run.
func (j *judge) afterEpoch(t *ssl.Trainer) (map[string]any, error) {
	if j.encoder == nil {
		var err error
		if j.encoder, err = ssl.NewEncoder(j.dev, t.Store, t.Product(), j.mean, j.std, t.Config.Size, j.train, j.test); err != nil {
			return nil, err
		}
	}
	train, err := j.encoder.Features(j.train)
	if err != nil {
		return nil, err
	}
	test, err := j.encoder.Features(j.test)
	if err != nil {
		return nil, err
	}
	near, err := eval.KNN(train, test, []int{judgeNeighbour}, temperature)
	if err != nil {
		return nil, err
	}
	fmt.Printf("kNN k=%d after step %d: %.2f %%  (train %s (%d), test %s (%d))\n", judgeNeighbour, t.Step(), near[0], train.Name, train.N, test.Name, test.N)
	return map[string]any{"knn20": round(near[0])}, nil
}

// free releases what the first epoch made.
func (j *judge) free() {
	if j.encoder != nil {
		j.encoder.Free()
	}
}
