package optest

import (
	"slices"
	"testing"

	"marr/kernels"
	"marr/vk"
)

// result is what the runs of a program left behind: padded rows, as they lie in memory.
type result struct {
	y      []float32
	grads  map[string][]float32 // as of the last run
	inputs map[string][]float32 // read back after the last run
	shape  []int
	steps  int
	others []string // kernels that the program could have taken
}

// setup is one way of running a case.
type setup struct {
	name  string
	dev   *vk.Device
	env   map[string]string
	twice bool // op(x) + op(x)
	runs  int
}

const cotangent = "cotangent"

// exec builds the case's program in the way of s and runs it s.runs times without clearing gradients in between.
func exec(t *testing.T, c Case, s setup, values map[string][]float32, r []float32) *result {
	t.Helper()
	for name, v := range s.env {
		t.Setenv(name, v)
	}
	defer func() {
		for name := range s.env {
			t.Setenv(name, "")
		}
	}()
	store, out := kernels.NewStore(s.dev), &result{}
	defer store.Free()
	p, err := kernels.Build(s.dev, store, func(g *kernels.Graph) { out.shape = c.record(g, s.twice, values) })
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	defer p.Free()
	out.steps, out.others = p.Steps(), p.Alternatives()
	for _, x := range store.States() {
		if v := values[x.Name]; v != nil {
			if err := x.Write(v); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range s.runs {
		out.collect(c, c.run(t, s, p, values, r))
	}
	if err := p.CheckGuards(); err != nil {
		t.Errorf("%s: %v", s.name, err)
	}
	return out
}

// record puts the op, its backward from a cotangent and all outputs on a graph; it returns the shape of the op's result.
func (c Case) record(g *kernels.Graph, twice bool, values map[string][]float32) []int {
	in := c.inputs(g, values)
	y := c.Op(in)
	if twice {
		y = kernels.Add(y, c.Op(in))
	}
	g.Output("y", y)
	if c.backward() {
		g.BackwardFrom(y, g.Input(cotangent, kernels.F32, y.Shape()...))
	}
	for _, x := range c.Inputs {
		tensor := in.tensors[x.Name]
		if p := in.params[x.Name]; p != nil {
			tensor = p.Value(g)
		}
		if tensor != nil {
			g.Output("input "+x.Name, tensor)
		}
		if x.differentiable() {
			if tensor.Grad() == nil {
				panic(&kernels.BuildError{Op: c.Name, Msg: "no gradient reaches " + x.Name})
			}
			g.Output("gradient "+x.Name, tensor.Grad())
		}
	}
	return y.Shape()
}

func (c Case) backward() bool { return slices.ContainsFunc(c.Inputs, Input.differentiable) }

func (c Case) inputs(g *kernels.Graph, values map[string][]float32) In {
	in := In{g, map[string]*kernels.Tensor{}, map[string]*kernels.Param{}, map[string]*kernels.State{}}
	for _, x := range c.Inputs {
		switch x.Kind {
		case Activation:
			in.tensors[x.Name] = g.Input(x.Name, kernels.F32, x.Shape...).Track()
		case Constant:
			in.tensors[x.Name] = g.Input(x.Name, kernels.F32, x.Shape...)
		case Bytes:
			in.tensors[x.Name] = g.Input(x.Name, x.Type, x.Shape...)
		case Parameter:
			in.params[x.Name] = g.Store().Param(x.Name, func() []float32 { return values[x.Name] }, x.Shape...)
		case State:
			in.states[x.Name] = g.Store().State(x.Name, 0, x.Shape...)
		}
	}
	return in
}

func (c Case) run(t *testing.T, s setup, p *kernels.Program, values map[string][]float32, r []float32) *kernels.Run {
	t.Helper()
	seg := p.Segment("main")
	run, err := seg.Begin()
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	for _, x := range c.Inputs {
		switch x.Kind {
		case Activation, Constant:
			kernels.Pack(run.Floats(x.Name), values[x.Name], width(x.Shape))
		case Bytes:
			copy(run.Bytes(x.Name), x.Raw)
		}
	}
	if seg.Has("micro") {
		run.Set("micro", 0)
	}
	if c.backward() {
		copy(run.Floats(cotangent), r)
	}
	if err := run.Submit(); err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	if err := run.Wait(); err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	return run
}

func (out *result) collect(c Case, run *kernels.Run) {
	out.y, out.grads, out.inputs = slices.Clone(run.Output("y")), map[string][]float32{}, map[string][]float32{}
	for _, x := range c.Inputs {
		if x.Kind != State {
			out.inputs[x.Name] = slices.Clone(run.Output("input " + x.Name))
		}
		if x.differentiable() {
			out.grads[x.Name] = slices.Clone(run.Output("gradient " + x.Name))
		}
	}
}
