package vk

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"sync/atomic"
	"unsafe"

	vulkan "github.com/vulkan-go/vulkan"
)

// Memory is the kind of memory of a buffer.
type Memory int

// The kinds of memory. Upload and Readback are coherent and stay mapped, so they need no flush.
const (
	DeviceLocal Memory = iota // fastest for the device; the host accesses it through Write and Read
	Upload                    // the host writes it in order, the device reads it
	Readback                  // the device writes it, the host reads it; cached if the device has such memory
)

// String returns "device local", "upload" or "readback".
func (m Memory) String() string {
	switch m {
	case DeviceLocal:
		return "device local"
	case Upload:
		return "upload"
	case Readback:
		return "readback"
	}
	return fmt.Sprintf("Memory(%d)", int(m))
}

// Buffer is an allocation of memory for kernels and copies.
type Buffer struct {
	d      *Device
	what   string
	size   int64 // as requested
	alloc  int64 // bytes of device memory
	heap   int
	buffer vulkan.Buffer
	memory vulkan.DeviceMemory
	mapped []byte
	freed  atomic.Bool
}

// Range is Size bytes of a buffer, starting at Offset.
type Range struct {
	Buffer       *Buffer
	Offset, Size int64
}

// NewBuffer allocates size bytes, whose contents are undefined. Errors name the buffer by its purpose, what ("activations"). A buffer
// has at most Limits.MaxAllocation bytes, which may be more than one binding can cover. If the device has no memory left, the error
// is an *OutOfMemoryError.
func (d *Device) NewBuffer(size int64, m Memory, what string) (*Buffer, error) {
	if size <= 0 {
		return nil, fmt.Errorf("vk: new buffer %s: %d bytes: the size must be above 0", what, size)
	}
	if err := d.alive("new buffer " + what); err != nil {
		return nil, err
	}
	if limit := d.info.Limits.MaxAllocation; size > limit {
		return nil, d.outOfMemory(what, size, d.heapFor(m))
	}
	d.mu.Lock()
	n := len(d.buffers)
	d.mu.Unlock()
	if limit := d.info.Limits.Allocations; n >= int(limit) {
		return nil, fmt.Errorf("vk: new buffer %s: %d buffers are allocated, the limit of the device: combine several buffers into one", what, limit)
	}
	b := &Buffer{d: d, what: what, size: size}
	if err := b.create(m); err != nil {
		b.destroy()
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.buffers[b] = true
	d.inUse[b.heap] += b.alloc
	return b, nil
}

// create makes the VkBuffer and its memory, and maps host-visible memory.
func (b *Buffer) create(m Memory) error {
	d := b.d
	info := vulkan.BufferCreateInfo{SType: vulkan.StructureTypeBufferCreateInfo, Size: vulkan.DeviceSize(b.size+3) &^ 3,
		Usage: vulkan.BufferUsageFlags(vulkan.BufferUsageStorageBufferBit | vulkan.BufferUsageUniformTexelBufferBit |
			vulkan.BufferUsageTransferSrcBit | vulkan.BufferUsageTransferDstBit)}
	defer info.Free()
	var buffer vulkan.Buffer
	if err := check(vulkan.CreateBuffer(d.dev, &info, nil, &buffer), "vkCreateBuffer"); err != nil {
		return d.memoryError(err, b.what, b.size, d.heapFor(m))
	}
	b.buffer = buffer
	var need vulkan.MemoryRequirements
	vulkan.GetBufferMemoryRequirements(d.dev, buffer, &need)
	need.Deref()
	need.Free()
	types := d.memoryTypes(need.MemoryTypeBits, m)
	if len(types) == 0 {
		return fmt.Errorf("vk: new buffer %s: the device has no %v memory: choose another device", b.what, m)
	}
	b.alloc = int64(need.Size)
	if err := b.allocate(types); err != nil {
		return err
	}
	if err := check(vulkan.BindBufferMemory(d.dev, buffer, b.memory, 0), "vkBindBufferMemory"); err != nil {
		return d.memoryError(err, b.what, b.alloc, b.heap)
	}
	if m == DeviceLocal {
		return nil
	}
	var p unsafe.Pointer
	if err := check(vulkan.MapMemory(d.dev, b.memory, 0, need.Size, 0, &p), "vkMapMemory"); err != nil {
		return d.memoryError(err, b.what, b.alloc, b.heap)
	}
	b.mapped = unsafe.Slice((*byte)(p), b.size)
	return nil
}

// allocate allocates b.alloc bytes of the first of the memory types that has as many left. The error is that of the first type.
func (b *Buffer) allocate(types []int) (first error) {
	d := b.d
	for _, t := range types {
		var err error
		b.heap = int(d.memory.types[t].heap)
		if b.alloc > d.info.Limits.MaxAllocation || b.alloc > d.memory.heaps[b.heap] {
			err = d.outOfMemory(b.what, b.alloc, b.heap)
		} else {
			ask := vulkan.MemoryAllocateInfo{SType: vulkan.StructureTypeMemoryAllocateInfo, AllocationSize: vulkan.DeviceSize(b.alloc), MemoryTypeIndex: uint32(t)}
			var memory vulkan.DeviceMemory
			err = d.memoryError(check(vulkan.AllocateMemory(d.dev, &ask, nil, &memory), "vkAllocateMemory"), b.what, b.alloc, b.heap)
			ask.Free()
			b.memory = memory
		}
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
		if !errors.As(err, new(*OutOfMemoryError)) {
			break
		}
	}
	return first
}

// memoryTypes returns the indices of the memory types that suit m, the best first. allowed has a bit for each type. A type has all
// properties in must; those with more properties in want and then fewer in avoid are better. On a GPU with memory of its own,
// DeviceLocal excludes the memory of the host: over the bus, a program would take many times as long as with a smaller batch.
func (d *Device) memoryTypes(allowed uint32, m Memory) []int {
	const (
		local    = uint32(vulkan.MemoryPropertyDeviceLocalBit)
		visible  = uint32(vulkan.MemoryPropertyHostVisibleBit)
		coherent = uint32(vulkan.MemoryPropertyHostCoherentBit)
		cached   = uint32(vulkan.MemoryPropertyHostCachedBit)
	)
	rules := [...]struct{ must, want, avoid uint32 }{
		DeviceLocal: {0, local, visible},
		Upload:      {visible | coherent, 0, cached | local},
		Readback:    {visible | coherent, cached, local},
	}
	if m < 0 || int(m) >= len(rules) {
		return nil
	}
	rule := rules[m]
	score := func(i int) int {
		flags := d.memory.types[i].flags
		return 8*bits.OnesCount32(flags&rule.want) + 4 - bits.OnesCount32(flags&rule.avoid)
	}
	var found []int
	for i, t := range d.memory.types {
		// Skip protected, lazily allocated and vendor-specific types (bits 4 and up).
		if allowed&(1<<i) == 0 || t.flags&rule.must != rule.must || t.flags>>4 != 0 {
			continue
		}
		found = append(found, i)
	}
	slices.SortStableFunc(found, func(a, b int) int { return score(b) - score(a) })
	isLocal := func(i int) bool { return d.memory.types[i].flags&local != 0 }
	if ownMemory := d.info.Type == Discrete || d.info.Type == Virtual; ownMemory && m == DeviceLocal && slices.ContainsFunc(found, isLocal) {
		found = slices.DeleteFunc(found, func(i int) bool { return !isLocal(i) })
	}
	return found
}

// heapFor returns the heap of the best memory type for m.
func (d *Device) heapFor(m Memory) int {
	if types := d.memoryTypes(^uint32(0), m); len(types) > 0 {
		return int(d.memory.types[types[0]].heap)
	}
	return 0
}

func (d *Device) outOfMemory(what string, asked int64, heap int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return &OutOfMemoryError{Purpose: what, Requested: asked, InUse: d.inUse[heap], Heap: d.memory.heaps[heap], Limit: d.info.Limits.MaxAllocation}
}

// memoryError returns an *OutOfMemoryError for the out-of-memory results, adds the purpose to any other error, and returns nil for nil.
func (d *Device) memoryError(err error, what string, asked int64, heap int) error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) && (e.Result == resultOutOfDeviceMemory || e.Result == resultOutOfHostMemory) {
		return d.outOfMemory(what, asked, heap)
	}
	return fmt.Errorf("vk: new buffer %s: %w", what, err)
}

