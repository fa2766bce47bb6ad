package ssl

import (
	"math"
	"slices"
	"testing"

	"github.com/marr-ssl/marr/kernels"
)

// pairExample is a loss on embeddings of two views [N 2], computed by hand and in float64 by the authors' formulas.
type pairExample struct {
	name     string
	z1, z2   []float32
	loss     float64
	gradient []float64 // with respect to z1; nil: not compared
}

func checkExamples(t *testing.T, m Contrastive, tolerance float64, examples []pairExample) {
	t.Helper()
	for _, x := range examples {
		loss, gradient := differentiate(t, 2, map[string][]float32{"z1": x.z1, "z2": x.z2}, "z1", func(s *Step, in embeddings) *kernels.Tensor {
			return m.Contrast(s, kernels.Concat(in["z1"], in["z2"]))
		})
		if !(math.Abs(loss-x.loss) <= tolerance) {
			t.Errorf("%s: loss %.7g, want %.7g", x.name, loss, x.loss)
		}
		for i, want := range x.gradient {
			if !(math.Abs(float64(gradient[i])-want) <= tolerance) {
				t.Errorf("%s: gradient %d is %.6f, want %.6f", x.name, i, gradient[i], want)
			}
		}
	}
}

var (
	barlowA = []float32{1, 0, 2, 1, 3, 1, 4, 4}
	barlowB = []float32{1, 1, 2, 0, 4, 1, 3, 3}
	signs   = []float32{1, 1, 1, -1, -1, 1, -1, -1} // orthogonal columns of mean 0 and variance 1
)

func TestBarlowTwinsLossOfSmallMatrices(t *testing.T) {
	m := &BarlowTwins{Lambda: 0.0051}
	checkExamples(t, m, 2e-6, []pairExample{
		{"two views", barlowA, barlowB, 0.068875, []float64{0.025204, -0.033066, 0.006648, 0.045654, -0.088904, -0.001565, 0.057053, -0.011022}},
		{"equal views", barlowA, barlowA, 0.008160, nil},
		{"whitened", signs, signs, 0, nil},
		{"two equal columns", []float32{1, 1, 1, 1, -1, -1, -1, -1}, []float32{1, 1, 1, 1, -1, -1, -1, -1}, 2 * 0.0051, nil},
	})
}

// The batch norm removes positive scales and shifts of columns. The order of images and that of components do not matter, if it is the same in both views.
func TestBarlowTwinsLossIsInvariant(t *testing.T) {
	m := &BarlowTwins{Lambda: 0.5}
	loss := func(a, b []float32) float64 {
		return evaluate(t, 2, map[string][]float32{"z1": a, "z2": b}, func(s *Step, in embeddings) *kernels.Tensor {
			return m.Contrast(s, kernels.Concat(in["z1"], in["z2"]))
		})
	}
	changed := func(v []float32, f func(row, column int, x float32) float32) []float32 {
		v = slices.Clone(v)
		for i, x := range v {
			v[i] = f(i/2, i%2, x)
		}
		return v
	}
	reversed := func(v []float32) []float32 { // both rows and columns
		v = slices.Clone(v)
		slices.Reverse(v)
		return v
	}
	want := loss(barlowA, barlowB)
	scaled := func(_, column int, x float32) float32 { return x*float32(2+3*column) - 7 }
	for name, got := range map[string]float64{
		"scaled and shifted": loss(changed(barlowA, scaled), barlowB),
		"permuted":           loss(reversed(barlowA), reversed(barlowB)),
	} {
		if !(math.Abs(got-want) <= 1e-4*want) { // ε = 1e-5 is not scaled
			t.Errorf("%s: loss %g, want %g", name, got, want)
		}
	}
	if got := loss(reversed(barlowA), barlowB); math.Abs(got-want) < 0.1*want {
		t.Errorf("one view permuted: loss %g, of both in order %g", got, want)
	}
}

func TestVICRegLossOfSmallMatrices(t *testing.T) {
	x, y := []float32{0, 0, 0.5, 1, 1, 2}, []float32{0, 0.5, 0.5, 0.5, 1, 2}
	zero := make([]float32, 6)
	checkExamples(t, &VICReg{Invariance: 25, Variance: 25, Covariance: 1}, 5e-6, []pairExample{
		{"two views", x, y, 9.559689, []float64{2.624375, -4.416667, 0, 4.166667, -2.624375, 0.25}},
		{"all zero", zero, zero, 24.75, make([]float64, 6)},
		{"orthogonal", signs, signs, 0, make([]float64, 8)},
	})
	for _, term := range []struct {
		m    VICReg
		want float64
	}{{VICReg{Invariance: 1}, 0.083333}, {VICReg{Variance: 1}, 0.283429}, {VICReg{Covariance: 1}, 0.390625}} {
		checkExamples(t, &term.m, 2e-6, []pairExample{{"a term", x, y, term.want, nil}})
		shifted := slices.Clone(x)
		for i := range shifted {
			shifted[i] += 3
		}
		if term.m.Invariance == 0 {
			checkExamples(t, &term.m, 2e-6, []pairExample{{"a term of shifted embeddings", shifted, y, term.want, nil}})
		}
	}
}
