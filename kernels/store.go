package kernels

import (
	"fmt"
	"unsafe"

	"marr/vk"
)

// align is the granule of places in memory, in bytes: a multiple of every device's storage and texel buffer alignment (≤ 256).
const align = 256

// Param is a trainable tensor of a Store: its logical shape is KRSC for a convolution, [K C] for a linear layer, [C] for a vector.
type Param struct {
	Name    string
	Shape   []int
	NoDecay bool    // no weight decay
	LR      float64 // multiple of the learning rate; 1
	Gate    string  // name of a scalar of the segment with Update that multiplies the rate; at 0 optimizers skip the parameter; "": none

	store    *Store
	offset   int64 // bytes, the same in every flat set
	bytes    int64
	init     []float32
	twin, of *Param // its moving average as a Param; what it is the moving average of
}

// State is a tensor of a Store that no gradient reaches: running statistics, queues, centers.
type State struct {
	Name  string
	Shape []int

	store  *Store
	offset int64
	bytes  int64
	init   []float32
}

// Store owns what outlives a program: parameters with their gradients and optimizer moments in flat sets of one layout, so that
// optimizer, norms and checkpoints are one pass each, and state tensors.
//
//	values | gradients | moment 0 | moment 1 | averages     each `size` bytes; parameter p at p.offset in every one
//	states                                                   s.offset
//
// Averages exist only if some parameter has one (Param.Momentum).
// Parameters and states are declared before or while the first program is built; that build allocates them on the device.
type Store struct {
	dev    *vk.Device
	params []*Param
	states []*State
	byName map[string]any

	size, stateSize int64
	sets            [sets]*vk.Buffer
	state           *vk.Buffer

	tuner *Tuner            // nil: the static rule
	pins  map[string]string // kernels by pass and shape that tuner and rule do not touch
}

// The flat sets of a Store.
const (
	values = iota
	gradients
	moment0
	moment1
	averages
	sets
	states = sets // not flat: the state tensors
)

// NewStore returns an empty Store for a device.
func NewStore(dev *vk.Device) *Store {
	s := &Store{dev: dev, byName: map[string]any{}, stateSize: align}
	s.halt()
	return s
}

// Device is the device the Store's memory is on.
func (s *Store) Device() *vk.Device { return s.dev }

// Params returns the parameters in order of declaration.
func (s *Store) Params() []*Param { return s.params }

// States returns the state tensors in order of declaration.
func (s *Store) States() []*State { return s.states }

func (s *Store) sealed() bool { return s.state != nil }

// stored is the shape in memory: the last axis padded, and K too where there is one, so that kernels may read whole quads of both.
func stored(shape []int) []int {
	out := append([]int{}, shape...)
	out[len(out)-1] = pad(out[len(out)-1])
	if len(out) > 1 {
		out[0] = pad(out[0])
	}
	return out
}

func place(shape []int) int64 {
	return (4*int64(product(stored(shape))) + align - 1) / align * align
}

// Param declares a parameter or finds the one of this name; init returns its first value, row-major over the logical shape.
func (s *Store) Param(name string, init func() []float32, shape ...int) *Param {
	if p, ok := s.byName[name].(*Param); ok {
		if fmt.Sprint(p.Shape) != fmt.Sprint(shape) {
			misuse("Param", "%s is %v, requested as %v", name, p.Shape, shape)
		}
		return p
	}
	s.declare("Param", name, shape)
	p := &Param{Name: name, Shape: shape, LR: 1, store: s, offset: s.size, bytes: place(shape), init: init()}
	if len(p.init) != product(shape) {
		misuse("Param", "%s %v: %d first values", name, shape, len(p.init))
	}
	s.size += p.bytes
	s.params = append(s.params, p)
	s.byName[name] = p
	return p
}

// State declares a state tensor or finds the one of this name; every element starts as the given value.
func (s *Store) State(name string, first float32, shape ...int) *State {
	if x, ok := s.byName[name].(*State); ok {
		if fmt.Sprint(x.Shape) != fmt.Sprint(shape) {
			misuse("State", "%s is %v, requested as %v", name, x.Shape, shape)
		}
		return x
	}
	s.declare("State", name, shape)
	x := &State{Name: name, Shape: shape, store: s, offset: s.stateSize, bytes: place(shape), init: make([]float32, product(shape))}
	for i := range x.init {
		x.init[i] = first
	}
	s.stateSize += x.bytes
	s.states = append(s.states, x)
	s.byName[name] = x
	return x
}

