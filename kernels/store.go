package kernels

import (
	"fmt"
	"slices"
	"unsafe"

	"github.com/marr-ssl/marr/vk"
)

// align is the alignment of tensors in memory, in bytes: a multiple of every device's alignment of storage and texel buffers (≤ 256).
const align = 256

// Param is a trainable tensor of a Store. Its logical shape is KRSC for a convolution, [K C] for a linear layer, [C] for a vector.
type Param struct {
	Name    string
	Shape   []int
	NoDecay bool    // no weight decay
	LR      float64 // multiple of the learning rate; default 1
	Gate    string  // scalar of the segment with Update that multiplies the rate; at 0 optimizers skip the parameter; "": none

	store              *Store
	offset             int64 // bytes, the same in every flat set
	bytes              int64
	init               []float32
	average, averageOf *Param // its moving average; the parameter whose moving average it is
}

// State is a tensor of a Store without a gradient: running statistics, queues, centers.
type State struct {
	Name  string
	Shape []int

	store  *Store
	offset int64
	bytes  int64
	init   []float32
}

// Store owns the memory that outlives a program: parameters, with their gradients and optimizer moments, and state tensors. The parameters lie in flat
// sets of one layout, so that the optimizer, norms and checkpoints take one pass each:
//
//	values | gradients | moment 0 | moment 1 | averages | sums     each of `size` bytes, with parameter p at p.offset
//	states                                                          state s at s.offset
//
// Averages exist only if some parameter has one (Param.Momentum), sums only for Graph.SumParts. Parameters and states are declared before or while the first program is built.
// That build allocates them on the device.
type Store struct {
	dev    *vk.Device
	params []*Param
	states []*State
	byName map[string]any

	size, stateSize int64
	summed          bool // SumParts was recorded
	sets            [sets]*vk.Buffer
	state           *vk.Buffer

	tuner *Tuner            // nil: the static rule
	pins  map[string]string // kernels by pass and shape, which override tuner and rule
}

// The flat sets of a Store.
const (
	values = iota
	gradients
	moment0
	moment1
	averages
	sums
	sets
	states = sets // not flat: the state tensors
)

// NewStore returns an empty Store for a device.
func NewStore(dev *vk.Device) *Store {
	s := &Store{dev: dev, byName: map[string]any{}, stateSize: align}
	s.halt()
	return s
}

// Device returns the device that holds the Store's memory.
func (s *Store) Device() *vk.Device { return s.dev }

// Params returns the parameters in order of declaration.
func (s *Store) Params() []*Param { return s.params }

// States returns the state tensors in order of declaration.
func (s *Store) States() []*State { return s.states }

func (s *Store) allocated() bool { return s.state != nil }

// paddedShape returns the shape in memory: the last axis is padded, and the first one too if there are several, so that kernels may read whole
// vectors of both.
func paddedShape(shape []int) []int {
	out := append([]int{}, shape...)
	out[len(out)-1] = pad(out[len(out)-1])
	if len(out) > 1 {
		out[0] = pad(out[0])
	}
	return out
}

func storedBytes(shape []int) int64 {
	return (4*int64(product(paddedShape(shape))) + align - 1) / align * align
}

// Param returns the parameter of this name, declaring it if there is none. init returns its first value, row-major over the logical shape.
func (s *Store) Param(name string, init func() []float32, shape ...int) *Param {
	if p, ok := s.byName[name].(*Param); ok {
		if fmt.Sprint(p.Shape) != fmt.Sprint(shape) {
			misuse("Param", "%s is %v, requested as %v", name, p.Shape, shape)
		}
		return p
	}
	s.declare("Param", name, shape)
	p := &Param{Name: name, Shape: shape, LR: 1, store: s, offset: s.size, bytes: storedBytes(shape), init: init()}
	if len(p.init) != product(shape) {
		misuse("Param", "%s %v: %d first values", name, shape, len(p.init))
	}
	s.size += p.bytes
	s.params = append(s.params, p)
	s.byName[name] = p
	return p
}

