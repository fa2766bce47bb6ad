package kernels

import (
	"fmt"
	"slices"
	"time"
	"unsafe"

	"github.com/marr-ssl/marr/vk"
)

// Run is one run of a segment: fill its inputs, Submit, Wait, read its outputs. The run after the next reuses the memory of inputs and outputs.
type Run struct {
	s      *Segment
	slot   *slot
	ticket *vk.Ticket
	done   bool
	drawn  bool // Draw was called
	err    error

	times    []time.Duration // with Graph.EnableTiming, once the run is over
	timesErr error
}

// Begin waits for a free slot and returns a run that uses it. The error is that of the slot's previous run, if neither Submit nor Wait returned it.
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

// Bytes returns the host memory of an input, to be filled before Submit.
func (r *Run) Bytes(input string) []byte {
	p := find(r.s.inputs, input)
	if p == nil {
		panic(fmt.Sprintf("kernels: segment %s has no input %q", r.s.name, input))
	}
	return r.slot.upload.Bytes()[p.offset : p.offset+p.at.Size]
}

// Floats returns the host memory of an F32 input, as padded rows.
func (r *Run) Floats(input string) []float32 { return asFloats(r.Bytes(input)) }

// HasScalar reports whether the segment declared this scalar.
func (s *Segment) HasScalar(scalar string) bool { return slices.Contains(s.scalars, scalar) }

// Set sets a scalar for this run. Every run must set all scalars.
func (r *Run) Set(scalar string, v float64) {
	i := slices.Index(r.s.scalars, scalar)
	if i < 0 {
		panic(fmt.Sprintf("kernels: segment %s has no scalar %q", r.s.name, scalar))
	}
	r.Floats("scalars")[i] = float32(v)
}

// Submit submits the run to the device and does not wait for it. The eager twin waits, and so does a segment with synchronized batch norms
// (Graph.SyncNorms), up to the last of them.
func (r *Run) Submit() error { return r.submit(nil) }

// submit is Submit that calls onPiece, if there is one, after the work that completes a piece of the gradients, but for the last.
func (r *Run) submit(onPiece func(piece int) error) error {
	if len(r.s.draws) > 0 && !r.drawn {
		panic(fmt.Sprintf("kernels: segment %s has random inputs, such as %q, that were not drawn: call Run.Draw before Submit", r.s.name, r.s.draws[0].name))
	}
	r.err = r.submitBody(onPiece)
	if r.err != nil && r.ticket != nil {
		_ = r.ticket.Wait() // so that the slot is free; the first error is returned
	}
	r.done = r.err != nil || r.s.labels != nil
	return r.err
}

// submitBody submits prologue, body and epilogue, together as far as nothing must be done between them.
func (r *Run) submitBody(onPiece func(piece int) error) error {
	var segs []*vk.Segment
	eager := r.s.labels != nil
	flush := func(wait bool) error {
		t, err := r.s.p.dev.Submit(segs...)
		if err != nil {
			return err
		}
		r.ticket, segs = t, segs[:0]
		if wait {
			return t.Wait()
		}
		return nil
	}
	if err := r.waitOthers(); err != nil {
		return err
	}
	segs = append(segs, r.slot.prologue) // nil is nothing
	for i, seg := range r.s.body {
		segs = append(segs, seg)
		if eager {
			if err := flush(true); err != nil {
				return fmt.Errorf("kernels: %s: %s: %w", r.s.name, r.s.labels[i], err)
			}
			if err := r.scan(i); err != nil {
				return err
			}
		}
		if h := r.s.gathers[i]; h != nil {
			segs = append(segs, h.out)
			if err := flush(true); err != nil {
				return err
			}
			if err := h.gather(h.mine, h.all); err != nil {
				return err
			}
			segs = append(segs, h.in)
		}
		if p := r.s.completed(i); p >= 0 && onPiece != nil {
			if err := flush(false); err != nil {
				return err
			}
			if err := onPiece(p); err != nil {
				return err
			}
		}
	}
	segs = append(segs, r.slot.epilogue)
	return flush(eager)
}

// NonFiniteError reports the first op of an eager run that wrote a non-finite number, and the tensor that holds it.
type NonFiniteError struct {
	Segment, Op string // Op: the kernel and its tensors
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
		if w.half {
			v = fromHalves(asBytes(v))
		}
		for j, x := range v {
			if x-x != 0 {
				return &NonFiniteError{r.s.name, r.s.labels[i], w.tensor, j, x}
			}
		}
	}
	return nil
}

// Wait waits until the run is over and returns its error.
func (r *Run) Wait() error {
	if !r.done && r.ticket != nil {
		r.err, r.done = r.ticket.Wait(), true
		r.measure()
	}
	return r.err
}

// Output returns an output as padded rows. It is valid after Wait, until the run after the next begins.
func (r *Run) Output(name string) []float32 {
	p := find(r.s.outputs, name)
	if p == nil {
		panic(fmt.Sprintf("kernels: segment %s has no output %q", r.s.name, name))
	}
	return asFloats(r.slot.readback.Bytes()[p.offset : p.offset+p.at.Size])
}

// Ints returns the host memory of an I32 input.
func (r *Run) Ints(input string) []int32 {
	b := r.Bytes(input)
	return unsafe.Slice((*int32)(unsafe.Pointer(&b[0])), len(b)/4)
}
