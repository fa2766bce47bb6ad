package optest

import (
	"hash/crc32"
	"math"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/ref"
	"github.com/marr-ssl/marr/kernels/rng"
)

// Kind is the way an op takes an input.
type Kind int

// The kinds of inputs.
const (
	Activation Kind = iota // a tensor that the host fills; its gradient is checked
	Constant               // a tensor that the host fills, without gradient
	Parameter              // a trainable tensor of the Store; its gradient is checked
	State                  // a tensor of the Store without gradient
	Stopped                // a tensor that the host fills and that no gradient may reach: the op stops it
	Bytes                  // U8 or I32 data that the host fills: Raw
)

// Input is one input tensor. Its values are Values, or else drawn uniformly from Lo to Hi (both 0: −1 to 1).
type Input struct {
	Name   string
	Kind   Kind // in an Op's cases, Op.Kinds replaces it
	Shape  []int
	Lo, Hi float64
	Away   float64   // values closer to 0 than this become ±Away: for ops with a kink at 0
	Values []float32 // row-major, without padding
	Type   kernels.DType
	Raw    []byte // Bytes: what the host writes
}

// Case is one set of input shapes and attributes of an op.
type Case struct {
	Name   string
	Inputs []Input
	Attrs  Attrs
	// Build records the op. The accumulation check calls it twice in one program. Nil: Op.Build.
	Build func(in In) *kernels.Tensor
	// Ref is the op's forward pass in float64. Nil: Op.Ref.
	Ref func(in Values) *ref.Tensor
	// Forward and Backward are the largest accepted ‖got − want‖/‖want‖; 0 means the package's tolerances.
	Forward, Backward float64
	// Split marks a case with a tensor above the binding limit of Bench.Narrow. Check requires that more dispatches are recorded there.
	Split bool
	// Repeats marks an op that uses an input more than once. The gradients of op(x) + op(x) then add up in another order than twice those of
	// op(x), so the accumulation check compares them with the reference, not bit for bit.
	Repeats bool
}

const (
	// forwardTolerance: float32 rounds to 6e-8; sums of up to some thousand terms of either sign lose a factor of ten to twenty of that, exp and
	// 1/√ of a device may be off by a few units in the last place.
	forwardTolerance = 3e-6
	// backwardTolerance: sums are longer backward than forward, and their terms were rounded forward. A directional derivative scales with the
	// norm of the gradient; wrong kernels are off by 0.1 and more.
	backwardTolerance = 2e-5
	// differenceStep is the step of central differences in float64, for inputs of order 1: the third derivative contributes 1e-10 of itself,
	// rounding 1e-11.
	differenceStep = 1e-5
	// directions is the number of random directions along which a gradient is compared.
	directions = 3
)

func (c Case) tolerances() (forward, backward float64) {
	forward, backward = c.Forward, c.Backward
	if forward == 0 {
		forward = forwardTolerance
	}
	if backward == 0 {
		backward = backwardTolerance
	}
	return forward, backward
}

// Attrs are an op's attributes by name, switches as 0 and 1; a missing one is 0.
type Attrs map[string]float64

// Num returns an attribute.
func (a Attrs) Num(name string) float64 { return a[name] }

// Int returns an attribute that is an integer.
func (a Attrs) Int(name string) int { return int(a[name]) }

// On reports whether a switch is on.
func (a Attrs) On(name string) bool { return a[name] == 1 }

// Values are a reference's inputs and attributes.
type Values struct {
	Attrs
	tensors map[string]*ref.Tensor
	ints    map[string][]int32
}

// T returns the input of that name, nil if the case has none.
func (v Values) T(name string) *ref.Tensor { return v.tensors[name] }

// Ints returns the I32 input of that name.
func (v Values) Ints(name string) []int32 { return v.ints[name] }

// In gives Build its graph, inputs and attributes.
type In struct {
	Attrs
	Graph *kernels.Graph

	prefix  string // of names in the program, which holds many cases
	tensors map[string]*kernels.Tensor
	params  map[string]*kernels.Param
	states  map[string]*kernels.State
}

// T returns the Activation, Constant or Bytes of that name, nil if the case has none.
func (in In) T(name string) *kernels.Tensor { return in.tensors[name] }

// P returns the Parameter of that name, nil if the case has none.
func (in In) P(name string) *kernels.Param { return in.params[name] }

// S returns the State of that name, nil if the case has none.
func (in In) S(name string) *kernels.State { return in.states[name] }

// Scalar returns an attribute as a scalar that every run sets.
func (in In) Scalar(attr string) kernels.Scalar { return in.Graph.Scalar(in.prefix + attr) }

// draw returns the values of every input except Bytes. Case and input names seed the stream.
func (c Case) draw() map[string][]float32 {
	out := map[string][]float32{}
	for _, x := range c.Inputs {
		if x.Kind != Bytes {
			out[x.Name] = x.draw(c.Name)
		}
	}
	return out
}

func stream(names ...string) *rng.Source {
	h := uint32(0)
	for _, n := range names {
		h = crc32.Update(h, crc32.IEEETable, []byte(n+"/"))
	}
	return rng.New(1, h)
}

func (x Input) draw(name string) []float32 {
	if x.Values != nil {
		return x.Values
	}
	lo, hi := x.Lo, x.Hi
	if lo == 0 && hi == 0 {
		lo, hi = -1, 1
	}
	v := make([]float32, volume(x.Shape))
	stream(name, x.Name).Uniform(v, lo, hi)
	for i, e := range v {
		if math.Abs(float64(e)) < x.Away {
			v[i] = float32(math.Copysign(x.Away, float64(e)))
		}
	}
	return v
}

func volume(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

func width(shape []int) int { return shape[len(shape)-1] }

func (x Input) differentiable() bool { return x.Kind == Activation || x.Kind == Parameter }
