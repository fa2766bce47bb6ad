package kernels_test

import (
	"math"
	"slices"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/vk"
	"github.com/marr-ssl/marr/vk/vktest"
)

// Computed in float64 from the formula. The maximum of the second scores lies far below zero, and exp of them would be 0.
func TestSinkhornKnownValues(t *testing.T) {
	want := []float32{0.992987, 0.000179, 0.006834, 0.721708, 0.007114, 0.271179, 0.004577, 0.993703, 0.001720, 0, 0.000480, 0.999520}
	prog, _ := build(t, func(g *kernels.Graph) { g.Output("q", kernels.Sinkhorn(g.Input("s", kernels.F32, 4, 3), 0.05)) })
	for _, shift := range []float32{0, -20} {
		r := begin(t, prog.Segment("main"))
		scores := []float32{0.9, 0.1, 0, 0.8, 0.2, 0.1, 0.7, 0.6, 0, 0.1, 0.2, 0.3}
		for i := range scores {
			scores[i] += shift
		}
		kernels.Pack(r.Floats("s"), scores, 3)
		wait(t, submit(t, r))
		got := make([]float32, 12)
		kernels.Unpack(got, r.Output("q"), 3)
		for i, v := range got {
			if !(math.Abs(float64(v-want[i])) <= 2e-5) { // of −20 + 0.9, float32 keeps 1e-6; divided by ε that is 2e-5
				t.Errorf("scores %+g: element %d is %g, want %g", shift, i, v, want[i])
			}
		}
	}
}

func TestNonFiniteStepKeepsTheQueue(t *testing.T) {
	vktest.Configure(t, device, func(s *vk.Settings) { s.Eager = false }) // the eager twin would stop at the number
	var q *kernels.State
	prog, _ := build(t, func(g *kernels.Graph) {
		q = g.Store().StateFrom("queue", func() []float32 { return []float32{1, 2, 3, 4, 5, 6} }, 3, 2)
		p := g.Store().Param("p", ones(1), 1)
		x := g.Input("x", kernels.F32, 2, 2)
		g.ClearGrads()
		g.BackwardFrom(kernels.Bias(g.Input("zero", kernels.F32, 1, 1), p), g.Input("dp", kernels.F32, 1, 1))
		g.CheckFinite(g.Input("loss", kernels.F32, 1))
		q.Push(g, x, g.Scalar("first"))
	})
	for i, c := range []struct{ loss, want []float32 }{
		{[]float32{1}, []float32{8, 9, 3, 4, 6, 7}}, {[]float32{float32(math.NaN())}, []float32{8, 9, 3, 4, 6, 7}},
	} {
		r := begin(t, prog.Segment("main"))
		kernels.Pack(r.Floats("x"), []float32{6, 7, 8, 9}, 2)
		copy(r.Floats("loss"), c.loss)
		r.Set("first", float64(2-i))
		wait(t, submit(t, r))
		if v, err := q.Read(); err != nil || !slices.Equal(v, c.want) {
			t.Errorf("queue %v, %v behind step %d, want %v", v, err, i, c.want)
		}
	}
}
