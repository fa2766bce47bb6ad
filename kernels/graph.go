package kernels

import (
	"fmt"
	"math"

	"marr/vk"
)

// Graph is the tape of one program under construction.
type Graph struct {
	store    *Store
	dev      *vk.Device // nil while tracing
	keep     bool       // eager: every tensor keeps its memory
	timed    bool       // see Time
	hold     *[]string  // see Hold; nil: constants are as they come
	guard    int64      // bytes of the guard band behind each tensor
	limit    int64      // largest binding in bytes
	budget   float64    // floating point operations of one dispatch that no watchdog minds; 0: any
	align    int64      // of a binding's offset, bytes
	segments []*segmentPlan
	steps    []*step
	tensors  []*storage
	tape     []func()
	trace    []Node
	derived  map[turned]*Tensor // transposed weights
	chosen   map[string]string  // the kernel that each pass and shape got
	offered  map[string]bool    // the kernels that some of them could have got
	folds    []fold
	fewest   int     // see Population
	cleared  []*step // fills of all gradients, whose size is known at the end
	flatSize int64   // of the flat sets when flat was called; 0: never
	averaged int     // parameters with a moving average when Update was called; −1: never
	micro    int     // runs of the segment with the forward pass in a step
	clip     float64 // largest norm of all gradients together; 0: any
	clipEach float64 // largest norm of each; 0: any
	checked  bool    // CheckFinite stands on the graph
	serial   int
}

// segmentPlan is a segment while it is being recorded.
type segmentPlan struct {
	name    string
	inputs  []*Tensor
	outputs []output
	scalars []string
	params  *Tensor // the scalars' values, 256 bytes
}

type output struct {
	name string
	t    *Tensor
}

// step is one dispatch, or one fill when kernel is empty.
type step struct {
	kernel  string
	spec    []uint32 // specialization constants
	label   string
	binds   []bound
	push    []uint32
	groups  [3]uint32
	work    float64
	fill    uint32
	segment int
	back    bool // recorded while Backward walked the tape
}

type bound struct {
	mem          *storage
	offset, size int64
	access       vk.Access
	float        bool // holds floats: scanned for NaN in eager mode
}

// Segment starts a part of the program that is submitted on its own; ops recorded from here on belong to it.
func (g *Graph) Segment(name string) {
	for _, s := range g.segments {
		if s.name == name {
			misuse("Segment", "%q stands twice in one program", name)
		}
	}
	g.segments = append(g.segments, &segmentPlan{name: name})
}

func (g *Graph) current() *segmentPlan {
	if len(g.segments) == 0 {
		g.Segment("main")
	}
	return g.segments[len(g.segments)-1]
}

// Input declares a tensor that the host fills before each run of the current segment. F32 inputs are given in padded rows.
func (g *Graph) Input(name string, d DType, shape ...int) *Tensor {
	t := g.alloc(name, d, shape)
	t.mem.pinned = true
	s := g.current()
	s.inputs = append(s.inputs, t)
	return t
}

// Output makes t readable after each run of the current segment.
func (g *Graph) Output(name string, t *Tensor) {
	t.mem.pinned = true
	s := g.current()
	s.outputs = append(s.outputs, output{name, t})
}

// Scalar is a number that the host sets before each run of a segment (learning rate, temperature, ...), so that a recording never changes.
type Scalar struct {
	mem   *Tensor
	index int
}

// maxScalars is the number of scalars one segment may have.
const maxScalars = 64

// Scalar declares, or finds, the scalar of this name in the current segment.
func (g *Graph) Scalar(name string) Scalar {
	s := g.current()
	if s.params == nil {
		s.params = g.alloc("scalars", F32, []int{maxScalars})
		s.params.mem.pinned = true
		s.inputs = append(s.inputs, s.params)
	}
	for i, n := range s.scalars {
		if n == name {
			return Scalar{s.params, i}
		}
	}
	if len(s.scalars) == maxScalars {
		misuse("Scalar", "%q: a segment has at most %d scalars", name, maxScalars)
	}
	s.scalars = append(s.scalars, name)
	return Scalar{s.params, len(s.scalars) - 1}
}

func (g *Graph) alloc(name string, d DType, shape []int) *Tensor {
	for _, v := range shape {
		if v < 1 {
			misuse("tensor", "%s %v: every axis has at least one element", name, shape)
		}
	}
	g.serial++
	m := &storage{name: fmt.Sprintf("%s#%d", name, g.serial), set: arena, bytes: bytesOf(d, shape), first: -1, last: -1}
	g.tensors = append(g.tensors, m)
	return &Tensor{g: g, name: m.name, shape: shape, dtype: d, mem: m}
}

