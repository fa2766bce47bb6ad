package eval

import (
	"math"
	"slices"
	"testing"
)

// Two images with the features 1 and −1, of classes 0 and 1, give the gradient −0.5 for W[0] at W = 0, and −σ(−1) = −0.26894 at W = [0.5 −0.5].
func TestSGDStepsAreThoseOfPyTorch(t *testing.T) {
	p := &sgdProbe{trainLabels: []int32{0, 1}, classes: 2, heldOut: []bool{false, false}, heads: []*sgdHead{{rate: 1}, {rate: 0.5, all: true}}}
	for _, schedule := range []float64{1, 0.5} {
		if err := p.step(t.Context(), []int{1, 0}, []float32{-1, 1}, schedule); err != nil {
			t.Fatal(err)
		}
	}
	velocity := -0.9*0.5 - 1/(1+math.Exp(1))
	if w, want := p.heads[0].w, 0.5-0.5*velocity; math.Abs(w[0]-want) > 1e-7 || math.Abs(w[1]+want) > 1e-7 || w[2] != 0 || w[3] != 0 {
		t.Errorf("W and b are %v, want ± %g and zeros", w, want)
	}
	// At half the rate, W is ± 0.25 after the first step.
	velocity = -0.9*0.5 - 1/(1+math.Exp(0.5))
	if w, want := p.heads[1].w, 0.25-0.25*velocity; math.Abs(w[0]-want) > 1e-7 {
		t.Errorf("W and b are %v, want ± %g", w, want)
	}
}

// Held-out images change the classifiers that are trained on all images, and no other.
func TestHeldOutImagesTrainNoClassifierThatSelects(t *testing.T) {
	train := func(heldOutX float32) *sgdProbe {
		p := &sgdProbe{trainLabels: []int32{0, 1, 0}, classes: 2, heldOut: []bool{false, false, true}, heads: []*sgdHead{{rate: 1}, {rate: 1, all: true}}}
		for _, batch := range [][]int{{0, 1, 2}, {2}} {
			var x []float32
			for _, i := range batch {
				x = append(x, []float32{1, -1, heldOutX}[i])
			}
			if err := p.step(t.Context(), batch, x, 1); err != nil {
				t.Fatal(err)
			}
		}
		return p
	}
	a, b := train(1), train(7)
	if !slices.Equal(a.heads[0].w, b.heads[0].w) || slices.Equal(a.heads[1].w, b.heads[1].w) {
		t.Errorf("selecting %v and %v, want them equal; all %v and %v, want them different", a.heads[0].w, b.heads[0].w, a.heads[1].w, b.heads[1].w)
	}
}

func TestEveryTenthImageOfAClassIsHeldOut(t *testing.T) {
	large := make([]int32, 45) // classes 0, 1 and 2 with 15 images
	for i := range large {
		large[i] = int32(i % 3)
	}
	for _, x := range []struct {
		labels []int32
		want   []int
	}{
		{large, []int{27, 28, 29}},
		{[]int32{0, 1, 0, 0, 1}, []int{3}},
		{[]int32{0, 1, 1, 0}, []int{2, 3}},
		{[]int32{0, 1, 2}, nil},
	} {
		var got []int
		for i, held := range holdOut(x.labels, 3) {
			if held {
				got = append(got, i)
			}
		}
		if !slices.Equal(got, x.want) {
			t.Errorf("%v: images %v are held out, want %v", x.labels, got, x.want)
		}
	}
}

func TestBatchesOfSGDDoNotDependOnTheRunsOfTheEncoder(t *testing.T) {
	const n, width = 23, 2
	for _, batch := range []int{1, 5, 8, 23, 100} {
		for part := 1; part <= min(batch, n); part++ {
			var sizes []int
			var passed []float32
			receive := regroup(n, part, batch, func(first, size int, x []float32) error {
				if first != len(passed)/width || len(x) != size*width {
					t.Errorf("parts of %d, batches of %d: %d numbers of %d images from image %d on, after %d", part, batch, len(x), size, first, len(passed)/width)
				}
				sizes, passed = append(sizes, size), append(passed, x...)
				return nil
			})
			x := make([]float32, part*width) // the encoder overwrites it
			for first := 0; first < n; first += part {
				for i := range x {
					x[i] = float32(first*width + i)
				}
				if err := receive(first, x[:min(part, n-first)*width]); err != nil {
					t.Fatal(err)
				}
			}
			for i, v := range passed {
				if v != float32(i) {
					t.Fatalf("parts of %d, batches of %d: number %d is %g", part, batch, i, v)
				}
			}
			last := len(sizes) - 1
			if len(passed) != n*width || len(sizes) != (n+batch-1)/batch || slices.ContainsFunc(sizes[:last], func(size int) bool { return size != batch }) {
				t.Errorf("parts of %d: batches of %v, want %d", part, sizes, batch)
			}
		}
	}
}
