package optest

import (
	"fmt"
	"slices"
	"testing"

	"marr/kernels"
	"marr/vk"
)

// result is what the runs of a program left of one case: padded rows, as they lie in memory.
type result struct {
	y      []float32
	grads  map[string][]float32 // as of the last run
	inputs map[string][]float32 // read back after the last run
	states map[string][]float32 // of golden cases, after the last run
}

// setup is one way of running cases.
type setup struct {
	name   string
	dev    *vk.Device
	change func(s *vk.Settings) // of the device, for this setup; nil: none
	twice  bool                 // op(x) + op(x)
	golden bool                 // fold batch statistics into running ones, and read States
	runs   int
}

const cotangent = "cotangent"

// exec builds one program of all cases in the way of s and runs it s.runs times without clearing gradients in between. It returns a result for
// each case, and every kernel that some shape was offered.
func exec(t *testing.T, cases []*prepared, s setup) (out []*result, offered []string) {
	t.Helper()
	settings := s.dev.Settings()
	defer s.dev.Configure(settings)
	if s.change != nil {
		s.change(&settings)
	}
	s.dev.Configure(settings)
	store := kernels.NewStore(s.dev)
	defer store.Free()
	p, err := kernels.Build(s.dev, store, func(g *kernels.Graph) {
		for _, c := range cases {
			c.record(g, s.twice)
			out = append(out, &result{})
		}
		if s.golden {
			g.UpdateRunningStats()
		}
	})
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	defer p.Free()
	for _, c := range cases {
		c.writeStates(t, store)
	}
	for range s.runs {
		r := run(t, s, p, cases)
		for i, c := range cases {
			out[i].collect(c, r)
		}
	}
	if err := p.CheckGuards(); err != nil {
		t.Errorf("%s: %v", s.name, err)
	}
	if s.golden {
		for i, c := range cases {
			out[i].states = c.readStates(t, store)
		}
	}
	return out, kernelsOffered(p)
}

// kernelsOffered returns the kernels that shapes of a program took, and those that they could have taken.
func kernelsOffered(p *kernels.Program) []string {
	offered := p.Alternatives()
	for key, k := range p.Variants() {
		if key != "statistics" { // which is no kernel
			offered = append(offered, k)
		}
	}
	slices.Sort(offered)
	return slices.Compact(offered)
}

// steps returns the number of dispatches and copies of the case alone on a device.
func (c *prepared) steps(t *testing.T, dev *vk.Device) int {
	t.Helper()
	store := kernels.NewStore(dev)
	defer store.Free()
	p, err := kernels.Build(dev, store, func(g *kernels.Graph) { c.record(g, false) })
	if err != nil {
		t.Fatal(err)
	}
	defer p.Free()
	return p.Steps()
}

// record records the op, its backward pass from a cotangent and all outputs.
func (c *prepared) record(g *kernels.Graph, twice bool) {
	in := c.inputs(g)
	y := c.Build(in)
	if !slices.Equal(y.Shape(), c.shape) {
		panic(&kernels.BuildError{Op: c.Name, Msg: fmt.Sprintf("shape %v, want %v", y.Shape(), c.shape)})
	}
	if twice {
		y = kernels.Add(y, c.Build(in))
	}
	g.Output(in.prefix+"y", y)
	if c.backward() {
		g.BackwardFrom(y, g.Input(in.prefix+cotangent, kernels.F32, y.Shape()...))
	}
	for _, x := range c.Inputs {
		tensor := in.tensors[x.Name]
		if p := in.params[x.Name]; p != nil {
			tensor = p.Value(g)
		}
		if tensor != nil {
			g.Output(in.prefix+"input "+x.Name, tensor)
		}
		switch {
		case x.differentiable() && tensor.Grad() == nil:
			panic(&kernels.BuildError{Op: c.Name, Msg: "no gradient reaches " + x.Name})
		case x.differentiable():
			g.Output(in.prefix+"gradient "+x.Name, tensor.Grad())
		case x.Kind == Stopped && tensor.Grad() != nil:
			panic(&kernels.BuildError{Op: c.Name, Msg: "a gradient reaches " + x.Name})
		}
	}
}

