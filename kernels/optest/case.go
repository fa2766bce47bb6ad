package optest

import (
	"hash/crc32"
	"math"

	"marr/kernels"
	"marr/kernels/ref"
	"marr/kernels/rng"
)

// Kind says how an op takes an input.
type Kind int

// The kinds of inputs.
const (
	Activation Kind = iota // a tensor that the host fills; its gradient is checked
	Constant               // likewise, without gradient
	Parameter              // a trainable tensor of the Store; its gradient is checked
	State                  // a tensor of the Store without gradient
	Bytes                  // U8 or I32 data that the host fills: Raw
)

// Input is one tensor that an op is given, drawn uniformly from Lo to Hi (both 0: −1 to 1) unless Values holds it.
type Input struct {
	Name   string
	Kind   Kind
	Shape  []int
	Lo, Hi float64
	Away   float64   // numbers nearer to 0 than this are moved to ±Away: for ops with a kink there
	Values []float32 // row-major, without padding
	Type   kernels.DType
	Raw    []byte // Bytes: what the host writes
}

// Case is one op on one set of shapes.
type Case struct {
	Name   string
	Inputs []Input
	// Op puts the op on a graph. It is called twice in one program when accumulation is tested.
	Op func(in In) *kernels.Tensor
	// Ref is its forward.
	Ref func(in Values) *ref.Tensor
	// Forward and Backward bound ‖got − want‖/‖want‖; 0 means the package's tolerances.
	Forward, Backward float64
	// Split says that a tensor is larger than what the second device of Run binds: there, launches must fall into several dispatches.
	Split bool
	// Repeats says that the op uses an input more than once: gradients of op(x) + op(x) are then summed in another order than twice those of
	// op(x), and may be rounded differently.
	Repeats bool
}

const (
	// forwardTolerance: float32 rounds to 6e-8; sums of up to some thousand terms of either sign lose a factor of ten to twenty of that, exp and
	// 1/√ of a device may be off by a few units in the last place.
	forwardTolerance = 3e-6
	// backwardTolerance: sums are longer backward than forward, and what they add has been rounded forward. A directional derivative has the
	// norm of the gradient as its scale; wrong kernels are off by 0.1 and more.
	backwardTolerance = 2e-5
	// differenceStep of central differences in float64, on inputs of order 1: the third derivative contributes 1e-10 of itself, rounding 1e-11.
	differenceStep = 1e-5
	// directions is the number of random directions a gradient is compared along.
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

// Values are inputs by name, for a reference.
type Values map[string]*ref.Tensor

// Clone copies all values.
func (v Values) Clone() Values {
	w := Values{}
	for name, t := range v {
		w[name] = t.Clone()
	}
	return w
}

// In is what an op's recording sees.
type In struct {
	Graph *kernels.Graph

	tensors map[string]*kernels.Tensor
	params  map[string]*kernels.Param
	states  map[string]*kernels.State
}

// T is the Activation, Constant or Bytes of that name, nil where the case has none.
func (in In) T(name string) *kernels.Tensor { return in.tensors[name] }

// P is the Parameter of that name, nil where the case has none.
func (in In) P(name string) *kernels.Param { return in.params[name] }

// S is the State of that name, nil where the case has none.
func (in In) S(name string) *kernels.State { return in.states[name] }

// draw returns the values of every input but Bytes; the stream is named by the case and the input.
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
