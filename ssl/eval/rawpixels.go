package eval

import (
	"fmt"

	"marr/ssl/data"
)

// RawPixels are the features of no network at all, the floor that any pre-training has to beat: each image as (pixel/255 −
// mean_c)/std_c, flattened to D = H·W·C in the order of Set.Pixels. mean and std are those of the train set (Set.Stats) for the test
// set too. The usual L2 normalisation is left to KNN and Linear, which do it for all features. Labels are shared with the set. It
// panics when mean and std do not have a number a channel.
func RawPixels(s *data.Set, mean, std []float64) *Features {
	if len(mean) != s.C || len(std) != s.C {
		panic(fmt.Sprintf("eval: RawPixels: set %s has %d channels, mean has %d, std %d", s.Name, s.C, len(mean), len(std)))
	}
	f := &Features{Name: s.Name, N: s.Len(), D: s.H * s.W * s.C, X: make([]float32, len(s.Pixels)), Labels: s.Labels}
	for i, p := range s.Pixels {
		c := i % s.C
		f.X[i] = float32((float64(p)/255 - mean[c]) / std[c])
	}
	return f
}
