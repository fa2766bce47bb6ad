package net

import (
	"math"
	"testing"
)

// The ramp 0, 1, 2 …, resized by PyTorch: F.interpolate(torch.arange(n)[None, None, None], mode="bicubic") with size=(1, to), or as DINO calls it, with
// scale_factor=(1, (to + 0.1)/n), which puts the results n/(to + 0.1) apart.
func TestRampsAreInterpolatedAsByPyTorch(t *testing.T) {
	for _, x := range []struct {
		from, to int
		step     float64
		want     []float64
	}{
		{4, 2, 4. / 2, []float64{0.40625, 2.59375}},
		{4, 4, 4. / 4, []float64{0, 1, 2, 3}},
		{4, 2, 4 / 2.1, []float64{0.362430, 2.451440}},
		{4, 6, 4 / 6.1, []float64{-0.08848, 0.390981, 1.182597, 1.747005, 2.546707, 3.063794}},
		{14, 6, 14 / 6.1, []float64{0.553536, 2.918684, 5.285233, 7.524625, 9.781147, 12.173553}},
	} {
		for i, row := range cubicWeights(x.from, x.to, x.step) {
			got := 0.0
			for j, w := range row {
				got += w * float64(j)
			}
			if math.Abs(got-x.want[i]) > 1e-6 {
				t.Errorf("%d to %d, %g apart: number %d is %v, want %v", x.from, x.to, x.step, i, got, x.want[i])
			}
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

// Eight numbers for each patch of a 2 × 2 grid: the first four encode the column, the others the row.
func TestFixedPositionsAreMAEs(t *testing.T) {
	const sin1, cos1, sin2, cos2 = 0.841471, 0.540302, 0.01, 0.99995
	want := []float64{
		0, 0, 0, 0, 0, 0, 0, 0, // the class token
		0, 0, 1, 1, 0, 0, 1, 1,
		sin1, sin2, cos1, cos2, 0, 0, 1, 1,
		0, 0, 1, 1, sin1, sin2, cos1, cos2,
		sin1, sin2, cos1, cos2, sin1, sin2, cos1, cos2,
	}
	got := sinCos(2, 2, 8)
	if len(got) != len(want) {
		t.Fatalf("%d numbers, want %d", len(got), len(want))
	}
	for i, v := range got {
		if math.Abs(float64(v)-want[i]) > 1e-6 {
			t.Errorf("number %d of patch %d is %v, want %v", i%8, i/8-1, v, want[i])
		}
	}
}
