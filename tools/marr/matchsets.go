package main

import (
	"fmt"

	"github.com/marr-ssl/marr/ssl/data"
)

// matchSets prepares a pair of sets for fitting on one and testing on the other, with a model of images of this many channels (0: those of
// train), and prints a note for each change that may surprise. Images without a label are left out, the classes of test become those of train
// (data.MatchClasses), and both sets get the same channels: gray images are repeated in three, color images are converted for a model of gray images.
func matchSets(train, test *data.Set, channels int) (*data.Set, *data.Set, error) {
	if train.NumClasses() == 1 {
		return nil, nil, fmt.Errorf("%s has images of one class only: use at least two classes", train.Name)
	}
	test, missing, err := data.MatchClasses(train, test)
	if err != nil {
		return nil, nil, err
	}
	if missing != "" {
		note("%s", missing)
	}
	if channels == 0 {
		channels = train.C
	}
	train, test = withChannels(withLabels(train), channels), withChannels(withLabels(test), channels)
	if n := data.NumShared(train, test); n > 0 {
		note("%d of the %s of %s are also in %s: the result says less about new images", n, count(test.Len(), "image"), test.Name, train.Name)
	}
	return train, test, nil
}

// withChannels returns a set for a model of images of this many channels.
func withChannels(set *data.Set, channels int) *data.Set {
	switch {
	case set.C > channels:
		note("the color images of %s are converted to gray, for a model of gray images", set.Name)
		return set.ToGray()
	case set.C < channels:
		note("the gray images of %s are repeated in red, green and blue, for a model of color images", set.Name)
		set.C = channels
	}
	return set
}

// withLabels returns the images of a set that have a label.
func withLabels(set *data.Set) *data.Set {
	var indices []int
	for i, l := range set.Labels {
		if l >= 0 {
			indices = append(indices, i)
		}
	}
	if len(indices) == set.Len() {
		return set
	}
	note("%s: images without a label are left out: %d of %d", set.Name, set.Len()-len(indices), set.Len())
	return set.Subset(indices)
}