func (c *prepared) backward() bool { return slices.ContainsFunc(c.Inputs, Input.differentiable) }

func (c *prepared) inputs(g *kernels.Graph) In {
	in := In{c.Attrs, g, c.Name + "/", map[string]*kernels.Tensor{}, map[string]*kernels.Param{}, map[string]*kernels.State{}}
	for _, x := range c.Inputs {
		name := in.prefix + x.Name
		switch x.Kind {
		case Activation, Stopped:
			in.tensors[x.Name] = g.Input(name, kernels.F32, x.Shape...).Track()
		case Constant:
			in.tensors[x.Name] = g.Input(name, kernels.F32, x.Shape...)
		case Bytes:
			in.tensors[x.Name] = g.Input(name, x.Type, x.Shape...)
		case Parameter:
			in.params[x.Name] = g.Store().Param(name, func() []float32 { return c.drawn[x.Name] }, x.Shape...)
		case State:
			in.states[x.Name] = g.Store().State(name, 0, x.Shape...)
		}
	}
	return in
}

// run runs a program once with the inputs of all cases.
func run(t *testing.T, s setup, p *kernels.Program, cases []*prepared) *kernels.Run {
	t.Helper()
	seg := p.Segment("main")
	r, err := seg.Begin()
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	if seg.HasScalar("micro") {
		r.Set("micro", 0)
	}
	for _, c := range cases {
		prefix := c.Name + "/"
		for _, x := range c.Inputs {
			switch x.Kind {
			case Activation, Constant, Stopped:
				kernels.Pack(r.Floats(prefix+x.Name), c.drawn[x.Name], width(x.Shape))
			case Bytes:
				copy(r.Bytes(prefix+x.Name), x.Raw)
			}
		}
		for name, v := range c.Attrs {
			if seg.HasScalar(prefix + name) {
				r.Set(prefix+name, v)
			}
		}
		if c.backward() {
			kernels.Pack(r.Floats(prefix+cotangent), c.cotangent, width(c.shape))
		}
	}
	if err := r.Submit(); err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	if err := r.Wait(); err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	return r
}

func (out *result) collect(c *prepared, run *kernels.Run) {
	prefix := c.Name + "/"
	out.y, out.grads, out.inputs = slices.Clone(run.Output(prefix+"y")), map[string][]float32{}, map[string][]float32{}
	for _, x := range c.Inputs {
		if x.Kind != State {
			out.inputs[x.Name] = slices.Clone(run.Output(prefix + "input " + x.Name))
		}
		if x.differentiable() {
			out.grads[x.Name] = slices.Clone(run.Output(prefix + "gradient " + x.Name))
		}
	}
}

// eachState calls f for the States of the case in a store.
func (c *prepared) eachState(store *kernels.Store, f func(name string, s *kernels.State) error) error {
	for _, x := range c.Inputs {
		i := slices.IndexFunc(store.States(), func(s *kernels.State) bool { return s.Name == c.Name+"/"+x.Name })
		if x.Kind != State || i < 0 {
			continue
		}
		if err := f(x.Name, store.States()[i]); err != nil {
			return err
		}
	}
	return nil
}

func (c *prepared) writeStates(t *testing.T, store *kernels.Store) {
	t.Helper()
	if err := c.eachState(store, func(name string, s *kernels.State) error { return s.Write(c.drawn[name]) }); err != nil {
		t.Fatal(err)
	}
}

func (c *prepared) readStates(t *testing.T, store *kernels.Store) map[string][]float32 {
	t.Helper()
	out := map[string][]float32{}
	err := c.eachState(store, func(name string, s *kernels.State) (err error) {
		out[name], err = s.Read()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
