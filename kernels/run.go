package kernels

import (
	"fmt"
	"slices"
	"time"
	"unsafe"

	"marr/vk"
)

// Run is one run of a segment: fill its inputs, Submit, Wait, read its outputs. The memory behind inputs and outputs is used again
// by the run after the next.
type Run struct {
	s      *Segment
	slot   *slot
	ticket *vk.Ticket
	done   bool
	err    error

	times    []time.Duration // with Graph.Time, once the run is over
	timesErr error
}

// Begin waits until a slot is free and returns a run that takes it. The error is that of the slot's last run, unless Submit or Wait returned it.
func (s *Segment) Begin() (*Run, error) {
	x := s.slot[s.turn]
	s.turn = (s.turn + 1) % slots
	if x.run != nil && !x.run.done {
		if err := x.run.Wait(); err != nil {
			return nil, err
		}
	}
	x.run = &Run{s: s, slot: x}
	return x.run, nil
}

func find(parts []placed, name string) *placed {
	if i := slices.IndexFunc(parts, func(p placed) bool { return p.name == name }); i >= 0 {
		return &parts[i]
	}
	return nil
}

// Bytes is the host memory of an input, to be filled before Submit.
func (r *Run) Bytes(input string) []byte {
	p := find(r.s.inputs, input)
	if p == nil {
		panic(fmt.Sprintf("kernels: segment %s has no input %q", r.s.name, input))
	}
	return r.slot.upload.Bytes()[p.offset : p.offset+p.at.Size]
}

// Floats is an F32 input as padded rows.
func (r *Run) Floats(input string) []float32 { return asFloats(r.Bytes(input)) }

// Has reports whether the segment declared this scalar.
func (s *Segment) Has(scalar string) bool { return slices.Contains(s.scalars, scalar) }

// Set gives a scalar its value for this run; every scalar must be set in every run.
func (r *Run) Set(scalar string, v float64) {
	i := slices.Index(r.s.scalars, scalar)
	if i < 0 {
		panic(fmt.Sprintf("kernels: segment %s has no scalar %q", r.s.name, scalar))
	}
	r.Floats("scalars")[i] = float32(v)
}

// Submit hands the run to the device and returns without waiting.
func (r *Run) Submit() error {
	segs := make([]*vk.Segment, 0, 3)
	if r.slot.prologue != nil {
		segs = append(segs, r.slot.prologue)
	}
	if r.s.labels != nil {
		return r.submitEager(segs)
	}
	segs = append(segs, r.s.body...)
	if r.slot.epilogue != nil {
		segs = append(segs, r.slot.epilogue)
	}
	if r.err = r.waitOthers(); r.err != nil {
		r.done = true
		return r.err
	}
	r.ticket, r.err = r.s.p.dev.Submit(segs...)
	r.done = r.err != nil
	return r.err
}

func (r *Run) submitEager(prologue []*vk.Segment) error {
	r.done = true
	wait := func(segs ...*vk.Segment) error {
		t, err := r.s.p.dev.Submit(segs...)
		if err != nil {
			return err
		}
		return t.Wait()
	}
	if r.err = wait(prologue...); r.err != nil {
		return r.err
	}
	for i, seg := range r.s.body {
		if err := wait(seg); err != nil {
			r.err = fmt.Errorf("kernels: %s: %s: %w", r.s.name, r.s.labels[i], err)
			return r.err
		}
		if r.err = r.scan(i); r.err != nil {
			return r.err
		}
	}
	if r.slot.epilogue != nil {
		r.err = wait(r.slot.epilogue)
	}
	return r.err
}

// NonFiniteError names the first op of an eager run that wrote a number that is not finite, and the tensor that has it.
type NonFiniteError struct {
	Segment, Op string // the op with all its tensors
	Tensor      string
	Index       int // in padded rows
	Value       float32
}

func (e *NonFiniteError) Error() string {
	return fmt.Sprintf("kernels: %s: %s: element %d of %s is %v", e.Segment, e.Op, e.Index, e.Tensor, e.Value)
}

func (r *Run) scan(i int) error {
	for _, w := range r.s.writes[i] {
		v := make([]float32, w.at.Size/4)
		if err := r.s.p.dev.Read(asBytes(v), w.at); err != nil {
			return err
		}
		for j, x := range v {
			if x-x != 0 {
				return &NonFiniteError{r.s.name, r.s.labels[i], w.tensor, j, x}
			}
		}
	}
	return nil
}

// Wait blocks until the run is over.
func (r *Run) Wait() error {
	if !r.done && r.ticket != nil {
		r.err, r.done = r.ticket.Wait(), true
		r.measure()
	}
	return r.err
}

// Output is an output as padded rows; valid after Wait, until the run after the next begins.
func (r *Run) Output(name string) []float32 {
	p := find(r.s.outputs, name)
	if p == nil {
		panic(fmt.Sprintf("kernels: segment %s has no output %q", r.s.name, name))
	}
	return asFloats(r.slot.readback.Bytes()[p.offset : p.offset+p.at.Size])
}

// Ints is an I32 input.
func (r *Run) Ints(input string) []int32 {
	b := r.Bytes(input)
	return unsafe.Slice((*int32)(unsafe.Pointer(&b[0])), len(b)/4)
}
