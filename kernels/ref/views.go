package ref

import "math"

// GrayWeights weigh red, green and blue into luma, as torchvision's tensor functions do (ITU-R BT.601, rounded).
var GrayWeights = [3]float64{0.2989, 0.587, 0.114}

// Box is a crop in pixels of the source image: rows Top … Top+Height−1, columns Left … Left+Width−1.
type Box struct{ Top, Left, Height, Width int }

// ResizedCrop cuts box out of img [H W C] and resizes it to [outH outW C], bilinear with antialiasing, unrounded.
//
// Along each axis with s = box length / output length, output i is the weighted mean of the box's pixels j under a
// triangle of half width max(s, 1) centred at s·(i+½), pixel j being at j+½; pixels outside the box take no part.
// Source: torchvision 0.14, functional.resized_crop on float tensors with antialias=True (RandomResizedCrop's last step).
func ResizedCrop(img *Tensor, box Box, outH, outW int) *Tensor {
	wantShape("ResizedCrop", "img", img, -1, -1, -1)
	h, w, c := img.Shape[0], img.Shape[1], img.Shape[2]
	if box.Top < 0 || box.Left < 0 || box.Height < 1 || box.Width < 1 || box.Top+box.Height > h || box.Left+box.Width > w {
		fail("ResizedCrop", "box outside the image (img, box)", img, box)
	}
	rows, columns := triangle(box.Height, outH), triangle(box.Width, outW)
	y := New(outH, outW, c)
	for i := range outH {
		for j := range outW {
			for a, wa := range rows[i] {
				for b, wb := range columns[j] {
					for k, v := range img.Row((box.Top+a)*w + box.Left + b) {
						y.Row(i*outW + j)[k] += wa * wb * v
					}
				}
			}
		}
	}
	return y
}

// triangle returns the weights [out][in] of one axis; each row sums to 1.
func triangle(in, out int) [][]float64 {
	scale := float64(in) / float64(out)
	half := max(scale, 1)
	weights := make([][]float64, out)
	for i := range weights {
		weights[i] = make([]float64, in)
		centre, sum := scale*(float64(i)+0.5), 0.0
		for j := range in {
			weights[i][j] = max(0, 1-math.Abs(float64(j)+0.5-centre)/half)
			sum += weights[i][j]
		}
		for j := range in {
			weights[i][j] /= sum
		}
	}
	return weights
}

// FlipHorizontal mirrors img [H W C] left to right.
func FlipHorizontal(img *Tensor) *Tensor {
	wantShape("FlipHorizontal", "img", img, -1, -1, -1)
	y, w := New(img.Shape...), img.Shape[1]
	for i := range img.Rows() {
		copy(y.Row(i/w*w+w-1-i%w), img.Row(i))
	}
	return y
}

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

// Normalize is (img − mean[c]) / std[c] for each channel of img [H W C].
func Normalize(img *Tensor, mean, std []float64) *Tensor {
	if len(mean) != img.Last() || len(std) != img.Last() {
		fail("Normalize", "mean and std want one number a channel", img, mean, std)
	}
	y := New(img.Shape...)
	for i, v := range img.Data {
		c := i % len(mean)
		y.Data[i] = (v - mean[c]) / std[c]
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
