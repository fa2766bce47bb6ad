package vk

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	vulkan "github.com/vulkan-go/vulkan"
)

// Segment is a finished recording: one or more command buffers that never change. It may be submitted any number of times, also
// while it is still running, unless it is timed (Recorder.Time).
type Segment struct {
	d        *Device
	ops      int
	barriers []int
	cuts     []int
	buffers  []*Buffer // all that it touches
	buf      []uint64  // command buffers
	commands vulkan.CommandPool
	sets     vulkan.DescriptorPool
	views    []bufferRange // with the views that texel buffers are bound by
	timed    bool
	timer    vulkan.QueryPool // where timed and the queue has timestamps
	last     *Ticket          // of the newest submission; under d.queue
	freed    atomic.Bool
}

// Len returns the number of ops.
func (s *Segment) Len() int { return s.ops }

// Barriers returns the indices of the ops before which a barrier stands because of a conflict. The barriers at the start of each
// command buffer (at op 0 and at Cuts) are not among them.
func (s *Segment) Barriers() []int { return s.barriers }

// Cuts returns the indices of the ops that begin a command buffer other than the first, each of which is a submission of its own.
func (s *Segment) Cuts() []int { return s.cuts }

// Free waits until the segment runs no more and releases it. A second call, and one after Device.Close, does nothing.
func (s *Segment) Free() {
	if s == nil || s.freed.Swap(true) {
		return
	}
	s.d.queue.Lock()
	last := s.last
	s.d.queue.Unlock()
	last.Wait()
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	if s.d.closed {
		return
	}
	delete(s.d.segments, s)
	s.destroy()
}

func (s *Segment) destroy() {
	s.freed.Store(true)
	if s.commands != nil {
		vulkan.DestroyCommandPool(s.d.dev, s.commands, nil)
	}
	if s.sets != nil {
		vulkan.DestroyDescriptorPool(s.d.dev, s.sets, nil)
	}
	if s.timer != nil {
		vulkan.DestroyQueryPool(s.d.dev, s.timer, nil)
	}
	s.d.shim.destroyViews(s.views)
}

// Ticket stands for submitted work.
type Ticket struct {
	d     *Device
	mu    sync.Mutex
	done  bool
	err   error
	fence vulkan.Fence
}

// Submit queues segments in order, behind everything submitted before: what they read was written by then. It does not wait. What
// the host wrote to Upload buffers before the call is seen. Nil and empty segments are passed over; a Ticket of nothing is done.
func (d *Device) Submit(segs ...*Segment) (*Ticket, error) {
	if err := d.alive("submit"); err != nil {
		return nil, err
	}
	var bufs []uint64
	for i, s := range segs {
		if s == nil {
			continue
		}
		if err := s.check(d); err != nil {
			return nil, fmt.Errorf("vk: submit: segment %d: %w", i, err)
		}
		bufs = append(bufs, s.buf...)
	}
	t := &Ticket{d: d}
	if len(bufs) == 0 {
		t.done = true
		return t, nil
	}
	d.queue.Lock()
	defer d.queue.Unlock()
	d.reap()
	var err error
	if t.fence, err = d.takeFence(); err != nil {
		return nil, err
	}
	if err := d.shim.submit(bufs, handle(t.fence)); err != nil {
		// Some command buffers may be queued already, without a fence behind them: let them end before anything is freed. The
		// wait's own error is only of interest when the submission did not say the same.
		d.shim.waitIdle()
		d.fences = append(d.fences, t.fence)
		return nil, err
	}
	d.pending = append(d.pending, t)
	for _, s := range segs {
		if s != nil {
			s.last = t
		}
	}
	return t, nil
}

func (s *Segment) check(d *Device) error {
	if s.d != d {
		return fmt.Errorf("it belongs to another device")
	}
	if s.freed.Load() {
		return fmt.Errorf("it was freed")
	}
	for _, b := range s.buffers {
		if b.freed.Load() {
			return fmt.Errorf("its buffer %s was freed", b.what)
		}
	}
	return nil
}

// takeFence returns an unsignalled fence; d.queue is held.
func (d *Device) takeFence() (vulkan.Fence, error) {
	if n := len(d.fences); n > 0 {
		f := d.fences[n-1]
		d.fences = d.fences[:n-1]
		return f, nil
	}
	info := vulkan.FenceCreateInfo{SType: vulkan.StructureTypeFenceCreateInfo}
	defer info.Free()
	var f vulkan.Fence
	err := check(vulkan.CreateFence(d.dev, &info, nil, &f), "vkCreateFence")
	return f, err
}

// reap takes finished tickets off the front of d.pending, so that their fences serve again even when nobody waits for them;
// d.queue is held. A ticket that somebody waits for is left to him.
func (d *Device) reap() {
	for len(d.pending) > 0 {
		t := d.pending[0]
		if !t.mu.TryLock() {
			return
		}
		if !t.done {
			err := check(vulkan.GetFenceStatus(d.dev, t.fence), "vkGetFenceStatus")
			if err != nil && !errors.Is(err, ErrDeviceLost) { // VK_NOT_READY, or no memory to tell
				t.mu.Unlock()
				return
			}
			t.finish(err)
		}
		t.mu.Unlock()
		d.pending[0] = nil
		d.pending = d.pending[1:]
	}
}

// finish notes the end of the work (err: the device is lost) and gives the fence back; t.mu and d.queue are held.
func (t *Ticket) finish(err error) {
	t.done, t.err = true, err
	if err == nil && check(vulkan.ResetFences(t.d.dev, 1, []vulkan.Fence{t.fence}), "vkResetFences") == nil {
		t.d.fences = append(t.d.fences, t.fence)
		return
	}
	vulkan.DestroyFence(t.d.dev, t.fence, nil)
}

// Wait returns when the work, and everything submitted before it, is done. Results in Readback buffers may be read then. The error
// is one of the device (ErrDeviceLost). It may be called many times and by several goroutines.
func (t *Ticket) Wait() error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done {
		return t.err
	}
	err := check(vulkan.WaitForFences(t.d.dev, 1, []vulkan.Fence{t.fence}, vulkan.True, forever), "vkWaitForFences")
	if err != nil && !errors.Is(err, ErrDeviceLost) {
		return err // no memory to wait with: the work still runs
	}
	t.d.queue.Lock()
	defer t.d.queue.Unlock()
	t.finish(err)
	return err
}

// abandon ends a ticket at Device.Close, when the device is idle or lost.
func (t *Ticket) abandon(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.done {
		t.done, t.err = true, err
		vulkan.DestroyFence(t.d.dev, t.fence, nil)
	}
}

// drain waits for everything submitted so far.
func (d *Device) drain() error {
	d.queue.Lock()
	var last *Ticket
	if n := len(d.pending); n > 0 {
		last = d.pending[n-1]
	}
	d.queue.Unlock()
	return last.Wait()
}