// Size returns the size in bytes.
func (b *Buffer) Size() int64 { return b.size }

// Bytes returns the mapped memory of the buffer, or nil for DeviceLocal and after Free. The host must not access bytes that submitted
// work may still use. Work submitted after a write reads the new bytes; results are complete after Ticket.Wait.
func (b *Buffer) Bytes() []byte {
	if b.freed.Load() {
		return nil
	}
	return b.mapped
}

// All returns the range of the whole buffer.
func (b *Buffer) All() Range { return Range{Buffer: b, Size: b.size} }

// Free waits for the submitted work and frees the memory. Segments that use the buffer can no longer be submitted. A second call, or
// one after Device.Close, does nothing.
func (b *Buffer) Free() {
	if b == nil || b.freed.Swap(true) {
		return
	}
	d := b.d
	d.waitSubmitted()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	delete(d.buffers, b)
	d.inUse[b.heap] -= b.alloc
	b.destroy()
}

func (b *Buffer) destroy() {
	b.freed.Store(true)
	if b.buffer != nil {
		vulkan.DestroyBuffer(b.d.dev, b.buffer, nil)
	}
	if b.memory != nil {
		vulkan.FreeMemory(b.d.dev, b.memory, nil) // unmaps too
	}
}

// check returns an error if the range is not part of a living buffer of d.
func (x Range) check(d *Device) error {
	switch {
	case x.Buffer == nil:
		return errors.New("no buffer")
	case x.Buffer.d != d:
		return fmt.Errorf("buffer %s belongs to another device", x.Buffer.what)
	case x.Buffer.freed.Load():
		return fmt.Errorf("buffer %s was freed", x.Buffer.what)
	case x.Size <= 0 || x.Offset < 0 || x.Size > x.Buffer.size-x.Offset:
		return fmt.Errorf("bytes %d to %d are not all in buffer %s, which has %d", x.Offset, x.Offset+x.Size, x.Buffer.what, x.Buffer.size)
	}
	return nil
}