// State returns the state tensor of this name, declaring it if there is none. `first` is the first value of every element.
func (s *Store) State(name string, first float32, shape ...int) *State {
	return s.StateFrom(name, func() []float32 { return slices.Repeat([]float32{first}, product(shape)) }, shape...)
}

// StateFrom is State with a first value of each element: init returns them, row-major over the logical shape.
func (s *Store) StateFrom(name string, init func() []float32, shape ...int) *State {
	if x, ok := s.byName[name].(*State); ok {
		if fmt.Sprint(x.Shape) != fmt.Sprint(shape) {
			misuse("State", "%s is %v, requested as %v", name, x.Shape, shape)
		}
		return x
	}
	s.declare("State", name, shape)
	x := &State{Name: name, Shape: shape, store: s, offset: s.stateSize, bytes: storedBytes(shape), init: init()}
	if len(x.init) != product(shape) {
		misuse("State", "%s %v: %d first values", name, shape, len(x.init))
	}
	s.stateSize += x.bytes
	s.states = append(s.states, x)
	s.byName[name] = x
	return x
}

func (s *Store) declare(op, name string, shape []int) {
	if s.byName[name] != nil {
		misuse(op, "%s is already the name of a tensor of another kind", name)
	}
	if s.allocated() {
		misuse(op, "%s: the store is on the device already: declare it in the first program", name)
	}
	if len(shape) == 0 || product(shape) < 1 {
		misuse(op, "%s %v: want at least one element", name, shape)
	}
}

// allocate allocates the flat sets and uploads first values. Afterwards nothing can be declared.
func (s *Store) allocate() error {
	first := !s.allocated()
	var err error
	for i, purpose := range []string{"parameters", "gradients", "optimizer moments", "optimizer moments", "moving averages", "sums of gradients"} {
		if !s.has(i) || s.sets[i] != nil {
			continue
		}
		if s.sets[i], err = s.dev.NewBuffer(max(s.size, align), vk.DeviceLocal, purpose); err != nil {
			s.Free()
			return err
		}
	}
	if !first {
		return nil
	}
	if s.state, err = s.dev.NewBuffer(s.stateSize, vk.DeviceLocal, "state"); err != nil {
		s.Free()
		return err
	}
	return s.reset()
}

// has reports whether the Store has a flat set.
func (s *Store) has(set int) bool {
	switch set {
	case averages:
		return s.numAveraged() > 0
	case sums:
		return s.summed
	}
	return true
}

// reset clears all sets and states, and writes first values.
func (s *Store) reset() error {
	r := s.dev.NewRecorder()
	for _, b := range s.sets {
		if b != nil {
			r.Fill(b.All(), 0)
		}
	}
	r.Fill(s.state.All(), 0)
	seg, err := r.End()
	if err != nil {
		return err
	}
	defer seg.Free()
	t, err := s.dev.Submit(seg)
	if err != nil {
		return err
	}
	if err := t.Wait(); err != nil {
		return err
	}
	for _, p := range s.params {
		if err := p.Write(p.init); err != nil {
			return err
		}
		if p.HasAverage() {
			if err := p.WriteAverage(p.init); err != nil {
				return err
			}
		}
		p.init = nil
	}
	for _, x := range s.states {
		if err := x.Write(x.init); err != nil {
			return err
		}
		x.init = nil
	}
	return nil
}

// Free releases the device memory.
func (s *Store) Free() {
	for i, b := range s.sets {
		if b != nil {
			b.Free()
			s.sets[i] = nil
		}
	}
	if s.state != nil {
		s.state.Free()
		s.state = nil
	}
}

// GradientBytes returns the size of the gradients of all parameters in memory.
func (s *Store) GradientBytes() int64 { return s.size }

// Bytes returns the size of the flat sets and the states in device memory.
func (s *Store) Bytes() int64 {
	n := s.stateSize
	for i := range sets {
		if s.has(i) {
			n += max(s.size, align)
		}
	}
	return n
}

// Moment is an optimizer moment: 0 is the first (or SGD's velocity), 1 the second.
type Moment int

// Read returns the parameter's value, row-major over the logical shape. It waits for the device.
func (p *Param) Read() ([]float32, error) { return p.read(values) }

