package kernels

import (
	"errors"
	"fmt"
	"math"

	"github.com/marr-ssl/marr/vk"
)

// slots is the number of runs of a segment that may be prepared or in flight: the host fills one while the device runs the other.
const slots = 2

// Program is recorded work on a Store: named segments that can be run any number of times, in any order.
type Program struct {
	dev        *vk.Device
	store      *Store
	blocks     []*vk.Buffer
	mine, all  *vk.Buffer // host memory of gathers: of this device, and of all; nil: there are none
	segments   map[string]*Segment
	planned    int64
	steps      int
	pipelines  map[string]*vk.Pipeline // by step.pipelineKey
	variants   map[string]string
	offered    map[string]bool
	guarded    []*storage // tensors with a guard band behind them
	maxBinding int64      // the largest binding in bytes if there are guard bands, else 0
}

// Segment is a part of a Program that is submitted on its own.
type Segment struct {
	name    string
	p       *Program
	inputs  []placed
	outputs []placed
	scalars []string
	draws   []draw
	body    []*vk.Segment       // one, or more with gathers and pieces, or in eager mode one for each dispatch
	gathers map[int]*hostGather // after some of body
	labels  []string
	writes  [][]written // eager: what each dispatch writes
	work    float64     // floating point operations
	traffic int64       // see Traffic
	pieces  []piece     // of the gradients
	parts   []partRange // written by one micro-batch after the other
	timed   []OpTime    // with Graph.EnableTiming: the ops, without their times
	slot    [slots]*slot
	turn    int
}

// written is the range of a tensor that a dispatch writes.
type written struct {
	tensor string
	at     vk.Range
	half   bool
}

type placed struct {
	name   string
	at     vk.Range // in the arena
	offset int64    // in the slot's buffer
}

type slot struct {
	upload, readback   *vk.Buffer
	prologue, epilogue *vk.Segment
	run                *Run
}

// Eager makes the program the eager twin, as MARR_EAGER=1 does (vk.Settings.Eager). The eager twin waits after each dispatch, scans its results for
// non-finite numbers, reuses no memory, and names the op in every error. Its results have the same bits. With ScaleLoss it scans the forward pass alone:
// gradients may overflow.
func (g *Graph) Eager() { g.eager = true }

// MemoryError reports that a program does not fit into memory. It needs Planned bytes in addition to the store.
type MemoryError struct {
	Planned int64
	Err     error
}

func (e *MemoryError) Error() string {
	return fmt.Sprintf("kernels: a program of %d MiB does not fit: %v: use a smaller batch", e.Planned>>20, e.Err)
}

func (e *MemoryError) Unwrap() error { return e.Err }

// Build calls f to record ops on a graph, plans memory and records the program. It returns a *BuildError for misuse in f and a *MemoryError for lack
// of memory.
func Build(dev *vk.Device, store *Store, f func(g *Graph)) (p *Program, err error) {
	limits := dev.Info().Limits
	g := newGraph(store)
	settings := dev.Settings()
	g.dev, g.eager, g.kernels.forced = dev, settings.Eager, forcedWords(settings)
	if settings.Poison {
		g.limits.guard = align
	}
	g.limits.binding, g.limits.work = int64(limits.StorageRange), dev.OpBudget()
	if InputAccess(dev) == "texel" {
		g.limits.texels = int64(limits.TexelElements)
	}
	if err := checkForced(g.kernels.forced); err != nil {
		return nil, err
	}
	if err := record(g, f); err != nil {
		return nil, err
	}
	store.tuner.save()
	if err := store.allocate(); err != nil {
		return nil, err
	}
	p = &Program{dev: dev, store: store, segments: map[string]*Segment{}, pipelines: map[string]*vk.Pipeline{}, steps: len(g.steps), variants: g.kernels.chosen, offered: g.kernels.offered}
	defer func() {
		if err != nil {
			p.Free()
			p = nil
		}
	}()
	most := limits.MaxAllocation
	if most == 0 {
		most = math.MaxInt64
	}
	sizes := g.plan(most)
	for _, n := range sizes {
		p.planned += n
	}
	for i, n := range sizes {
		b, err := dev.NewBuffer(n, vk.DeviceLocal, fmt.Sprintf("arena block %d", i))
		if err != nil {
			return p, p.memoryError(err)
		}
		p.blocks = append(p.blocks, b)
	}
	if err := p.initMemory(g); err != nil {
		return p, err
	}
	if err := p.compile(g); err != nil {
		return p, err
	}
	if err := p.allocateGathers(g); err != nil {
		return p, err
	}
	for i, plan := range g.segments {
		if err := p.segment(g, i, plan); err != nil {
			return p, err
		}
	}
	return p, nil
}

// initMemory fills the arena before the first run: with constants, and with zeros for the eager twin, which scans tensors that are written part by
// part.
func (p *Program) initMemory(g *Graph) error {
	if g.limits.guard > 0 {
		p.maxBinding = g.limits.binding
		if g.limits.texels > 0 {
			p.maxBinding = min(p.maxBinding, g.limits.texels*8)
		}
		if err := fillMemory(p.dev, poison, p.blocks...); err != nil {
			return err
		}
	} else if g.eager {
		if err := fillMemory(p.dev, 0, p.blocks...); err != nil {
			return err
		}
	}
	for _, m := range g.tensors {
		if g.limits.guard > 0 && (m.first >= 0 || m.pinned) {
			p.guarded = append(p.guarded, m)
		}
		if m.data == nil {
			continue
		}
		if err := p.dev.Write(p.at(bound{mem: m, size: m.bytes}), asBytes(m.data)); err != nil {
			return err
		}
	}
	return nil
}

