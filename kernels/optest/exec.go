package optest

import (
	"fmt"
	"slices"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/vk"
)

// result is what the last run of a program left of one case: padded rows, as they lie in memory.
type result struct {
	y      []float32
	grads  map[string][]float32
	inputs map[string][]float32
	states map[string][]float32 // of golden cases
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
// each case, and every kernel that some shape was offered. With an error about a guard band there are results too.
func exec(cases []*prepared, s setup) (out byCase, offered []string, err error) {
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
		}
		if s.golden {
			g.UpdateRunningStats()
		}
	})
	if err != nil {
		return nil, nil, err
	}
	defer p.Free()
	offered = kernelsOffered(p)
	for _, c := range cases {
		if err := c.writeStates(store); err != nil {
			return nil, offered, err
		}
	}
	out = byCase{}
	for range s.runs {
		r, err := run(p, cases)
		if err != nil {
			return nil, offered, err
		}
		for _, c := range cases {
			out[c] = collect(c, r)
		}
	}
	if s.golden {
		for _, c := range cases {
			if out[c].states, err = c.readStates(store); err != nil {
				return nil, offered, err
			}
		}
	}
	return out, offered, p.CheckGuards()
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
func (c *prepared) steps(dev *vk.Device) (int, error) {
	store := kernels.NewStore(dev)
	defer store.Free()
	p, err := kernels.Build(dev, store, func(g *kernels.Graph) { c.record(g, false) })
	if err != nil {
		return 0, err
	}
	defer p.Free()
	return p.Steps(), nil
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
func run(p *kernels.Program, cases []*prepared) (*kernels.Run, error) {
	seg := p.Segment("main")
	r, err := seg.Begin()
	if err != nil {
		return nil, err
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
		return nil, err
	}
	return r, r.Wait()
}

// collect copies what a run left of a case.
func collect(c *prepared, run *kernels.Run) *result {
	prefix := c.Name + "/"
	out := &result{y: slices.Clone(run.Output(prefix + "y")), grads: map[string][]float32{}, inputs: map[string][]float32{}}
	for _, x := range c.Inputs {
		if x.Kind != State {
			out.inputs[x.Name] = slices.Clone(run.Output(prefix + "input " + x.Name))
		}
		if x.differentiable() {
			out.grads[x.Name] = slices.Clone(run.Output(prefix + "gradient " + x.Name))
		}
	}
	return out
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

func (c *prepared) writeStates(store *kernels.Store) error {
	return c.eachState(store, func(name string, s *kernels.State) error { return s.Write(c.drawn[name]) })
}

func (c *prepared) readStates(store *kernels.Store) (map[string][]float32, error) {
	out := map[string][]float32{}
	err := c.eachState(store, func(name string, s *kernels.State) (err error) {
		out[name], err = s.Read()
		return err
	})
	return out, err
}
