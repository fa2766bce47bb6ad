package ref

import "math"

// GrayWeights are the weights of red, green and blue in luma, as in torchvision's tensor functions (ITU-R BT.601, rounded).
var GrayWeights = [3]float64{0.2989, 0.587, 0.114}

// Brightness is clamp(factor·img, 0, 1). Source: torchvision, functional.adjust_brightness (a blend with black).
func Brightness(img *Tensor, factor float64) *Tensor {
	return mapped(img, func(v float64) float64 { return unit(factor * v) })
}

// Contrast blends with the mean gray of the whole image: clamp(factor·img + (1−factor)·m, 0, 1) with m the mean over
// pixels of the luma (GrayWeights), or of the one channel. Source: torchvision, functional.adjust_contrast.
func Contrast(img *Tensor, factor float64) *Tensor {
	mean := 0.0
	for i := range img.Rows() {
		mean += gray(img.Row(i)) / float64(img.Rows())
	}
	return mapped(img, func(v float64) float64 { return unit(factor*v + (1-factor)*mean) })
}

// Saturation blends each pixel of img [H W C] with its luma: clamp(factor·v + (1−factor)·luma, 0, 1). It does not change images of one channel.
// Source: torchvision, functional.adjust_saturation.
func Saturation(img *Tensor, factor float64) *Tensor {
	return pixels(img, func(v []float64) {
		luma := gray(v)
		for c := range v {
			v[c] = unit(factor*v[c] + (1-factor)*luma)
		}
	})
}

// Hue shifts the hue of each pixel of img [H W C] by `shift` turns in HSV. It does not change images of one channel.
// Source: torchvision, functional.adjust_hue with its _rgb2hsv and _hsv2rgb, which clamp all but the largest channel.
func Hue(img *Tensor, shift float64) *Tensor {
	return pixels(img, func(v []float64) {
		h, s, top := hsv(v[0], v[1], v[2])
		sector, f := math.Modf(6 * (h + shift - math.Floor(h+shift)))
		p, q, t := unit(top*(1-s)), unit(top*(1-s*f)), unit(top*(1-s*(1-f)))
		copy(v, [][]float64{{top, t, p}, {q, top, p}, {p, top, t}, {p, q, top}, {t, p, top}, {top, p, q}}[int(sector)%6])
	})
}

// hsv returns the hue in turns, the saturation and the largest channel.
func hsv(r, g, b float64) (h, s, top float64) {
	top = max(r, g, b)
	d := top - min(r, g, b)
	if d == 0 {
		return 0, 0, top
	}
	switch top {
	case r:
		h = (g - b) / d
	case g:
		h = 2 + (b-r)/d
	default:
		h = 4 + (r-g)/d
	}
	return math.Mod(h/6+1, 1), d / top, top
}

// Gray replaces all channels of each pixel of img [H W C] by its luma. Source: torchvision, functional.rgb_to_grayscale.
func Gray(img *Tensor) *Tensor {
	return pixels(img, func(v []float64) { v[0], v[1], v[2] = gray(v), gray(v), gray(v) })
}

// Solarize replaces values v ≥ threshold by 1 − v. Source: torchvision, functional.solarize.
func Solarize(img *Tensor, threshold float64) *Tensor {
	return mapped(img, func(v float64) float64 {
		if v >= threshold {
			return 1 - v
		}
		return v
	})
}

// pixels applies f, which changes its argument, to every pixel of a copy of img. It does not change images of one channel.
func pixels(img *Tensor, f func(v []float64)) *Tensor {
	y := img.Clone()
	for i := range y.Rows() {
		if y.Last() > 1 {
			f(y.Row(i))
		}
	}
	return y
}

// gray is the luma of one pixel of 1 or 3 channels.
func gray(pixel []float64) float64 {
	switch len(pixel) {
	case 1:
		return pixel[0]
	case 3:
		return dot(pixel, GrayWeights[:])
	}
	fail("gray", "a pixel has 1 or 3 channels, not", len(pixel))
	return 0
}

func unit(v float64) float64 { return min(max(v, 0), 1) }