// TraceOps records f without a device, for exporters. The graph's Trace returns the ops.
func TraceOps(store *Store, f func(g *Graph)) (*Graph, error) {
	g := newGraph(store)
	if store.dev != nil {
		g.kernels.forced = forcedWords(store.dev.Settings())
	}
	return g, record(g, f)
}

// Work returns the floating-point operations of the convolutions and matrix products that were recorded.
func (g *Graph) Work() (work float64) {
	for _, x := range g.steps {
		work += x.work
	}
	return work
}

// Planned returns the planned memory of the program without its Store, in bytes.
func (p *Program) Planned() int64 { return p.planned }

// Steps returns the number of dispatches and fills in all segments.
func (p *Program) Steps() int { return p.steps }

// Segment returns the segment of this name.
func (p *Program) Segment(name string) *Segment {
	s := p.segments[name]
	if s == nil {
		panic(fmt.Sprintf("kernels: the program has no segment %q", name))
	}
	return s
}

func (p *Program) at(b bound) vk.Range {
	if b.mem.set != arena {
		return vk.Range{Buffer: p.store.buffer(b.mem.set), Offset: b.mem.offset + b.offset, Size: b.size}
	}
	return vk.Range{Buffer: p.blocks[b.mem.block], Offset: b.mem.offset + b.offset, Size: b.size}
}

// segment builds a segment from its plan. After an error the program owns the part that exists, and frees it.
func (p *Program) segment(g *Graph, index int, plan *segmentPlan) error {
	s := &Segment{name: plan.name, p: p, scalars: plan.scalars, draws: plan.draws, gathers: map[int]*hostGather{}}
	p.segments[plan.name] = s
	var up, down int64
	for _, t := range plan.inputs {
		name := t.mem.name[:len(t.mem.name)-len(t.mem.name[lastHash(t.mem.name):])]
		s.inputs = append(s.inputs, placed{name, p.at(bound{mem: t.mem, size: t.mem.bytes}), up})
		up += (t.mem.bytes + align - 1) / align * align
	}
	for _, o := range plan.outputs {
		s.outputs = append(s.outputs, placed{o.name, p.at(bound{mem: o.t.mem, size: o.t.mem.bytes}), down})
		down += (o.t.mem.bytes + align - 1) / align * align
	}
	s.parts, s.pieces = p.partRanges(&g.update, index), g.gradientPieces(index)
	if err := s.record(g, index); err != nil {
		return err
	}
	for i := range s.slot {
		s.slot[i] = &slot{}
		if err := s.allocateSlot(s.slot[i], up, down); err != nil {
			return p.memoryError(err)
		}
	}
	return nil
}

// memoryError wraps the device's out-of-memory error in a *MemoryError. It returns other errors unchanged.
func (p *Program) memoryError(err error) error {
	var full *vk.OutOfMemoryError
	if errors.As(err, &full) {
		return &MemoryError{p.planned, err}
	}
	return err
}

func lastHash(name string) int {
	i := len(name) - 1
	for i > 0 && name[i] != '#' {
		i--
	}
	return i
}

// allocateSlot allocates a slot's buffers of `up` and `down` bytes and records the copies between them and the arena.
func (s *Segment) allocateSlot(x *slot, up, down int64) (err error) {
	d := s.p.dev
	if up > 0 {
		if x.upload, err = d.NewBuffer(up, vk.Upload, "upload ring of "+s.name); err != nil {
			return err
		}
		clear(x.upload.Bytes()) // an input that the host does not fill is zero
		if x.prologue, err = s.copies(s.inputs, x.upload, true); err != nil {
			return err
		}
	}
	if down > 0 {
		if x.readback, err = d.NewBuffer(down, vk.Readback, "outputs of "+s.name); err != nil {
			return err
		}
		if x.epilogue, err = s.copies(s.outputs, x.readback, false); err != nil {
			return err
		}
	}
	return nil
}

// Free waits for the device and releases the program's memory, but not the Store.
func (p *Program) Free() {
	var errs []error
	for _, s := range p.segments {
		for _, x := range s.slot {
			if x == nil {
				continue
			}
			if x.run != nil {
				errs = append(errs, x.run.Wait())
			}
			for _, seg := range []*vk.Segment{x.prologue, x.epilogue} {
				if seg != nil {
					seg.Free()
				}
			}
			for _, b := range []*vk.Buffer{x.upload, x.readback} {
				if b != nil {
					b.Free()
				}
			}
		}
		for _, b := range s.body {
			b.Free()
		}
		for _, x := range s.gathers {
			x.free()
		}
	}
	for _, b := range append(p.blocks, p.mine, p.all) {
		if b != nil {
			b.Free()
		}
	}
	_ = errors.Join(errs...) // Submit or Wait of a failed run has returned its error
	p.blocks, p.segments = nil, nil
}
