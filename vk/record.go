package vk

import (
	"encoding/binary"
	"fmt"

	vulkan "github.com/vulkan-go/vulkan"
)

// Access is the way a kernel uses a binding.
type Access uint8

// The kinds of access. A binding that the kernel writes partly, and whose other bytes matter, is ReadWrite; barriers are the same for
// Write and ReadWrite.
const (
	Read      Access = 1
	Write     Access = 2
	ReadWrite        = Read | Write
)

// Binding is a buffer range that a kernel uses. As a storage buffer its offset is a multiple of Limits.StorageAlign and its size at most
// Limits.StorageRange. As a texel buffer its access is Read, its offset a multiple of Limits.TexelAlign, and its size a multiple of a
// texel, 16 bytes or 8 of halves, and at most that of Limits.TexelElements texels.
type Binding struct {
	Range  Range
	Access Access
	Half   bool // a texel buffer has 16-bit floats, which the kernel reads as 32-bit ones; other bindings are read as the kernel says
}

// texel returns the bytes of a texel.
func (b Binding) texel() int64 {
	if b.Half {
		return texelBytes / 2
	}
	return texelBytes
}

// Dispatch is one run of a kernel.
type Dispatch struct {
	Pipeline *Pipeline
	Bindings []Binding // in the order of the shader's bindings
	Push     []byte    // the push constant block
	Groups   [3]uint32 // work groups along x, y, z
	Label    string    // names the op in errors
	Work     float64   // approximate number of floating-point operations; with the bytes of the bindings it decides where command buffers are cut
}

// maxOps is the largest number of ops in a command buffer, since each also takes time to begin.
const maxOps = 512

// Recorder collects ops. It puts a memory barrier before each op whose ranges conflict with those of an op since the last barrier, and
// nowhere else. A Recorder is for one goroutine; several may be in use at the same time.
type Recorder struct {
	d        *Device
	err      error
	ended    bool
	ops      []op
	push     []byte
	track    tracker
	seconds  float64 // assumed time since the last cut
	cuts     []int   // first op of each command buffer
	toHost   []bool  // for each command buffer: whether it writes memory that the host reads
	barriers []int
	timed    bool // see EnableTiming

	sets      map[string]int // descriptor sets by layout and ranges
	setOf     []int          // for each op: its set, or -1
	layouts   []uint64       // for each set
	bindings  []uint32
	ranges    []bufferRange       // of all sets; until finish makes the views, view is 1 + an index into views
	views     []bufferRange       // the ranges of texel buffers
	viewOf    map[bufferRange]int // their indices
	key       []byte              // scratch
	noBarrier bool                // tests provoke hazards with it
}

// NewRecorder returns an empty Recorder.
func (d *Device) NewRecorder() *Recorder {
	return &Recorder{d: d, track: tracker{buffers: map[*Buffer]*touched{}}, sets: map[string]int{}, viewOf: map[bufferRange]int{}}
}

// Dispatch records a run of a kernel. End returns the first error, such as a range outside its buffer.
func (r *Recorder) Dispatch(x Dispatch) {
	if r.err != nil {
		return
	}
	if err := r.checkDispatch(x); err != nil {
		name := x.Label
		if name == "" && x.Pipeline != nil {
			name = x.Pipeline.name
		}
		r.err = fmt.Errorf("vk: dispatch %s (op %d): %w", name, len(r.ops), err)
		return
	}
	o := op{kind: opDispatch, a: x.Pipeline.handle, b: x.Pipeline.layout, groups: x.Groups,
		pushAt: uint32(len(r.push)), pushSize: uint32(len(x.Push))}
	r.push = append(r.push, x.Push...)
	r.append(o, r.set(x.Pipeline, x.Bindings), x.Work, x.Bindings...)
}

func (r *Recorder) checkDispatch(x Dispatch) error {
	p := x.Pipeline
	switch {
	case p == nil:
		return fmt.Errorf("no pipeline")
	case p.d != r.d:
		return fmt.Errorf("pipeline %s belongs to another device", p.name)
	case p.freed:
		return fmt.Errorf("pipeline %s was freed", p.name)
	case len(x.Bindings) != p.bindings:
		return fmt.Errorf("%d bindings, and kernel %s has %d", len(x.Bindings), p.name, p.bindings)
	case len(x.Push) != p.pushBytes:
		return fmt.Errorf("%d bytes of push constants, and kernel %s has %d", len(x.Push), p.name, p.pushBytes)
	}
	for i, g := range x.Groups {
		if limit := r.d.info.Limits.WorkGroupCount; g == 0 || g > limit[i] {
			return fmt.Errorf("work groups %v: each must be from 1 to %v", x.Groups, limit)
		}
	}
	for i, b := range x.Bindings {
		err := b.Range.check(r.d)
		if err == nil {
			err = b.check(r.d.info.Limits, p.isTexel(i))
		}
		if err != nil {
			return fmt.Errorf("binding %d: %w", i, err)
		}
	}
	return nil
}

