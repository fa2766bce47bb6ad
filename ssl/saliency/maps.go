package saliency

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Colors returns a picture of w × h pixels for each of n feature maps x [n h w d]: red, green and blue are the first three principal components over all
// positions of all maps, each from its smallest value, 0, to its largest, 255. The largest absolute value of a component is positive. Maps of fewer than
// three features have gray pictures of the first component. Errors: fewer than two positions in a map, values that are not finite.
func Colors(x []float32, n, h, w, d int) ([]image.Image, error) {
	if h*w < 2 {
		return nil, errors.New("the last feature map has only one position: it does not show places")
	}
	m := mat.NewDense(n*h*w, d, nil)
	for i, v := range x[:n*h*w*d] {
		if v-v != 0 {
			return nil, errors.New("the feature maps are not finite")
		}
		m.RawMatrix().Data[i] = float64(v)
	}
	projected, _, err := Components(m, min(3, d))
	if err != nil {
		return nil, err
	}
	positions, k := projected.Dims()
	channels := make([][]uint8, 3)
	for j := range channels {
		switch {
		case j < k && k == 3:
			channels[j] = bytesOf(mat.Col(nil, j, projected))
		case j == 0:
			channels[j] = bytesOf(mat.Col(nil, 0, projected))
		default:
			channels[j] = channels[0]
		}
	}
	pictures := make([]image.Image, n)
	for i := range positions {
		at := i % (h * w)
		if at == 0 {
			pictures[i/(h*w)] = image.NewRGBA(image.Rect(0, 0, w, h))
		}
		pictures[i/(h*w)].(*image.RGBA).SetRGBA(at%w, at/w, color.RGBA{channels[0][i], channels[1][i], channels[2][i], 255})
	}
	return pictures, nil
}

// bytesOf returns values, from the smallest, 0, to the largest, 255, with the sign that makes the largest absolute value positive. Equal values are 0.
func bytesOf(values []float64) []uint8 {
	low, high := values[0], values[0]
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	sign := 1.0
	if -low > high {
		sign, low, high = -1, -high, -low
	}
	out := make([]uint8, len(values))
	for i, v := range values {
		if high > low {
			out[i] = uint8(math.Round(255 * (sign*v - low) / (high - low)))
		}
	}
	return out
}

// ClassAttention returns the attention of the class token of an image to each of its patches, the mean over the heads:
//
//	a = mean over heads of softmax(q₀·kᵀ/√(d/heads)), without its first number, that of the class token itself
//
// qkv [tokens 3d] are the queries, keys and values that kernels.Attention takes. This is what Caron et al. 2021 (arXiv:2104.14294, figure 1) show.
func ClassAttention(qkv []float32, tokens, heads int) []float64 {
	pitch := len(qkv) / tokens
	d := pitch / 3
	width := d / heads
	sum := make([]float64, tokens)
	weights := make([]float64, tokens)
	for head := range heads {
		query := qkv[head*width:][:width]
		largest := math.Inf(-1)
		for t := range weights {
			key := qkv[t*pitch+d+head*width:][:width]
			weights[t] = 0
			for j, q := range query {
				weights[t] += float64(q) * float64(key[j])
			}
			weights[t] /= math.Sqrt(float64(width))
			largest = max(largest, weights[t])
		}
		total := 0.0
		for t, w := range weights {
			weights[t] = math.Exp(w - largest)
			total += weights[t]
		}
		for t, w := range weights {
			sum[t] += w / total / float64(heads)
		}
	}
	return sum[1:]
}

// ClassMap returns how much each position of a feature map x [positions d] speaks for a class, where gradient [positions d] is that of the class's logit:
//
//	c = max(0, Σ_j x_j · mean over positions of gradient_j)
//
// (Grad-CAM, Selvaraju et al. 2017, arXiv:1610.02391, eqs. 1 and 2). For a linear classifier on the mean over positions it is the class activation map of
// Zhou et al. 2016 (arXiv:1512.04150), up to a factor.
func ClassMap(x, gradient []float32, d int) []float64 {
	weights := make([]float64, d)
	positions := len(x) / d
	for i, g := range gradient {
		weights[i%d] += float64(g) / float64(positions)
	}
	out := make([]float64, positions)
	for i := range out {
		for j, w := range weights {
			out[i] += float64(x[i*d+j]) * w
		}
		out[i] = max(0, out[i])
	}
	return out
}

// Heat returns a picture of w pixels in a row for values of at least 0: black for 0, white for the largest, over red and yellow. Its brightness grows with
// the value, so that it can be read without colors. Values that are all 0 are black.
func Heat(values []float64, w int) image.Image {
	if len(values)%w != 0 {
		panic(fmt.Sprintf("saliency: %d values in rows of %d", len(values), w))
	}
	largest := 0.0
	for _, v := range values {
		largest = max(largest, v)
	}
	out := image.NewRGBA(image.Rect(0, 0, w, len(values)/w))
	ramp := func(v float64) uint8 { return uint8(math.Round(255 * min(max(v, 0), 1))) }
	for i, v := range values {
		if largest > 0 {
			v /= largest
		}
		out.SetRGBA(i%w, i/w, color.RGBA{ramp(2.5 * v), ramp(2.5*v - 1), ramp(5*v - 4), 255})
	}
	return out
}
