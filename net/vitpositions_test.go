package net

import (
	"math"
	"testing"
)

// The ramp 0, 1, 2, 3, resized to two numbers by PyTorch: F.interpolate(torch.arange(4.)[None, None, None], size=(1, 2), mode="bicubic").
func TestPositionsAreInterpolatedAsByPyTorch(t *testing.T) {
	ramp := func(to int) (out []float64) {
		for _, row := range cubicWeights(4, to) {
			sum := 0.0
			for j, w := range row {
				sum += w * float64(j)
			}
			out = append(out, sum)
		}
		return out
	}
	for i, want := range []float64{0.40625, 2.59375} {
		if got := ramp(2)[i]; math.Abs(got-want) > 1e-12 {
			t.Errorf("number %d is %v, want %v", i, got, want)
		}
	}
	for i, got := range ramp(4) {
		if got != float64(i) {
			t.Errorf("to the same size, number %d is %v", i, got)
		}
	}
}

// Every row sums to 1: equal positions stay equal. The class token keeps its own.
func TestGridWeightsKeepConstants(t *testing.T) {
	for _, x := range [][3]int{{4, 2, 3}, {14, 6, 6}, {3, 7, 4}, {1, 5, 5}, {8, 1, 1}} {
		grid, h, w := x[0], x[1], x[2]
		m, width := gridWeights(grid, h, w), 1+grid*grid
		for i := range 1 + h*w {
			sum := 0.0
			for _, v := range m[i*width : (i+1)*width] {
				sum += float64(v)
			}
			if math.Abs(sum-1) > 1e-6 || (m[i*width] == 1) != (i == 0) {
				t.Errorf("%v: row %d sums to %v and takes %v of the class token", x, i, sum, m[i*width])
			}
		}
	}
}
