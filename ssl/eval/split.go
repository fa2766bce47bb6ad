package eval

import (
	"math"
	"slices"

	"github.com/marr-ssl/marr/kernels/rng"
)

// streamSplit is the stream of a seed that Split draws from, distinct from those of Sample, which are draws.
const streamSplit = 0x73706c69

// Split divides images by their labels: of each class it draws a fraction for testing, rounded, at least one image of two, and none of a single one. Images
// without a label (−1) are in neither part. Both parts are sorted, and the same for the same labels and seed.
func Split(labels []int32, fraction float64, seed uint64) (train, test []int) {
	byClass := map[int32][]int{}
	for i, y := range labels {
		if y >= 0 {
			byClass[y] = append(byClass[y], i)
		}
	}
	for y, images := range byClass {
		n := min(max(int(math.Round(fraction*float64(len(images)))), 1), len(images)-1)
		order := rng.NewPermutation(len(images), seed, streamSplit, uint32(y))
		for k := range images {
			if i := images[order.At(k)]; k < n {
				test = append(test, i)
			} else {
				train = append(train, i)
			}
		}
	}
	slices.Sort(train)
	slices.Sort(test)
	return train, test
}