// half returns 1 for a texel buffer of halves, else 0.
func (b Binding) half(texel bool) uint64 {
	if texel && b.Half {
		return 1
	}
	return 0
}

// check returns an error if the device cannot bind b as a texel buffer or as a storage buffer.
func (b Binding) check(l Limits, texel bool) error {
	align, most := l.StorageAlign, int64(l.StorageRange)
	if texel {
		align, most = l.TexelAlign, b.texel()*int64(l.TexelElements)
	}
	switch {
	case b.Access&^ReadWrite != 0 || b.Access == 0:
		return fmt.Errorf("access %d is not Read, Write or ReadWrite", b.Access)
	case texel && b.Access != Read:
		return fmt.Errorf("access to buffer %s is not Read: the kernel binds it as a texel buffer, which cannot be written", b.Range.Buffer.what)
	case texel && b.Range.Size%b.texel() != 0:
		return fmt.Errorf("%d bytes of buffer %s: the size of a texel buffer must be a multiple of %d", b.Range.Size, b.Range.Buffer.what, b.texel())
	case b.Range.Offset%align != 0:
		return fmt.Errorf("offset %d of buffer %s is not a multiple of %d", b.Range.Offset, b.Range.Buffer.what, align)
	case b.Range.Size > most:
		return fmt.Errorf("%d bytes of buffer %s: the device binds at most %d: split the work", b.Range.Size, b.Range.Buffer.what, most)
	}
	return nil
}

// Copy records a copy of src to dst. The ranges must have the same size and must not overlap.
func (r *Recorder) Copy(dst, src Range) {
	if r.err != nil {
		return
	}
	err := dst.check(r.d)
	if err == nil {
		err = src.check(r.d)
	}
	switch {
	case err != nil:
	case dst.Size != src.Size:
		err = fmt.Errorf("%d bytes to %d: the sizes must be equal", src.Size, dst.Size)
	case dst.Buffer == src.Buffer && dst.Offset < src.Offset+src.Size && src.Offset < dst.Offset+dst.Size:
		err = fmt.Errorf("the ranges overlap in buffer %s", dst.Buffer.what)
	}
	if err != nil {
		r.err = fmt.Errorf("vk: copy (op %d): %w", len(r.ops), err)
		return
	}
	o := op{kind: opCopy, a: handle(src.Buffer.buffer), b: handle(dst.Buffer.buffer), aAt: uint64(src.Offset), bAt: uint64(dst.Offset), size: uint64(dst.Size)}
	r.append(o, -1, 0, Binding{Range: src, Access: Read}, Binding{Range: dst, Access: Write})
}

// Fill records a fill of dst with a 32-bit word. Offset and size must be multiples of 4.
func (r *Recorder) Fill(dst Range, word uint32) {
	if r.err != nil {
		return
	}
	err := dst.check(r.d)
	if err == nil && (dst.Offset%4 != 0 || dst.Size%4 != 0) {
		err = fmt.Errorf("offset %d and size %d of buffer %s must be multiples of 4", dst.Offset, dst.Size, dst.Buffer.what)
	}
	if err != nil {
		r.err = fmt.Errorf("vk: fill (op %d): %w", len(r.ops), err)
		return
	}
	o := op{kind: opFill, b: handle(dst.Buffer.buffer), bAt: uint64(dst.Offset), size: uint64(dst.Size), word: word}
	r.append(o, -1, 0, Binding{Range: dst, Access: Write})
}

// append adds an op: after a barrier if its accesses conflict, or in a new command buffer if the last one is full.
func (r *Recorder) append(o op, set int, work float64, accesses ...Binding) {
	i, w := len(r.ops), r.d.watchdog
	seconds := w.seconds(work, accesses)
	full := len(r.cuts) > 0 && (r.seconds+seconds > w.unit && r.seconds > 0 || i-r.cuts[len(r.cuts)-1] >= maxOps)
	if len(r.cuts) == 0 || full {
		r.cuts, r.toHost = append(r.cuts, i), append(r.toHost, false)
		r.seconds = 0
		r.track.reset()
		o.barrier = 1 // a command buffer begins with a barrier against everything submitted before
	}
	if r.timed {
		o.barrier = 1
	}
	r.seconds += seconds
	for _, a := range accesses {
		if r.track.conflicts(a.Range, a.Access) {
			r.track.reset()
			if !r.noBarrier {
				o.barrier = 1
				r.barriers = append(r.barriers, i)
			}
			break
		}
	}
	for _, a := range accesses {
		r.track.add(a.Range, a.Access)
		if a.Access&Write != 0 && a.Range.Buffer.mapped != nil {
			r.toHost[len(r.toHost)-1] = true
		}
	}
	r.ops, r.setOf = append(r.ops, o), append(r.setOf, set)
}

