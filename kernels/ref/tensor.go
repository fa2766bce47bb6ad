package ref

import (
	"fmt"
	"slices"
)

// Tensor is a dense row-major array: the last axis of Shape varies fastest in Data.
type Tensor struct {
	Shape []int
	Data  []float64
}

// New returns a tensor of zeros. A tensor without axes has one element.
func New(shape ...int) *Tensor {
	return &Tensor{Shape: slices.Clone(shape), Data: make([]float64, volume(shape))}
}

// From returns a tensor of data, which it does not copy. It panics if data does not fill the shape.
func From(data []float64, shape ...int) *Tensor {
	t := &Tensor{Shape: slices.Clone(shape), Data: data}
	if len(data) != volume(shape) {
		fail("From", "data does not fill the shape", t, fmt.Sprintf("%d values", len(data)))
	}
	return t
}

// FromFloat32 returns a tensor with a copy of single-precision data.
func FromFloat32(data []float32, shape ...int) *Tensor {
	wide := make([]float64, len(data))
	for i, v := range data {
		wide[i] = float64(v)
	}
	return From(wide, shape...)
}

// Clone returns a copy that shares no memory.
func (t *Tensor) Clone() *Tensor { return From(slices.Clone(t.Data), t.Shape...) }

// Last returns the length of the last axis: channels, or the width of a row.
func (t *Tensor) Last() int { return t.Shape[len(t.Shape)-1] }

// Rows returns the number of rows: the product of all axes but the last.
func (t *Tensor) Rows() int { return volume(t.Shape[:len(t.Shape)-1]) }

// Row returns row i of the last axis, which shares the tensor's memory.
func (t *Tensor) Row(i int) []float64 {
	d := t.Last()
	return t.Data[i*d : (i+1)*d]
}

// Dot returns Σ a⊙b over two tensors of one shape.
func Dot(a, b *Tensor) float64 {
	sameShape("Dot", a, b)
	return dot(a.Data, b.Data)
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

func volume(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// mapped returns a tensor with f applied to every element.
func mapped(x *Tensor, f func(float64) float64) *Tensor {
	y := New(x.Shape...)
	for i, v := range x.Data {
		y.Data[i] = f(v)
	}
	return y
}

func sameShape(op string, a, b *Tensor) {
	if !slices.Equal(a.Shape, b.Shape) {
		fail(op, "shapes differ", a, b)
	}
}

// wantShape checks the shape of an argument. In want, −1 matches any length.
func wantShape(op, name string, t *Tensor, want ...int) {
	ok := len(t.Shape) == len(want)
	for i := 0; ok && i < len(want); i++ {
		ok = want[i] < 0 || t.Shape[i] == want[i]
	}
	if !ok {
		fail(op, fmt.Sprintf("%s wants shape %v", name, want), t)
	}
}

// fail panics with the op, the reason and the arguments. It prints the shape of a tensor, not its values.
func fail(op, reason string, given ...any) {
	text := "ref: " + op + ": " + reason + ":"
	for _, v := range given {
		if t, ok := v.(*Tensor); ok {
			v = t.Shape
		}
		text += fmt.Sprintf(" %v", v)
	}
	panic(text)
}
