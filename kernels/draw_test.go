package kernels_test

import (
	"slices"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/rng"
)

// Two segments that record the same module get the same numbers, another call in a segment others. The numbers depend on nothing but seed, number and name.
func TestDrawsDependOnSeedNumberAndNameAlone(t *testing.T) {
	module := func(g *kernels.Graph, name string) *kernels.Tensor {
		name = g.Draw(name, func(r *kernels.Run, name string, src *rng.Source) { src.Uniform(r.Floats(name), 0, 1) })
		return kernels.Scale(g.Input(name, kernels.F32, 4), 2)
	}
	p, _ := build(t, func(g *kernels.Graph) {
		for _, segment := range []string{"embed", "micro"} {
			g.Segment(segment)
			g.Output("a", module(g, "a"))
			g.Output("a again", module(g, "a"))
			g.Output("b", module(g, "b"))
		}
	})
	draw := func(segment, output string, seed uint64, at uint32) []float32 {
		r := begin(t, p.Segment(segment))
		r.Draw(seed, at)
		return slices.Clone(wait(t, submit(t, r)).Output(output))
	}
	want := draw("embed", "a", 1, 5)
	if slices.Max(want) == slices.Min(want) || slices.Min(want) < 0 {
		t.Errorf("%v are drawn, want numbers of [0, 2)", want)
	}
	for i := range 3 {
		if got := draw("micro", "a", 1, 5); !slices.Equal(got, want) {
			t.Errorf("draw %d of another segment gives %v, want %v", i, got, want)
		}
	}
	for what, got := range map[string][]float32{"seed": draw("embed", "a", 2, 5), "number": draw("embed", "a", 1, 6), "name": draw("embed", "b", 1, 5), "call": draw("embed", "a again", 1, 5)} {
		if slices.Equal(got, want) {
			t.Errorf("another %s gives the same numbers", what)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a run whose inputs were not drawn was submitted")
		}
	}()
	_ = begin(t, p.Segment("embed")).Submit()
}
