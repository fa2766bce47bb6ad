package ssl

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"marr/kernels"
	"marr/net"
	"marr/ssl/views"
)

// Method is a way of learning without labels. Its exported fields tagged `flag:"name" help:"…"` are its hyper-parameters, in bounds where they are
// tagged `want:"above 0.5, at most 1"`.
type Method interface {
	// Views is the recipe that a run uses unless it is given another: one Spec for each view of an image, in order.
	Views(in views.Input) ([]views.Spec, error)
	// Loss builds branches and loss [1]; it is called once for each program.
	Loss(s *Step) *kernels.Tensor
}

// Step is what a method builds its loss from.
type Step struct {
	Graph    *kernels.Graph
	Store    *kernels.Store
	Backbone net.Module
	Dim      int               // width of the backbone's features
	N        int               // samples at once
	Views    []*kernels.Tensor // [N H W C], one for each Spec of the recipe; a jigsaw's [N·tiles h w C]
	Targets  []*kernels.Tensor // [N] I32, likewise: what the Spec drew to be told (a rotation, a permutation); nil where it draws none
	Classes  []int             // likewise: how many classes the targets have, 0 where there are none
	Known    int               // classes that the images' labels tell apart; 0: they have none
	Seed     uint64            // of parameters that the method adds
	Norm     string            // of layers that the method adds: one of net.Norms

	labelled bool                    // the loss reads the labels
	seen     *kernels.Tensor         // embeddings of one view that the collapse watch looks at, [N D]; nil: there is nothing to see
	pairs    bool                    // seen is of two views, [2N D]
	teacher  *kernels.Tensor         // probabilities of a teacher [M K]; nil: there is none
	logits   *kernels.Tensor         // of a classification, [N K]; nil: there is none
	answers  string                  // the input of its targets
	momentum net.Schedule            // of moving averages; nil: there are none
	scalars  map[string]net.Schedule // of the loss
	gates    map[string]net.Schedule // of parameters, in the update
	rate     net.Schedule            // of the learning rate; nil: it stays as it is
	peak     float64                 // of the rate
	after    []func(g *kernels.Graph)
	product  string // branch that is evaluated and exported
}

// Momentum returns the momentum encoder of a module: after every step its weights go θ' ← m·θ' + (1 − m)·θ, with m from the schedule. All of a
// method's momentum encoders share the schedule of the last call.
func (s *Step) Momentum(m net.Module, momentum net.Schedule) net.Module {
	s.momentum = momentum
	return net.Momentum(s.Store, m)
}

// Scalar is a number of the loss that changes over training, such as a temperature.
func (s *Step) Scalar(name string, v net.Schedule) kernels.Scalar {
	if s.scalars == nil {
		s.scalars = map[string]net.Schedule{}
	}
	s.scalars[name] = v
	return s.Graph.Scalar(name)
}

// Labels are those of the images, [N] I32, −1 where there is none. Known must be above 0.
func (s *Step) Labels() *kernels.Tensor {
	s.labelled = true
	return s.Graph.Input("labels", kernels.I32, s.N)
}

// Observe shows the collapse watch embeddings of one view [N D], and a teacher's probabilities [M K] where there is one (nil else).
func (s *Step) Observe(z, teacher *kernels.Tensor) { s.seen, s.teacher = z, teacher }

// Gate is a scalar that multiplies the rate of parameters; while it is 0 the optimizer leaves them alone (kernels.Param.Gate). It returns its name.
func (s *Step) Gate(name string, v net.Schedule) string {
	if s.gates == nil {
		s.gates = map[string]net.Schedule{}
	}
	s.gates[name] = v
	return name
}

// Steady is a gate that keeps the rate of parameters at its peak, whatever the schedule does to that of the others; it returns its name.
func (s *Step) Steady(name string) string { return s.Gate(name, steady{s.rate, s.peak}) }

// After records f behind the optimizer: what a method keeps from step to step, such as a centre. With a batch in parts, a
// tensor is that of the last part: kernels.Collect has all.
func (s *Step) After(f func(g *kernels.Graph)) { s.after = append(s.after, f) }

// Teacher makes the momentum encoder of the backbone what is evaluated and exported, in place of the backbone itself.
func (s *Step) Teacher() { s.product = net.Teacher }

var registry = map[string]registered{}

type registered struct {
	about  string
	method Method
}

// Register makes a method known by name, with a line about it: paper, and what is learned. The value's fields are the defaults. It is called from init.
func Register(name, about string, m Method) { registry[name] = registered{about, m} }

// About is the line about a method, "" for one that is not known.
func About(name string) string { return registry[name].about }

// Methods returns the names of all methods, sorted.
func Methods() []string {
	var names []string
	for n := range registry {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// New returns a fresh copy of a registered method with its defaults. An unknown name is an error that lists the known ones.
func New(name string) (Method, error) {
	m := registry[name].method
	if m == nil {
		return nil, fmt.Errorf("ssl: no method %q: known are %s", name, strings.Join(Methods(), ", "))
	}
	v := reflect.New(reflect.TypeOf(m).Elem())
	v.Elem().Set(reflect.ValueOf(m).Elem())
	return v.Interface().(Method), nil
}

// Option is one hyper-parameter of a method.
type Option struct {
	Name, Help string
	bounds     string
	field      reflect.Value
}

// Get returns the value: an int, a float64 or a bool.
func (o Option) Get() any { return o.field.Interface() }

// Set parses text into the value. What does not parse and what is out of bounds is an error that says what is wanted, and changes nothing.
func (o Option) Set(text string) error {
	v, end := reflect.New(o.field.Type()), ""
	if n, _ := fmt.Sscan(text, v.Interface(), &end); n != 1 {
		return fmt.Errorf("ssl: %s %q: want a value like %v", o.Name, text, o.Get())
	}
	if v = v.Elem(); v.CanInt() && !within(float64(v.Int()), o.bounds) || v.CanFloat() && !within(v.Float(), o.bounds) {
		return fmt.Errorf("ssl: %s %s: want it %s", o.Name, text, o.bounds)
	}
	o.field.Set(v)
	return nil
}

// Options lists a method's hyper-parameters in order of declaration.
func Options(m Method) []Option {
	v := reflect.ValueOf(m).Elem()
	var out []Option
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if name := f.Tag.Get("flag"); name != "" {
			out = append(out, Option{name, f.Tag.Get("help"), f.Tag.Get("want"), v.Field(i)})
		}
	}
	return out
}
