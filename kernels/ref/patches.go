package ref

import "math"

// Patches is y[n k] = the numbers of patch index[n·K + k] of image n, row by row, channels innermost: x [N H W C], index [N·K], y [N K side²·C]. With
// normalize it is (v − mean)/√(Σ (v − mean)²/(P − 1) + eps) over the P numbers of the patch.
func Patches(x *Tensor, index []int32, side int, normalize bool, eps float64) *Tensor {
	wantShape("Patches", "x", x, -1, -1, -1, -1)
	n, h, w, c := x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]
	y := New(n, len(index)/n, side*side*c)
	for r, patch := range index {
		row, to := y.Row(r), 0
		top, left := int(patch)/(w/side)*side, int(patch)%(w/side)*side
		for line := range side {
			pixel := (r/(len(index)/n)*h+top+line)*w + left
			to += copy(row[to:], x.Data[pixel*c:(pixel+side)*c])
		}
		if normalize {
			normalizeNumbers(row, eps)
		}
	}
	return y
}

func normalizeNumbers(v []float64, eps float64) {
	mean, square := 0.0, 0.0
	for _, e := range v {
		mean += e / float64(len(v))
	}
	for i := range v {
		v[i] -= mean
		square += v[i] * v[i]
	}
	for i := range v {
		v[i] /= math.Sqrt(square/float64(len(v)-1) + eps)
	}
}
