package kernels

import (
	"fmt"

	"github.com/marr-ssl/marr/vk"
)

// tape holds what ops record: dispatches by segment, their tensors, their backward closures, and the trace for exporters.
type tape struct {
	segments      []*segmentPlan
	steps         []*step
	tensors       []*storage
	backward      []func()
	fusibles      []*fusible
	norms         []*norm
	trace         []Node
	serial        int       // number of the last tensor, for its name
	stopGradNames *[]string // see CutAtStopGrad; nil: StopGrad does not cut the graph
}

// segmentPlan is a segment while it is being recorded.
type segmentPlan struct {
	name    string
	inputs  []*Tensor
	outputs []output
	scalars []string
	params  *Tensor // the scalars' values, 256 bytes
	draws   []draw
	pieces  Pieces
}

type output struct {
	name string
	t    *Tensor
}

// step is one dispatch, or one fill when kernel is empty.
type step struct {
	kernel  string
	spec    []uint32 // specialization constants, from id 1 on
	label   string
	binds   []bound
	push    []uint32
	groups  [3]uint32
	work    float64
	fill    uint32
	segment int
	back    bool // recorded during Backward
	host    bool // the host gathers the first binding of all devices in the second (SyncNorms)
}

type bound struct {
	mem          *storage
	offset, size int64
	access       vk.Access
	float        bool // holds floats: scanned for NaN in eager mode
	half         bool // holds halves
	share        int  // see bind
}

// traffic returns the bytes that a step reads and writes, each byte of a binding once.
func (x *step) traffic() (sum int64) {
	for _, b := range x.binds {
		if b.share < 0 {
			continue
		}
		n := b.size / int64(max(b.share, 1))
		if b.access&vk.Read != 0 {
			sum += n
		}
		if b.access&vk.Write != 0 {
			sum += n
		}
	}
	return sum
}

// Segment begins a part of the program that is submitted on its own. Ops recorded from here on belong to it.
func (g *Graph) Segment(name string) {
	for _, s := range g.segments {
		if s.name == name {
			misuse("Segment", "the program already has a segment %q", name)
		}
	}
	g.segments = append(g.segments, &segmentPlan{name: name})
}

// current returns the current segment.
func (t *tape) current() *segmentPlan {
	if len(t.segments) == 0 {
		t.segments = append(t.segments, &segmentPlan{name: "main"})
	}
	return t.segments[len(t.segments)-1]
}

// Input declares a tensor that the host fills before each run of the current segment. F32 inputs have padded rows. F16 is no type for inputs and outputs:
// use Half and Float.
func (g *Graph) Input(name string, d DType, shape ...int) *Tensor {
	if d == F16 {
		misuse("Input", "%s has type F16: declare it F32, and call Half", name)
	}
	t := g.alloc(name, d, shape)
	t.mem.pinned = true
	s := g.current()
	s.inputs = append(s.inputs, t)
	return t
}

// Output makes t readable after each run of the current segment.
func (g *Graph) Output(name string, t *Tensor) {
	if t.dtype == F16 {
		misuse("Output", "%v has type F16: call Float", t)
	}
	t.mem.pinned = true
	s := g.current()
	s.outputs = append(s.outputs, output{name, t})
}

// Scalar is a number that the host sets before each run of a segment (learning rate, temperature, …) without a new recording.
type Scalar struct {
	mem   *Tensor
	index int
}

// maxScalars is the number of scalars one segment may have.
const maxScalars = 64

// Scalar returns the scalar of this name in the current segment, declaring it if there is none.
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
			misuse("tensor", "%s %v: want at least one element along every axis", name, shape)
		}
	}
	g.serial++
	m := &storage{name: fmt.Sprintf("%s#%d", name, g.serial), set: arena, bytes: bytesOf(d, shape), first: -1, last: -1}
	g.tensors = append(g.tensors, m)
	return &Tensor{g: g, name: m.name, shape: shape, dtype: d, mem: m}
}

// result allocates the output of an op. It needs a gradient if one of the op's inputs does. It has halves if one of them does, but for vectors: losses.
func (g *Graph) result(op string, shape []int, from ...*Tensor) *Tensor {
	dtype, needs := F32, false
	for _, f := range from {
		needs = needs || f.needs
		if f.dtype == F16 && len(shape) > 1 {
			dtype = F16
		}
	}
	t := g.alloc(op, dtype, shape)
	t.needs = needs
	return t
}

func (t *tape) segmentIndex() int {
	t.current()
	return len(t.segments) - 1
}

func (g *Graph) fill(t *Tensor, word uint32) { g.fillAt(t, t.bytes(), word) }

// fillAt sets the first bytes of a tensor to a word. The pad lanes behind them stay zero.
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