// ReadGrad returns the parameter's gradient.
func (p *Param) ReadGrad() ([]float32, error) { return p.read(gradients) }

// ReadMoment returns one of the optimizer's moments.
func (p *Param) ReadMoment(m Moment) ([]float32, error) { return p.read(moment0 + int(m)) }

// Write sets the parameter's value, or its first value if the store is not on the device yet.
func (p *Param) Write(v []float32) error { return p.write(values, v) }

// WriteMoment sets one of the optimizer's moments.
func (p *Param) WriteMoment(m Moment, v []float32) error { return p.write(moment0+int(m), v) }

func (p *Param) read(set int) ([]float32, error) {
	p, set, err := p.locate(set)
	if err != nil {
		return nil, err
	}
	if set != values && set != averages && !p.store.allocated() {
		return make([]float32, product(p.Shape)), nil
	}
	return p.store.readLogical(p.store.sets[set], p.offset, p.Shape, p.init)
}

func (p *Param) write(set int, v []float32) error {
	p, set, err := p.locate(set)
	if err != nil {
		return err
	}
	if len(v) != product(p.Shape) {
		return fmt.Errorf("kernels: %s %v: %d values given", p.Name, p.Shape, len(v))
	}
	if !p.store.allocated() {
		if set != values {
			return fmt.Errorf("kernels: %s: moments and averages do not exist before the first program is built: build it first", p.Name)
		}
		p.init = v
		return nil
	}
	return p.store.writeLogical(p.store.sets[set], p.offset, p.Shape, v)
}

// Read returns the state's value, row-major over the logical shape. It waits for the device.
func (x *State) Read() ([]float32, error) {
	return x.store.readLogical(x.store.state, x.offset, x.Shape, x.init)
}

// Write sets the state's value.
func (x *State) Write(v []float32) error {
	if len(v) != product(x.Shape) {
		return fmt.Errorf("kernels: %s %v: %d values given", x.Name, x.Shape, len(v))
	}
	if !x.store.allocated() {
		x.init = v
		return nil
	}
	return x.store.writeLogical(x.store.state, x.offset, x.Shape, v)
}

func (s *Store) readLogical(b *vk.Buffer, offset int64, shape []int, init []float32) ([]float32, error) {
	if b == nil {
		return append([]float32{}, init...), nil
	}
	v := make([]float32, product(shape))
	padded := make([]float32, product(shape[:len(shape)-1])*pad(shape[len(shape)-1]))
	if err := s.dev.Read(asBytes(padded), vk.Range{Buffer: b, Offset: offset, Size: 4 * int64(len(padded))}); err != nil {
		return nil, err
	}
	Unpack(v, padded, shape[len(shape)-1])
	return v, nil
}

func (s *Store) writeLogical(b *vk.Buffer, offset int64, shape []int, v []float32) error {
	padded := make([]float32, product(paddedShape(shape)))
	Pack(padded, v, shape[len(shape)-1])
	return s.dev.Write(vk.Range{Buffer: b, Offset: offset, Size: 4 * int64(len(padded))}, asBytes(padded))
}

// Value returns the parameter as a tensor of g. It has a gradient unless it is a moving average.
func (p *Param) Value(g *Graph) *Tensor {
	if p.averageOf != nil {
		return g.fixed(p.Name, p.Shape, averages, p.offset, p.bytes)
	}
	t := g.fixed(p.Name, p.Shape, values, p.offset, p.bytes)
	t.param, t.needs = p, true
	return t
}

// Value returns the state as a tensor of g.
func (x *State) Value(g *Graph) *Tensor { return g.fixed(x.Name, x.Shape, states, x.offset, x.bytes) }

// buffer returns the device buffer of a set.
func (s *Store) buffer(set int) *vk.Buffer {
	if set == states {
		return s.state
	}
	return s.sets[set]
}

func (g *Graph) paramGrad(p *Param) *Tensor {
	return g.fixed("d"+p.Name, p.Shape, gradients, p.offset, p.bytes)
}

func asBytes(v []float32) []byte {
	if len(v) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), 4*len(v))
}

func asFloats(b []byte) []float32 {
	if len(b) == 0 {
		return nil
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&b[0])), len(b)/4)
}
