// Package datatest makes small sets of images for tests.
package datatest

import (
	"fmt"

	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/ssl/data"
)

// Noise returns a set of n random images of px × px pixels.
func Noise(n, px, channels int) *data.Set {
	src, images := rng.New(9), make([]data.Image, n)
	for i := range images {
		pix := make([]byte, px*px*channels)
		for k := range pix {
			pix[k] = byte(src.Uint32())
		}
		images[i] = data.Image{H: px, W: px, C: channels, Pix: pix}
	}
	return data.FromImages("noise", images, nil)
}

// Labeled returns Noise with three labels in turn and clips of three images, enough for every method.
func Labeled(n, px, channels int) *data.Set {
	set := Noise(n, px, channels)
	set.Classes = []string{"0", "1", "2"}
	for i := range n {
		set.Labels = append(set.Labels, int32(i%3))
		if i%3 == 0 && i+3 <= n {
			set.Clips = append(set.Clips, data.Clip{Name: fmt.Sprint(i / 3), First: i, N: 3})
		}
	}
	return set
}

// Numbers returns n random numbers of mean 0 and variance 1, such as the features of a teacher.
func Numbers(n int) []float32 {
	src, v := rng.New(11), make([]float32, n)
	for i := range v {
		v[i] = float32(src.Normal())
	}
	return v
}