// set returns the index of the descriptor set for these bindings. Equal bindings share a set.
func (r *Recorder) set(p *Pipeline, bindings []Binding) int {
	k := binary.LittleEndian.AppendUint64(r.key[:0], p.setLayout)
	for i, b := range bindings {
		k = binary.LittleEndian.AppendUint64(k, handle(b.Range.Buffer.buffer))
		k = binary.LittleEndian.AppendUint64(k, uint64(b.Range.Offset))
		k = binary.LittleEndian.AppendUint64(k, uint64(b.Range.Size)<<1|b.half(p.isTexel(i)))
	}
	r.key = k
	if i, ok := r.sets[string(k)]; ok {
		return i
	}
	i := len(r.layouts)
	r.sets[string(k)] = i
	r.layouts, r.bindings = append(r.layouts, p.setLayout), append(r.bindings, uint32(len(bindings)))
	for j, b := range bindings {
		x := bufferRange{buffer: handle(b.Range.Buffer.buffer), offset: uint64(b.Range.Offset), size: uint64(b.Range.Size)}
		if p.isTexel(j) {
			x.half = b.half(true)
			x.view = r.view(x)
		}
		r.ranges = append(r.ranges, x)
	}
	return i
}

// view returns 1 + the index of the view of x. Equal ranges share a view.
func (r *Recorder) view(x bufferRange) uint64 {
	i, ok := r.viewOf[x]
	if !ok {
		i = len(r.views)
		r.viewOf[x] = i
		r.views = append(r.views, x)
	}
	return uint64(i) + 1
}

// End returns the recording as a Segment, or the first error of the recording. The Recorder cannot be used again.
func (r *Recorder) End() (*Segment, error) {
	if r.err != nil {
		return nil, r.err
	}
	if r.ended {
		return nil, fmt.Errorf("vk: end: the recording has ended already")
	}
	r.ended = true
	if err := r.d.alive("end"); err != nil {
		return nil, err
	}
	s := &Segment{d: r.d, ops: len(r.ops), barriers: r.barriers, timed: r.timed}
	for b := range r.track.buffers {
		s.buffers = append(s.buffers, b)
	}
	if len(r.cuts) > 0 {
		s.cuts = r.cuts[1:]
	}
	if err := r.finish(s); err != nil {
		s.destroy()
		return nil, err
	}
	r.d.mu.Lock()
	defer r.d.mu.Unlock()
	r.d.segments[s] = true
	return s, nil
}

// finish makes the buffer views, descriptor sets and command buffers of a segment. Each segment has its own views and pools, so that
// recording takes no lock and one call frees each pool.
func (r *Recorder) finish(s *Segment) error {
	if len(r.ops) == 0 {
		return nil
	}
	d := r.d
	s.views = r.views
	if err := d.shim.views(s.views); err != nil {
		return err
	}
	for i := range r.ranges {
		if v := r.ranges[i].view; v > 0 {
			r.ranges[i].view = s.views[v-1].view
		}
	}
	sets := make([]uint64, len(r.layouts))
	if len(sets) > 0 {
		pool, err := d.shim.sets(r.layouts, r.bindings, r.ranges, sets)
		if err != nil {
			return err
		}
		s.sets = fromHandle[vulkan.DescriptorPool](pool)
	}
	for i, set := range r.setOf {
		if set >= 0 {
			r.ops[i].c = sets[set]
		}
	}
	info := vulkan.CommandPoolCreateInfo{SType: vulkan.StructureTypeCommandPoolCreateInfo, QueueFamilyIndex: uint32(d.physical.family)}
	defer info.Free()
	var pool vulkan.CommandPool
	if err := check(vulkan.CreateCommandPool(d.dev, &info, nil, &pool), "vkCreateCommandPool"); err != nil {
		return err
	}
	s.commands = pool
	ask := vulkan.CommandBufferAllocateInfo{SType: vulkan.StructureTypeCommandBufferAllocateInfo, CommandPool: pool,
		Level: vulkan.CommandBufferLevelPrimary, CommandBufferCount: uint32(len(r.cuts))}
	defer ask.Free()
	cbs := make([]vulkan.CommandBuffer, len(r.cuts))
	if err := check(vulkan.AllocateCommandBuffers(d.dev, &ask, cbs), "vkAllocateCommandBuffers"); err != nil {
		return err
	}
	if err := s.makeTimer(len(cbs)); err != nil {
		return err
	}
	for i, cb := range cbs {
		end := len(r.ops)
		if i+1 < len(r.cuts) {
			end = r.cuts[i+1]
		}
		if err := d.shim.record(handle(cb), r.ops[r.cuts[i]:end], r.push, r.toHost[i], handle(s.timer), s.query(i, r.cuts[i]), s.timed); err != nil {
			return err
		}
		s.buf = append(s.buf, handle(cb))
	}
	return nil
}
