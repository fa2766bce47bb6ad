package ref

import "math"

// Box is a crop in pixels of the source image: rows Top … Top+Height−1, columns Left … Left+Width−1.
type Box struct{ Top, Left, Height, Width int }

// A Filter gives the weight of a pixel at distance d from the center of the output pixel. It is zero for d ≥ Reach.
type Filter struct {
	Reach  float64
	Weight func(d float64) float64
}

// Bilinear is the triangle filter, Bicubic is Keys' cubic (1981) with a = −½, as in PyTorch with antialiasing.
var (
	Bilinear = Filter{1, func(d float64) float64 { return max(0, 1-math.Abs(d)) }}
	Bicubic  = Filter{2, cubic}
)

func cubic(d float64) float64 {
	const a = -0.5
	d = math.Abs(d)
	switch {
	case d < 1:
		return (a+2)*d*d*d - (a+3)*d*d + 1
	case d < 2:
		return a * (d*d*d - 5*d*d + 8*d - 4)
	}
	return 0
}

// ResizedCrop cuts box out of img [H W C] and resizes it to [outH outW C] with antialiasing, unrounded.
//
// Along each axis, with s = box length / output length, output i is the mean of the box's pixels j, weighted by the filter. The filter is stretched
// by max(s, 1) and centered at s·(i+½); pixel j is at j+½. Its reach is rounded to whole pixels at both ends. Pixels outside the box do not count.
// Source: torchvision 0.14, functional.resized_crop on float tensors with antialias=True (RandomResizedCrop's last step).
func ResizedCrop(img *Tensor, box Box, outH, outW int, f Filter) *Tensor {
	wantShape("ResizedCrop", "img", img, -1, -1, -1)
	h, w, c := img.Shape[0], img.Shape[1], img.Shape[2]
	if box.Top < 0 || box.Left < 0 || box.Height < 1 || box.Width < 1 || box.Top+box.Height > h || box.Left+box.Width > w {
		fail("ResizedCrop", "box outside the image (img, box)", img, box)
	}
	rows, columns := f.taps(box.Height, outH), f.taps(box.Width, outW)
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

// taps returns the weights [out][in] of one axis; each row sums to 1.
func (f Filter) taps(in, out int) [][]float64 {
	scale := float64(in) / float64(out)
	stretch := max(scale, 1)
	weights := make([][]float64, out)
	for i := range weights {
		weights[i] = make([]float64, in)
		center, sum := scale*(float64(i)+0.5), 0.0
		first, end := max(int(center-f.Reach*stretch+0.5), 0), min(int(center+f.Reach*stretch+0.5), in)
		for j := first; j < end; j++ {
			weights[i][j] = f.Weight((float64(j) + 0.5 - center) / stretch)
			sum += weights[i][j]
		}
		for j := range in {
			weights[i][j] /= sum
		}
	}
	return weights
}

// remapped returns an image [outH outW C] whose pixel (i, j) is that of img at from(i, j), or zeros if that is outside img.
func remapped(op string, img *Tensor, outH, outW int, from func(i, j int) (int, int)) *Tensor {
	wantShape(op, "img", img, -1, -1, -1)
	h, w := img.Shape[0], img.Shape[1]
	y := New(outH, outW, img.Shape[2])
	for n := range y.Rows() {
		if i, j := from(n/outW, n%outW); i >= 0 && i < h && j >= 0 && j < w {
			copy(y.Row(n), img.Row(i*w+j))
		}
	}
	return y
}

// Window returns the side × side pixels of img [H W C] whose first is (top, left). Pixels outside img are black. Source: torchvision, functional.crop.
func Window(img *Tensor, top, left, side int) *Tensor {
	return remapped("Window", img, side, side, func(i, j int) (int, int) { return top + i, left + j })
}

// FlipHorizontal mirrors img [H W C] left to right.
func FlipHorizontal(img *Tensor) *Tensor {
	return remapped("FlipHorizontal", img, img.Shape[0], img.Shape[1], func(i, j int) (int, int) { return i, img.Shape[1] - 1 - j })
}

// FlipVertical mirrors img [H W C] top to bottom.
func FlipVertical(img *Tensor) *Tensor {
	return remapped("FlipVertical", img, img.Shape[0], img.Shape[1], func(i, j int) (int, int) { return img.Shape[0] - 1 - i, j })
}

// Rot90 rotates img [H W C] counterclockwise by quarter turns. Source: torch.rot90 with dims (H, W).
func Rot90(img *Tensor, turns int) *Tensor {
	for range turns {
		h, w := img.Shape[0], img.Shape[1]
		img = remapped("Rot90", img, w, h, func(i, j int) (int, int) { return j, w - 1 - i })
	}
	return img
}

// Blur convolves img [H W C] with a normalized Gaussian of size × size pixels. Borders are reflected without repeating the edge.
// Source: torchvision, functional.gaussian_blur.
func Blur(img *Tensor, size int, sigma float64) *Tensor {
	wantShape("Blur", "img", img, -1, -1, -1)
	r, h, w := size/2, img.Shape[0], img.Shape[1]
	if size%2 == 0 || r >= h || r >= w || sigma <= 0 {
		fail("Blur", "want an odd size less than twice the image size and σ > 0 (img, size, σ)", img, size, sigma)
	}
	g, sum := make([]float64, size), 0.0
	for i := range g {
		g[i] = math.Exp(-float64((i-r)*(i-r)) / (2 * sigma * sigma))
		sum += g[i]
	}
	y := New(img.Shape...)
	for n := range img.Rows() {
		for a := range size {
			for b := range size {
				for c, v := range img.Row(reflected(n/w+a-r, h)*w + reflected(n%w+b-r, w)) {
					y.Row(n)[c] += g[a] / sum * g[b] / sum * v
				}
			}
		}
	}
	return y
}

func reflected(i, n int) int {
	if i < 0 {
		return -i
	}
	return min(i, 2*(n-1)-i)
}

// Erase sets a box of img [H W C] to zero. Source: torchvision, functional.erase with v = 0.
func Erase(img *Tensor, box Box) *Tensor {
	return remapped("Erase", img, img.Shape[0], img.Shape[1], func(i, j int) (int, int) {
		if i >= box.Top && i < box.Top+box.Height && j >= box.Left && j < box.Left+box.Width {
			return -1, -1
		}
		return i, j
	})
}

// Mask sets square patches of img [H W C] to zero. Patches are numbered row by row.
func Mask(img *Tensor, side int, patches []int) *Tensor {
	columns := img.Shape[1] / side
	for _, p := range patches {
		img = Erase(img, Box{p / columns * side, p % columns * side, side, side})
	}
	return img
}

// Normalize is (img − mean[c]) / std[c] for each channel of img [H W C].
func Normalize(img *Tensor, mean, std []float64) *Tensor {
	if len(mean) != img.Last() || len(std) != img.Last() {
		fail("Normalize", "mean and std need one number per channel", img, mean, std)
	}
	y := New(img.Shape...)
	for i, v := range img.Data {
		c := i % len(mean)
		y.Data[i] = (v - mean[c]) / std[c]
	}
	return y
}
