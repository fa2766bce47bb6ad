package kernels_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/kerneltest"
	"github.com/marr-ssl/marr/kernels/optest"
	"github.com/marr-ssl/marr/kernels/ref"
	"github.com/marr-ssl/marr/vk"
	"github.com/marr-ssl/marr/vk/vktest"
)

func TestScatterMicroUndoesGatherMicro(t *testing.T) {
	for _, p := range []struct{ parts, blocks, n, width int }{{1, 2, 3, 5}, {2, 1, 1, 1}, {3, 2, 5, 7}, {4, 3, 33, 64}} {
		kerneltest.RunCases(t, bench, optest.Case{Name: fmt.Sprint(p), // one program a case: a graph has one number of micro-batches
			Inputs: []optest.Input{{Name: "x", Kind: optest.Constant, Shape: []int{p.blocks * p.n, p.width}}},
			Build: func(in optest.In) *kernels.Tensor {
				in.Graph.Micro(p.parts)
				return kernels.ScatterMicro(kernels.GatherMicro(in.T("x"), p.blocks), p.blocks)
			},
			Ref: func(in optest.Values) *ref.Tensor { return in.T("x") }})
	}
}

// TestGatherMicroKeepsBlocksTogether has two views of four images in two micro-batches. Rows 0 … 3 of the result are the first views.
func TestGatherMicroKeepsBlocksTogether(t *testing.T) {
	for env, change := range map[string]func(s *vk.Settings){
		"eager": func(s *vk.Settings) { s.Eager = true }, "poison": func(s *vk.Settings) { s.Poison = true }, "": func(*vk.Settings) {}} {
		was := device.Settings()
		vktest.Configure(t, device, change)
		p, _ := build(t, func(g *kernels.Graph) {
			g.Micro(2)
			g.Segment("embed")
			all := kernels.GatherMicro(g.Input("x", kernels.F32, 4, 1), 2)
			row := kernels.GatherMicro(g.Input("row", kernels.F32, 3), 1)
			g.Segment("contrast")
			g.Output("all", all)
			g.Output("row", row)
			double := kernels.Scale(all, 2)
			g.Segment("micro")
			g.Output("part", kernels.ScatterMicro(double, 2))
		})
		run := func(segment string, micro int) *kernels.Run {
			r := begin(t, p.Segment(segment))
			if p.Segment(segment).HasScalar("micro") {
				r.Set("micro", float64(micro))
			}
			if segment == "embed" {
				kernels.Pack(r.Floats("x"), [][]float32{{10, 11, 20, 21}, {12, 13, 22, 23}}[micro], 1)
				kernels.Pack(r.Floats("row"), [][]float32{{1, 2, 3}, {4, 5, 6}}[micro], 3)
			}
			return wait(t, submit(t, r))
		}
		column := func(padded []float32) (v []float32) {
			for i := 0; i < len(padded); i += 4 {
				v = append(v, padded[i])
			}
			return v
		}
		run("embed", 0)
		run("embed", 1)
		r := run("contrast", 0)
		if got, want := column(r.Output("all")), []float32{10, 11, 12, 13, 20, 21, 22, 23}; !slices.Equal(got, want) {
			t.Errorf("%s: gathered %v, want %v", env, got, want)
		}
		if got, want := r.Output("row"), []float32{1, 2, 3, 0, 4, 5, 6, 0}; !slices.Equal(got, want) {
			t.Errorf("%s: gathered %v, want %v", env, got, want)
		}
		for m, want := range [][]float32{{20, 22, 40, 42}, {24, 26, 44, 46}} {
			if got := column(run("micro", m).Output("part")); !slices.Equal(got, want) {
				t.Errorf("%s: part %d is %v, want %v", env, m, got, want)
			}
		}
		if err := p.CheckGuards(); err != nil {
			t.Error(err)
		}
		device.Configure(was)
	}
}

// TestForwardOnlyLeavesNoGradientAndNoStatistics runs a batch norm twice and updates its statistics once.
func TestForwardOnlyLeavesNoGradientAndNoStatistics(t *testing.T) {
	var mean *kernels.State
	p, st := build(t, func(g *kernels.Graph) {
		mean = g.Store().State("mean", 0, 4)
		n := kernels.Norm{Gamma: g.Store().Param("gamma", ones(4), 4), Beta: g.Store().Param("beta", ones(4), 4), Mean: mean, Var: g.Store().State("var", 1, 4), BNMomentum: 0.5}
		x := g.Input("x", kernels.F32, 2, 4)
		var first *kernels.Tensor
		g.ForwardOnly(func() { first = kernels.BatchNorm(x, n, nil, false, true) })
		y := kernels.BatchNorm(x, n, nil, false, true)
		g.ClearGrads()
		g.BackwardFrom(kernels.Add(first, y), g.Input("dy", kernels.F32, 2, 4))
		g.UpdateRunningStats()
	})
	r := begin(t, p.Segment("main"))
	copy(r.Floats("x"), []float32{1, 2, 3, 4, 3, 4, 5, 6})
	copy(r.Floats("dy"), slices.Repeat([]float32{1}, 8))
	r.Set("micro", 0)
	wait(t, submit(t, r))
	if got, err := mean.Read(); err != nil || !slices.Equal(got, []float32{1, 1.5, 2, 2.5}) {
		t.Errorf("%v: the running mean moved to %v, want half of the batch's", err, got)
	}
	if got, err := st.Params()[1].ReadGrad(); err != nil || !slices.Equal(got, []float32{2, 2, 2, 2}) {
		t.Errorf("%v: the gradient of the shift is %v, want 2: that of one pass", err, got)
	}
}
