package train

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data/datatest"
)

// A row of DIET's head has the gradient Σ_n (p_n − [row is the index of n])·h_n with features h ≥ 0 and small p: its sum is negative for the images of the
// batch alone. In the second step, ContinueFrom has skipped one.
func TestIndicesAreThoseOfTheImagesInEveryPart(t *testing.T) {
	set := datatest.Noise(40, 16, 1)
	for _, parts := range []int{1, 4} {
		c := smallConfig()
		c.Accumulate, c.Norm, c.LR = parts, "none", 1e-9 // features stay nearly the same
		x := trainer(t, c, &ssl.DIET{}, set)
		for _, at := range []int{0, 2} {
			x.ContinueFrom(at)
			reports(t, x, at+1)
			samples, _ := x.sampler.at(at)
			var of []int
			for _, p := range x.Store.Params() {
				if p.Name != "head.weight" {
					continue
				}
				if !slices.Equal(p.Shape, []int{40, x.Backbone.Dim()}) {
					t.Fatalf("the head is %v, want a row for each image", p.Shape)
				}
				g := must(t)(p.ReadGrad())
				for row := range 40 {
					sum := float32(0)
					for _, v := range g[row*p.Shape[1]:][:p.Shape[1]] {
						sum += v
					}
					if sum < 0 {
						of = append(of, row)
					}
				}
			}
			if slices.Sort(samples); !slices.Equal(of, samples) {
				t.Errorf("%d parts, step %d: the targets are the images %v, want %v", parts, at, of, samples)
			}
		}
	}
}

// The queue of Distill receives them, normalized.
func TestTeacherRowsAreThoseOfTheImagesInEveryPart(t *testing.T) {
	set := datatest.Noise(40, 16, 1)
	for _, parts := range []int{1, 4} {
		c := smallConfig()
		c.Accumulate = parts
		m := &ssl.Distill{Temperature: 0.07, Queue: 20}
		x := trainer(t, c, m, set)
		for _, at := range []int{0, 2} {
			x.ContinueFrom(at)
			reports(t, x, at+1)
			samples, _ := x.sampler.at(at)
			queue, first := queues(t, x)[0], at*len(samples)
			for n, i := range samples {
				want := m.Teacher.Row(i)
				for k, v := range queue[(first+n)%20*6:][:6] {
					if w := float64(want[k]) / norm(want); math.Abs(float64(v)-w) > 1e-6 {
						t.Fatalf("%d parts, step %d: the queue has %v for image %d, want %v normalized", parts, at, queue[(first+n)%20*6:][:6], i, want)
					}
				}
			}
		}
	}
}

func TestMissingTeacherRowsAreRefused(t *testing.T) {
	set := datatest.Noise(16, 16, 1)
	for want, teacher := range map[string]*ssl.TeacherFeatures{
		"name them by --teacher": nil,
		"its features have 15 rows, and the data set has 16 samples: want a row for each": {Dim: 2, Values: datatest.Numbers(30)},
	} {
		x, err := New(kernels.NewStore(device), smallConfig(), Job{Method: &ssl.Distill{Temperature: 0.07, Queue: 8, Teacher: teacher}, Set: set})
		if err == nil {
			x.Free()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want it to say %q", err, want)
		}
	}
}