func (s *Store) declare(op, name string, shape []int) {
	if s.byName[name] != nil {
		misuse(op, "%s names a tensor of another kind already", name)
	}
	if s.sealed() {
		misuse(op, "%s: the store is on the device already: declare it in the first program", name)
	}
	if len(shape) == 0 || product(shape) < 1 {
		misuse(op, "%s %v: want at least one element", name, shape)
	}
}

// seal allocates the flat sets and uploads first values; once sealed nothing can be declared.
func (s *Store) seal() error {
	if s.sealed() {
		return nil
	}
	var err error
	for i, what := range []string{"parameters", "gradients", "optimizer moments", "optimizer moments", "moving averages"} {
		if i == averages && s.averaged() == 0 {
			continue
		}
		if s.sets[i], err = s.dev.NewBuffer(max(s.size, align), vk.DeviceLocal, what); err != nil {
			s.Free()
			return err
		}
	}
	if s.state, err = s.dev.NewBuffer(s.stateSize, vk.DeviceLocal, "state"); err != nil {
		s.Free()
		return err
	}
	return s.reset()
}

// reset clears every set and writes first values.
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
		if p.Averaged() {
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

// Bytes is the device memory of the flat sets and the states.
func (s *Store) Bytes() int64 {
	n := int64(sets)
	if s.averaged() == 0 {
		n--
	}
	return n*max(s.size, align) + s.stateSize
}

// Moment names the optimizer moments in checkpoints: 0 is the first (or SGD's velocity), 1 the second.
type Moment int

// Read returns the parameter's value, row-major over the logical shape. It waits for the device.
func (p *Param) Read() ([]float32, error) { return p.read(values) }

// ReadGrad returns the parameter's gradient.
func (p *Param) ReadGrad() ([]float32, error) { return p.read(gradients) }

// ReadMoment returns one of the optimizer's moments.
func (p *Param) ReadMoment(m Moment) ([]float32, error) { return p.read(moment0 + int(m)) }

// Write sets the parameter's value; before the store is on the device, its first value.
func (p *Param) Write(v []float32) error { return p.write(values, v) }

// WriteMoment sets one of the optimizer's moments.
func (p *Param) WriteMoment(m Moment, v []float32) error { return p.write(moment0+int(m), v) }

func (p *Param) read(set int) ([]float32, error) {
	p, set, err := p.home(set)
	if err != nil {
		return nil, err
	}
	if set != values && set != averages && !p.store.sealed() {
		return make([]float32, product(p.Shape)), nil
	}
	return p.store.readLogical(p.store.sets[set], p.offset, p.Shape, p.init)
}

func (p *Param) write(set int, v []float32) error {
	p, set, err := p.home(set)
	if err != nil {
		return err
	}
	if len(v) != product(p.Shape) {
		return fmt.Errorf("kernels: %s %v: %d values given", p.Name, p.Shape, len(v))
	}
	if !p.store.sealed() {
		if set != values {
			return fmt.Errorf("kernels: %s: moments and averages have no place before the first program is built: build it first", p.Name)
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
	if !x.store.sealed() {
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
	padded := make([]float32, product(stored(shape)))
	Pack(padded, v, shape[len(shape)-1])
	return s.dev.Write(vk.Range{Buffer: b, Offset: offset, Size: 4 * int64(len(padded))}, asBytes(padded))
}

// Value returns the parameter as a tensor of g, into which a gradient flows unless it is a moving average.
func (p *Param) Value(g *Graph) *Tensor {
	if p.of != nil {
		return g.fixed(p.Name, p.Shape, averages, p.offset, p.bytes)
	}
	t := g.fixed(p.Name, p.Shape, values, p.offset, p.bytes)
	t.param, t.needs = p, true
	return t
}

// Value returns the state as a tensor of g.
func (x *State) Value(g *Graph) *Tensor { return g.fixed(x.Name, x.Shape, states, x.offset, x.bytes) }

// buffer is where a fixed storage's set lies on the device.
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
