package views

import (
	"fmt"
	"math"
)

// Input says what a recipe's views are made of.
type Input struct {
	Size     int // side of a view in pixels
	Channels int // 1 or 3
	Frames   int // images in one sample: 1, unless the data set is of clips
}

// Spec is what happens to one view, in this order: crop and resize, flip, jitter. Its zero values do nothing, so
// Spec{Size: 32} is the test transform.
type Spec struct {
	Size   int     // side of the view in pixels
	Crop   Crop    // the zero Crop takes the whole image
	Flip   float64 // probability of mirroring left to right
	Jitter Jitter
}

// Crop takes a random box of the image and resizes it to the view: torchvision's RandomResizedCrop.
type Crop struct {
	Scale [2]float64 // range of the box's share of the image's area, uniform; 0 < lo ≤ hi ≤ 1
	Ratio [2]float64 // range of width over height, uniform in its logarithm; zero means 3/4 … 4/3, torchvision's default
}

// Jitter changes brightness and contrast, in random order, each by a factor uniform in [max(0, 1−b), 1+b]: torchvision's
// ColorJitter inside RandomApply.
type Jitter struct {
	P          float64 // probability that anything changes
	Brightness float64 // b of the brightness factor; 0 leaves it alone
	Contrast   float64 // b of the contrast factor; 0 leaves it alone
}

// SimCLR is the recipe of both views of SimCLR for small images: crop 0.2–1, flip, brightness and contrast 0.4 at p 0.8.
// The paper (Chen et al. 2020, arXiv:2002.05709, appendix A) crops 0.08–1 and adds saturation and hue, gray and blur.
func SimCLR(in Input) []Spec {
	s := Spec{
		Size:   in.Size,
		Crop:   Crop{Scale: [2]float64{0.2, 1}},
		Flip:   0.5,
		Jitter: Jitter{P: 0.8, Brightness: 0.4, Contrast: 0.4},
	}
	return []Spec{s, s}
}

// Finetune is the one view that supervised training on few labels sees: crop 0.5–1 and flip.
func Finetune(in Input) []Spec {
	return []Spec{{Size: in.Size, Crop: Crop{Scale: [2]float64{0.5, 1}}, Flip: 0.5}}
}

// Identity is the test transform: the whole image, resized with antialiasing. A source that is not square is distorted.
func Identity(in Input) []Spec { return []Spec{{Size: in.Size}} }

// Check says what is wrong with a Spec, nil if nothing is. Row takes only a Spec that passes.
func (s Spec) Check() error {
	if s.Size < 1 {
		return fmt.Errorf("views: size %d: a view has at least one pixel: set size", s.Size)
	}
	if c := s.Crop; c != (Crop{}) {
		if !(c.Scale[0] > 0 && c.Scale[0] <= c.Scale[1] && c.Scale[1] <= 1) {
			return fmt.Errorf("views: crop scale %g to %g: a share of the image's area: want 0 < low ≤ high ≤ 1", c.Scale[0], c.Scale[1])
		}
		if r := c.Ratio; r != [2]float64{} && !(r[0] > 0 && r[0] <= r[1] && !math.IsInf(r[1], 1)) {
			return fmt.Errorf("views: crop ratio %g to %g: width over height: want 0 < low ≤ high", r[0], r[1])
		}
	}
	for _, p := range []struct {
		name  string
		value float64
	}{{"flip", s.Flip}, {"jitter p", s.Jitter.P}} {
		if !(p.value >= 0 && p.value <= 1) {
			return fmt.Errorf("views: %s %g: a probability: want 0 to 1", p.name, p.value)
		}
	}
	for _, b := range []struct {
		name  string
		value float64
	}{{"brightness", s.Jitter.Brightness}, {"contrast", s.Jitter.Contrast}} {
		if !(b.value >= 0 && !math.IsInf(b.value, 1)) {
			return fmt.Errorf("views: %s %g: half the width of a range of factors around 1: want 0 or more", b.name, b.value)
		}
	}
	return nil
}
