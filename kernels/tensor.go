package kernels

import (
	"fmt"
	"slices"
)

// DType is a tensor's element type.
type DType uint8

// The element types. U8 and I32 tensors are inputs only: images and targets. F16 tensors are made by Half: kernels compute with their elements as floats.
const (
	F32 DType = iota
	I32
	U8
	F16
)

// lanes is the number of elements of a vector. The last axis of an F32 or F16 tensor is padded to a multiple of it.
const lanes = 4

func pad(n int) int { return (n + lanes - 1) / lanes * lanes }

func product(shape []int) int {
	n := 1
	for _, v := range shape {
		n *= v
	}
	return n
}

// storage is the memory of one or more tensors: a range of a Store's flat set, or a range of the arena that the planner chooses.
type storage struct {
	name        string
	bytes       int64
	set         int       // the Store's flat set, or arena
	data        []float32 // contents of a constant
	pinned      bool      // alive throughout the program: inputs, outputs, tensors of several segments
	first, last int       // steps that use it; −1: none
	segment     int       // of its first step
	block       int
	offset      int64 // bytes
}

// arena marks storage that the planner places.
const arena = -1

// Tensor is a value of a Graph: logical Shape, the last axis padded to Stride in memory.
type Tensor struct {
	g     *Graph
	name  string
	shape []int
	dtype DType
	mem   *storage
	from  int64   // its offset in mem, bytes; see rowsOf
	size  int64   // its size, bytes; 0: all of mem
	needs bool    // a gradient flows into it
	grad  *Tensor // nil until the first contribution
	param *Param
	base  *Tensor // shares memory and gradient with this tensor, which has another shape; nil: none

	producer      *fusible      // that computes it, if other work can be fused into it
	contributions contributions // to it, a gradient
}

// Shape returns the logical shape, which the caller must not change.
func (t *Tensor) Shape() []int { return t.shape }

// Dim returns the size of axis i. A negative i counts from the end.
func (t *Tensor) Dim(i int) int {
	if i < 0 {
		i += len(t.shape)
	}
	return t.shape[i]
}

// Width returns the logical size of the last axis.
func (t *Tensor) Width() int { return t.shape[len(t.shape)-1] }

// Stride returns the size of the last axis in memory, in elements: Width rounded up to a multiple of 4.
func (t *Tensor) Stride() int { return pad(t.Width()) }

// Rows returns the product of all axes but the last.
func (t *Tensor) Rows() int { return product(t.shape[:len(t.shape)-1]) }

// Name returns the tensor's name for errors.
func (t *Tensor) Name() string { return t.name }

// Graph returns the graph of the tensor.
func (t *Tensor) Graph() *Graph { return t.g }

// Track gives an input a gradient, which by default it has not. Grad returns it after Backward. Call Track before the first op on t.
func (t *Tensor) Track() *Tensor {
	t.needs = true
	return t
}

// Grad returns the gradient with respect to t, an input with Track or a parameter's value, of the loss of Backward, or nil if there is none. The backward
// pass may use the gradients of other tensors up.
func (t *Tensor) Grad() *Tensor {
	switch {
	case t.param != nil:
		return t.g.paramGrad(t.param)
	case t.base == nil:
		return t.grad
	case t.base.Grad() == nil:
		return nil
	}
	return t.base.Grad().as(t.shape)
}

// bytes returns the size of the tensor in memory.
func (t *Tensor) bytes() int64 {
	if t.size > 0 {
		return t.size
	}
	return t.mem.bytes
}

// rowsOf returns a window of rows from … from+n−1 of t along its first axis, for launches to read or write. No gradient flows through it. Its offset
// must be a multiple of align.
func rowsOf(t *Tensor, from, n int) *Tensor {
	row := bytesOf(t.dtype, t.shape) / int64(t.shape[0])
	at := t.from + int64(from)*row
	if at%align != 0 {
		misuse("rows", "%v from row %d on begins %d bytes behind a multiple of %d", t, from, at%align, align)
	}
	w := *t.constant()
	w.producer = nil
	w.shape, w.from, w.size = append([]int{n}, t.shape[1:]...), at, int64(n)*row
	return &w
}

// withoutPadRows returns t without the rows that pad a parameter in memory, so that a launch can split t by rows.
func withoutPadRows(t *Tensor) *Tensor {
	if t.mem.set == arena {
		return t
	}
	return rowsOf(t, 0, t.Dim(0))
}

func (t *Tensor) quads() int { return t.Stride() / lanes } // vec4s in a row

// vector returns the bytes of four elements of a tensor of floats.
func (t *Tensor) vector() int64 {
	if t.dtype == F16 {
		return 8
	}
	return 16
}

func (t *Tensor) floats() bool { return t.dtype == F32 || t.dtype == F16 }

func (t *Tensor) String() string { return fmt.Sprintf("%s %v", t.name, t.shape) }

// bytes returns the size of an element.
func (d DType) bytes() int64 {
	switch d {
	case U8:
		return 1
	case F16:
		return 2
	}
	return 4
}

func bytesOf(d DType, shape []int) int64 {
	if d == U8 {
		return (int64(product(shape)) + 3) &^ 3
	}
	return d.bytes() * int64(product(shape[:len(shape)-1])) * int64(pad(shape[len(shape)-1]))
}

// Pack copies logical rows [rows width] into padded rows, whose pad lanes become zero.
func Pack(dst, src []float32, width int) {
	stride := pad(width)
	for r := 0; r*width < len(src); r++ {
		n := copy(dst[r*stride:], src[r*width:(r+1)*width])
		clear(dst[r*stride+n : (r+1)*stride])
	}
}

// Unpack copies padded rows into logical rows [rows width].
func Unpack(dst, src []float32, width int) {
	stride := pad(width)
	for r := 0; r*width < len(dst); r++ {
		copy(dst[r*width:(r+1)*width], src[r*stride:])
	}
}

// BuildError reports a misuse of an op.
type BuildError struct {
	Op  string
	Msg string
}

func (e *BuildError) Error() string { return "kernels: " + e.Op + ": " + e.Msg }

// recoverBuildError is deferred: it turns a panic with a *BuildError into *err. Other panics continue.
func recoverBuildError(err *error) {
	switch e := recover().(type) {
	case nil:
	case *BuildError:
		*err = e
	default:
		panic(e)
	}
}

func misuse(op, format string, args ...any) { panic(&BuildError{op, fmt.Sprintf(format, args...)}) }

func wantShape(op string, t *Tensor, rank int) {
	if len(t.shape) != rank || slices.Min(t.shape) < 1 {
		misuse(op, "%v: want %d axes of at least 1", t, rank)
	}
}

func wantSame(op string, a, b *Tensor) {
	if !slices.Equal(a.shape, b.shape) {
		misuse(op, "%v and %v: shapes differ", a, b)
	}
}
