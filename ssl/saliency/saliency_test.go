package saliency

import (
	"image"
	"image/color"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/marr-ssl/marr/kernels/rng"
)

func TestComponentsAreThoseOfTheSingularValues(t *testing.T) {
	const n, d = 60, 50
	m := mat.NewDense(n, d, nil)
	for i, src := 0, rng.New(3); i < n*d; i++ {
		m.RawMatrix().Data[i] = src.Normal() / float64(1+i%d)
	}
	centered := mat.DenseCopyOf(m)
	center(centered)
	var svd mat.SVD
	svd.Factorize(centered, mat.SVDNone)
	projected, squares, err := Components(m, 5)
	if err != nil {
		t.Fatal(err)
	}
	for j, s := range svd.Values(nil)[:5] {
		column := mat.Norm(projected.ColView(j), 2)
		if math.Abs(column-s) > 1e-6*s || math.Abs(math.Sqrt(squares[j])-s) > 1e-6*s {
			t.Errorf("component %d has the norm %v and the square %v, want %v and its square", j, column, squares[j], s)
		}
	}
}

// Two regions of a map differ in one feature, a third region in another: the regions have three colors, and the first component parts the larger ones.
func TestColorsArePrincipalComponents(t *testing.T) {
	const h, w, d = 2, 3, 5
	x := make([]float32, 2*h*w*d)
	for i := range 2 * h * w {
		switch i % w {
		case 0:
			x[i*d+3] = 10
		case 1:
			x[i*d+1] = 1
		}
	}
	pictures, err := Colors(x, 2, h, w, d)
	if err != nil || len(pictures) != 2 || pictures[1].Bounds() != image.Rect(0, 0, w, h) {
		t.Fatalf("%v: %d pictures", err, len(pictures))
	}
	for _, p := range pictures {
		for y := range h {
			first, second, third := p.At(0, y).(color.RGBA), p.At(1, y).(color.RGBA), p.At(2, y).(color.RGBA)
			if first.R != 255 || second.R > 12 || third.R > 12 || max(second.G, third.G) != 255 || min(second.G, third.G) != 0 {
				t.Errorf("colors %v %v %v", first, second, third)
			}
		}
	}
	if gray, err := Colors(x, 1, 2*h*w, 1, d/2); err != nil || gray[0].At(0, 0).(color.RGBA).R != gray[0].At(0, 0).(color.RGBA).B {
		t.Errorf("%v: maps of two features are not gray", err)
	}
	if _, err := Colors(x, 2, 1, 1, d); err == nil {
		t.Error("maps of one position have colors")
	}
	x[4] = float32(math.NaN())
	if _, err := Colors(x, 2, h, w, d); err == nil {
		t.Error("maps that are not finite have colors")
	}
}

// The matrix of all attention weights is computed by its definition.
func TestClassAttentionIsTheFirstRowOfTheWeights(t *testing.T) {
	const tokens, heads, width = 5, 2, 4
	const d = heads * width
	qkv := make([]float32, tokens*3*d)
	rng.New(7).Uniform(qkv, -2, 2)
	want := make([]float64, tokens)
	for head := range heads {
		part := func(k int) *mat.Dense {
			m := mat.NewDense(tokens, width, nil)
			for i := range tokens {
				for j := range width {
					m.Set(i, j, float64(qkv[(i*3+k)*d+head*width+j]))
				}
			}
			return m
		}
		var weights mat.Dense
		weights.Mul(part(0), part(1).T())
		weights.Apply(func(_, _ int, v float64) float64 { return math.Exp(v / math.Sqrt(width)) }, &weights)
		for i := range want {
			want[i] += weights.At(0, i) / mat.Sum(weights.RowView(0)) / heads
		}
	}
	got := ClassAttention(qkv, tokens, heads)
	if len(got) != tokens-1 {
		t.Fatalf("%d numbers, want one for each patch", len(got))
	}
	for i, v := range got {
		if !(math.Abs(v-want[i+1]) <= 1e-12) {
			t.Errorf("patch %d: %v, want %v", i, v, want[i+1])
		}
	}
	for i := range qkv {
		qkv[i] *= 1000 // scores overflow exp
	}
	for i, v := range ClassAttention(qkv, tokens, heads) {
		if !(v >= 0 && v <= 1) {
			t.Errorf("large scores, patch %d: %v", i, v)
		}
	}
}

// The gradient of a linear classifier on the mean is its weights divided by the number of positions, so the map is that of the weights.
func TestClassMapOfALinearClassifierHasItsWeights(t *testing.T) {
	weights := []float32{2, -1}
	x := []float32{1, 0, 0, 1, 3, 1, 0, 0}
	gradient := make([]float32, len(x))
	for i := range gradient {
		gradient[i] = weights[i%2] / 4
	}
	for i, v := range ClassMap(x, gradient, 2) {
		if want := []float64{.5, 0, 1.25, 0}[i]; v != want { // max(0, (2·x₀ − x₁)/4)
			t.Errorf("position %d: %v, want %v", i, v, want)
		}
	}
}

func TestHeatGrowsBrighter(t *testing.T) {
	values := make([]float64, 64)
	for i := range values {
		values[i] = float64(i)
	}
	p := Heat(values, 8)
	last := -1.0
	for i := range values {
		c := p.At(i%8, i/8).(color.RGBA)
		brightness := .2126*float64(c.R) + .7152*float64(c.G) + .0722*float64(c.B)
		if !(brightness > last) {
			t.Errorf("value %d has brightness %v, the one before %v", i, brightness, last)
		}
		last = brightness
	}
	if last != 255 && math.Abs(last-255) > 1e-9 || Heat(make([]float64, 4), 2).At(0, 0) != (color.RGBA{A: 255}) {
		t.Errorf("the largest value has brightness %v, want 255, and zeros are black", last)
	}
}
