package kernels_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
)

// TestAverageStartsAtTheParameterWithoutGradient also reads the average before it is on the device, and in a second program.
func TestAverageStartsAtTheParameterWithoutGradient(t *testing.T) {
	st := kernels.NewStore(device)
	defer st.Free()
	first := []float32{1, 2, 3, 4, 5}
	p := st.Param("p", func() []float32 { return first }, 5)
	q := st.Param("q", func() []float32 { return first }, 5)
	for range 2 {
		prog, err := kernels.Build(device, st, func(g *kernels.Graph) {
			y := kernels.ReLU(p.Average(g))
			g.Output("y", y)
			g.BackwardFrom(y, g.Input("dy", kernels.F32, 5))
			if p.Average(g).Grad() != nil {
				t.Error("a gradient flows into an average")
			}
			if v, err := p.ReadAverage(); err != nil || !slices.Equal(v, first) {
				t.Errorf("average %v, %v: want %v", v, err, first)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		r, err := prog.Segment("main").Begin()
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Submit(); err != nil {
			t.Fatal(err)
		}
		if err := r.Wait(); err != nil {
			t.Fatal(err)
		}
		if y := r.Output("y")[:5]; !slices.Equal(y, first) {
			t.Errorf("an op reads %v, want %v", y, first)
		}
		prog.Free()
	}
	if !p.HasAverage() || q.HasAverage() {
		t.Errorf("averaged: %t and %t, want the first alone", p.HasAverage(), q.HasAverage())
	}
	for _, err := range []error{q.WriteAverage(first), second(q.ReadAverage())} {
		if err == nil || !strings.Contains(err.Error(), "q has no moving average") {
			t.Errorf("error %v", err)
		}
	}
	_, err := kernels.Build(device, st, func(g *kernels.Graph) { q.Average(g) })
	if err == nil || !strings.Contains(err.Error(), "call Momentum in the first program") {
		t.Errorf("requested after the first program: error %v", err)
	}
}

func second(_ []float32, err error) error { return err }
