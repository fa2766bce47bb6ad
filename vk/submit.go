package vk

import (
	"cmp"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	vulkan "github.com/vulkan-go/vulkan"
)

// Segment is a finished recording: one or more immutable command buffers. It may be submitted any number of times, even while it is
// running, unless it is timed (Recorder.EnableTiming).
type Segment struct {
	d        *Device
	ops      int
	barriers []int
	cuts     []int
	buffers  []*Buffer // all that it uses
	buf      []uint64  // command buffers
	commands vulkan.CommandPool
	sets     vulkan.DescriptorPool
	views    []bufferRange // the ranges bound as texel buffers, with their views
	timed    bool
	timer    vulkan.QueryPool // see makeTimer
	first    *Ticket          // of the first submission; guarded by d.queue
	last     *Ticket          // of the newest submission; guarded by d.queue
	took     []time.Duration  // measured time of each command buffer, 0: none yet; guarded by d.queue
	freed    atomic.Bool
}

// Len returns the number of ops.
func (s *Segment) Len() int { return s.ops }

// Barriers returns the indices of the ops that follow a barrier because of a conflict. It excludes the barriers at the start of each
// command buffer (at op 0 and at Cuts).
func (s *Segment) Barriers() []int { return s.barriers }

// Cuts returns the indices of the ops that begin a command buffer, except the first. Each command buffer is submitted separately, until
// its time is known (watchdog).
func (s *Segment) Cuts() []int { return s.cuts }

// Free waits for the last run of the segment and frees it. A second call, or one after Device.Close, does nothing.
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

// Ticket is the handle of submitted work.
type Ticket struct {
	d     *Device
	mu    sync.Mutex
	done  bool
	err   error
	fence vulkan.Fence
}

// Submit queues segments in order, after everything submitted before, and does not wait. The segments read what earlier work and, in
// Upload buffers, the host wrote. Submit skips nil and empty segments; if nothing is left, the Ticket is done.
func (d *Device) Submit(segs ...*Segment) (*Ticket, error) {
	if err := d.alive("submit"); err != nil {
		return nil, err
	}
	for i, s := range segs {
		if s == nil {
			continue
		}
		if err := s.check(d); err != nil {
			return nil, fmt.Errorf("vk: submit: segment %d: %w", i, err)
		}
	}
	d.queue.Lock()
	defer d.queue.Unlock()
	if err := d.noteLoss(d.simulateLoss()); err != nil {
		return nil, err
	}
	d.reap()
	var bufs []uint64
	var took []time.Duration
	for _, s := range segs {
		if s != nil {
			s.measure()
			bufs, took = append(bufs, s.buf...), append(took, s.took...)
		}
	}
	t := &Ticket{d: d}
	if len(bufs) == 0 {
		t.done = true
		return t, nil
	}
	var err error
	if t.fence, err = d.takeFence(); err != nil {
		return nil, d.noteLoss(err)
	}
	if err := d.noteLoss(d.shim.submit(bufs, d.watchdog.submissions(took), handle(t.fence))); err != nil {
		// Some command buffers may be queued without a fence after them: wait for their end before anything is freed. An error
		// of the wait adds nothing to that of the submission.
		d.shim.waitIdle()
		d.fences = append(d.fences, t.fence)
		return nil, err
	}
	d.pending = append(d.pending, t)
	for _, s := range segs {
		if s == nil {
			continue
		}
		if s.last = t; s.first == nil {
			s.first = t
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

// takeFence returns an unsignaled fence. The caller holds d.queue.
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

// reap removes finished tickets from the front of d.pending, so that their fences are reused even if nobody waits for them. It skips
// a ticket that a goroutine is waiting for. The caller holds d.queue.
func (d *Device) reap() {
	for len(d.pending) > 0 {
		t := d.pending[0]
		if !t.mu.TryLock() {
			return
		}
		if !t.done {
			err := d.noteLoss(check(vulkan.GetFenceStatus(d.dev, t.fence), "vkGetFenceStatus"))
			if err != nil && !errors.Is(err, ErrDeviceLost) { // VK_NOT_READY, or out of memory
				t.mu.Unlock()
				return
			}
			t.finish(cmp.Or(err, d.loss()))
		}
		t.mu.Unlock()
		d.pending[0] = nil
		d.pending = d.pending[1:]
	}
}

// finish marks the ticket as done (err: the device is lost) and returns its fence. The caller holds t.mu and d.queue.
func (t *Ticket) finish(err error) {
	t.done, t.err = true, err
	if err == nil && check(vulkan.ResetFences(t.d.dev, 1, []vulkan.Fence{t.fence}), "vkResetFences") == nil {
		t.d.fences = append(t.d.fences, t.fence)
		return
	}
	vulkan.DestroyFence(t.d.dev, t.fence, nil)
}

// Wait returns after the end of the work and of everything submitted before it. Results in Readback buffers are complete then. The
// error is one of the device (ErrDeviceLost). Several goroutines may call Wait, any number of times.
func (t *Ticket) Wait() error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done {
		return t.err
	}
	err := t.d.noteLoss(check(vulkan.WaitForFences(t.d.dev, 1, []vulkan.Fence{t.fence}, vulkan.True, forever), "vkWaitForFences"))
	if err != nil && !errors.Is(err, ErrDeviceLost) {
		return err // out of memory: the work still runs
	}
	err = cmp.Or(err, t.d.loss())
	t.d.queue.Lock()
	defer t.d.queue.Unlock()
	t.finish(err)
	return err
}

// abandon marks a ticket as done at Device.Close, when the device is idle or lost.
func (t *Ticket) abandon(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.done {
		t.done, t.err = true, err
		vulkan.DestroyFence(t.d.dev, t.fence, nil)
	}
}

// waitSubmitted waits for everything submitted so far.
func (d *Device) waitSubmitted() error {
	d.queue.Lock()
	var last *Ticket
	if n := len(d.pending); n > 0 {
		last = d.pending[n-1]
	}
	d.queue.Unlock()
	return last.Wait()
}
