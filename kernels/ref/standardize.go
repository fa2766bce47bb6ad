package ref

import "math"

// Standardize is y[n] = (x[n] − mean) / (√(mean (x[n] − mean)²) + eps) for images x [N H W C]. The means are over all pixels and channels of image n.
func Standardize(x *Tensor, eps float64) *Tensor {
	wantShape("Standardize", "x", x, -1, -1, -1, -1)
	y, size := x.Clone(), volume(x.Shape[1:])
	for at := 0; at < len(y.Data); at += size {
		image, mean, square := y.Data[at:at+size], 0.0, 0.0
		for _, v := range image {
			mean += v / float64(size)
		}
		for i := range image {
			image[i] -= mean
			square += image[i] * image[i] / float64(size)
		}
		for i := range image {
			image[i] /= math.Sqrt(square) + eps
		}
	}
	return y
}
