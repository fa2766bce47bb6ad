package kernels_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
)

// oddShapes have a padded last axis, a padded first axis, both or neither.
var oddShapes = map[string][]int{"conv": {5, 3, 2, 3}, "linear": {7, 5}, "even": {4, 8}, "vector": {3}, "long": {257}, "one": {1}}

func TestStoreKeepsValuesOfPaddedShapes(t *testing.T) {
	st := kernels.NewStore(device)
	defer st.Free()
	params, values := map[string]*kernels.Param{}, map[string][]float32{}
	for i, name := range []string{"conv", "linear", "even", "vector", "long", "one"} {
		values[name] = uniform(uint64(i), volume(oddShapes[name]))
		params[name] = st.Param(name, func() []float32 { return values[name] }, oddShapes[name]...)
	}
	check := func(what string, f func(p *kernels.Param) ([]float32, error), want map[string][]float32) {
		t.Helper()
		for name, p := range params {
			got, err := f(p)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want[name]) {
				t.Errorf("%s of %s: %v, want %v", what, name, got, want[name])
			}
		}
	}
	check("first value before the store is on the device", (*kernels.Param).Read, values)
	second := map[string][]float32{}
	for i, name := range []string{"linear", "conv"} { // a checkpoint may be loaded before the first program
		values[name] = uniform(uint64(90+i), len(values[name]))
		if err := params[name].Write(values[name]); err != nil {
			t.Fatal(err)
		}
	}
	p, err := kernels.Build(device, st, func(g *kernels.Graph) { g.ClearGrads() })
	if err != nil {
		t.Fatal(err)
	}
	defer p.Free()
	zero := map[string][]float32{}
	for name, v := range values {
		zero[name] = make([]float32, len(v))
	}
	check("value", (*kernels.Param).Read, values)
	check("gradient", (*kernels.Param).ReadGrad, zero)
	check("moment 0", moment(0), zero)
	i := uint64(0)
	for name, p := range params {
		i++
		second[name] = uniform(100+i, len(values[name]))
		if err := errors.Join(p.Write(second[name]), p.WriteMoment(1, values[name])); err != nil {
			t.Fatal(err)
		}
	}
	check("written value", (*kernels.Param).Read, second)
	check("moment 0", moment(0), zero)
	check("moment 1", moment(1), values)
	for what, err := range map[string]error{"parameter": params["conv"].Write(values["one"]), "moment": params["conv"].WriteMoment(0, values["one"])} {
		if err == nil || !strings.Contains(err.Error(), "values given") {
			t.Errorf("%s of a wrong size: error %v", what, err)
		}
	}
}

func TestStoreKeepsStates(t *testing.T) {
	var state *kernels.State
	build(t, func(g *kernels.Graph) {
		state = g.Store().State("state", 0.5, 5, 3)
		g.Output("y", kernels.ReLU(g.Input("x", kernels.F32, 1, 1)))
	})
	if v, err := state.Read(); err != nil || !slices.Equal(v, slices.Repeat([]float32{0.5}, 15)) {
		t.Errorf("first value %v, error %v", v, err)
	}
	want := uniform(5, 15)
	if err := state.Write(want); err != nil {
		t.Fatal(err)
	}
	if v, err := state.Read(); err != nil || !slices.Equal(v, want) {
		t.Errorf("written %v, want %v; error %v", v, want, err)
	}
	if err := state.Write(want[1:]); err == nil || !strings.Contains(err.Error(), "values given") {
		t.Errorf("a wrong number of values: error %v", err)
	}
}

func TestProgramsShareParameters(t *testing.T) {
	var w *kernels.Param
	f := func(g *kernels.Graph) {
		w = g.Store().Param("w", ones(3), 3)
		g.Output("y", kernels.Bias(g.Input("x", kernels.F32, 1, 3), w))
	}
	p, st := build(t, f)
	if err := w.Write([]float32{4, 5, 6}); err != nil {
		t.Fatal(err)
	}
	q, err := kernels.Build(device, st, f)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Free()
	for _, x := range []*kernels.Program{p, q} {
		r := begin(t, x.Segment("main"))
		clear(r.Floats("x"))
		if y := wait(t, submit(t, r)).Output("y"); !slices.Equal(y, []float32{4, 5, 6, 0}) {
			t.Errorf("y %v", y)
		}
	}
}

// TestClearGradsClearsParametersDeclaredLater: ClearGrads stands at the start of a step, before layers have declared their parameters.
func TestClearGradsClearsParametersDeclaredLater(t *testing.T) {
	const n = 1000
	var b *kernels.Param
	p, _ := build(t, func(g *kernels.Graph) {
		g.ClearGrads()
		b = g.Store().Param("b", ones(n), n)
		y := kernels.Bias(g.Input("x", kernels.F32, 1, n), b)
		g.BackwardFrom(y, g.Input("r", kernels.F32, 1, n))
	})
	for range 2 {
		r := begin(t, p.Segment("main"))
		copy(r.Floats("r"), ones(n)())
		wait(t, submit(t, r))
		if v, err := b.ReadGrad(); err != nil || !slices.Equal(v, ones(n)()) {
			t.Errorf("gradient %v …, want 1 everywhere; error %v", v[:4], err)
		}
	}
}