// result makes the output of an op; it needs a gradient when one of the op's inputs does.
func (g *Graph) result(op string, shape []int, from ...*Tensor) *Tensor {
	t := g.alloc(op, F32, shape)
	for _, f := range from {
		t.needs = t.needs || f.needs
	}
	return t
}

// vjp registers the backward of y: called in reverse order of registration, with the gradient of y, if one flowed.
func (g *Graph) vjp(y *Tensor, back func(dy *Tensor)) {
	if !y.needs {
		return
	}
	g.tape = append(g.tape, func() {
		if y.grad != nil {
			back(y.grad)
		}
	})
}

// gradient returns the tensor that a contribution to x's gradient goes to, and 1 when it must be added to what is there.
// Parameter gradients are always added to: ClearGrads stands at the start of a step.
func (g *Graph) gradient(x *Tensor) (dx *Tensor, add int) {
	if x.param != nil {
		return g.paramGrad(x.param), 1
	}
	if x.grad != nil {
		return x.grad, 1
	}
	x.grad = g.alloc("d"+x.name, F32, x.shape)
	return x.grad, 0
}

// Backward adds the gradient of a scalar loss [1] with respect to every parameter it depends on to the parameters' gradients; with
// micro-batches (Micro) that of loss/k, so that a step's gradient is the mean over them.
func (g *Graph) Backward(loss *Tensor) {
	if product(loss.shape) != 1 {
		misuse("Backward", "%v: want a loss of shape [1]", loss)
	}
	one := g.alloc("one", F32, []int{1})
	g.fill(one, 0)
	g.fillAt(one, 4, math.Float32bits(1/float32(max(g.micro, 1))))
	g.BackwardFrom(loss, one)
}

// BackwardFrom walks the tape backwards from y, whose gradient is dy (same shape, pad lanes zero).
func (g *Graph) BackwardFrom(y, dy *Tensor) {
	wantSame("BackwardFrom", y, dy)
	y.grad = dy
	first := len(g.steps)
	for i := len(g.tape) - 1; i >= 0; i-- {
		g.tape[i]()
	}
	for _, s := range g.steps[first:] {
		s.back = true
	}
	g.tape = nil
}

// Rehearse records f, whose ops come once more in a later segment: Backward and Fold pass by what they leave here.
func (g *Graph) Rehearse(f func()) {
	tape, folds := len(g.tape), len(g.folds)
	f()
	g.tape, g.folds = g.tape[:tape], g.folds[:folds]
}

// StopGrad returns x as a constant: no gradient flows through it.
func StopGrad(x *Tensor) *Tensor {
	if x.g.hold != nil {
		return x.g.held(x.constant())
	}
	return x.constant()
}

func (t *Tensor) constant() *Tensor {
	c := *t
	c.needs, c.grad, c.param = false, nil, nil
	return &c
}

// Hold makes StopGrad cut the graph in two, for tests of gradients, which move parameters and leave constants where they are: what StopGrad is given
// becomes an output of the segment, and what it returns an input of the same name and shape. The names are added to `to`, in order.
func (g *Graph) Hold(to *[]string) { g.hold = to }

func (g *Graph) held(x *Tensor) *Tensor {
	name := fmt.Sprintf("held%d", len(*g.hold))
	*g.hold = append(*g.hold, name)
	g.Output(name, Scale(x, 1)) // x may be a part of a tensor
	return g.Input(name, F32, x.shape...)
}

func (g *Graph) fill(t *Tensor, word uint32) { g.fillAt(t, t.bytes(), word) }

// fillAt sets the first bytes of a tensor, word by word; pad lanes behind them keep their zeros.
func (g *Graph) fillAt(t *Tensor, bytes int64, word uint32) {
	g.current()
	s := &step{label: "fill " + t.name, fill: word, segment: len(g.segments) - 1,
		binds: []bound{{mem: t.mem, offset: t.from, size: bytes, access: vk.Write}}}
	g.steps = append(g.steps, s)
}

// fixed returns a tensor in one of the Store's flat sets.
func (g *Graph) fixed(name string, shape []int, set int, offset, bytes int64) *Tensor {
	return &Tensor{g: g, name: name, shape: shape, mem: &storage{name: name, set: set, offset: offset, bytes: bytes}}
}

// Store is the store whose tensors the graph uses.
func (g *Graph) Store() *Store { return g.store }
