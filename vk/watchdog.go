package vk

import (
	"math"
	"time"
	"unsafe"

	vulkan "github.com/vulkan-go/vulkan"
)

// watchdog decides how a recording is divided, so that no submission runs into the watchdog of the GPU, which resets it after 2 s
// (Windows) to 10 s (Linux) in one submission. The Recorder cuts a recording into command buffers by the assumed time of its ops.
// Submit then combines command buffers whose time it has measured in earlier runs. What ops compute does not depend on either.
type watchdog struct {
	flops, bytes float64       // assumed floating-point operations and bytes of memory per second, those of slow kernels on a slow device
	unit         float64       // assumed seconds of a command buffer with several ops
	most         time.Duration // measured time of a submission with several command buffers; 0: there is no watchdog, and each is submitted alone
}

// newWatchdog returns the watchdog of a kind of device. A command buffer has 50 ms of assumed time on a GPU, a submission 300 ms of
// measured time.
func newWatchdog(t DeviceType) watchdog {
	w := watchdog{flops: 1e11, bytes: 5e9, unit: 0.05, most: 300 * time.Millisecond}
	switch t {
	case Discrete:
		w.flops, w.bytes = 2e12, 1e11
	case Integrated, Virtual:
		w.flops, w.bytes = 5e11, 2e10
	case CPU:
		w = watchdog{flops: 1e10, bytes: math.Inf(1), unit: 0.5}
	}
	return w
}

// leastUnit bounds the unit after many losses, in seconds: the work between two submissions should take longer than they do.
const leastUnit = 1e-3

// halve is called after the device was lost.
func (w *watchdog) halve() {
	if w.unit/2 >= leastUnit {
		w.unit, w.most = w.unit/2, w.most/2
	}
}

// seconds returns the assumed time of an op. Work that is not a positive number counts as 0.
func (w watchdog) seconds(work float64, accesses []Binding) float64 {
	if !(work > 0) {
		work = 0
	}
	var bytes int64
	for _, a := range accesses {
		bytes += a.Range.Size
	}
	return work/w.flops + float64(bytes)/w.bytes
}

// submissions returns the number of command buffers in each submission, in order. took holds the measured time of each command
// buffer, 0 where there is none: then it is submitted alone.
func (w watchdog) submissions(took []time.Duration) []uint32 {
	var counts []uint32
	var sum time.Duration // of the last submission; 0: nothing may be added to it
	for _, d := range took {
		if d > 0 && sum > 0 && sum+d <= w.most {
			counts[len(counts)-1]++
			sum += d
			continue
		}
		counts, sum = append(counts, 1), d
	}
	return counts
}

// OpBudget returns the largest number of floating-point operations that one op should have: those of a command buffer's assumed time.
// An op with more may run into the watchdog, so split it into several. Results must not depend on how, since the budget halves when the
// device is lost.
func (d *Device) OpBudget() float64 { return d.watchdog.flops * d.watchdog.unit }

// WorkBudget returns the floating-point operations of about half a second on a slow device of this kind. It is a constant of the device,
// so results may depend on it.
func (d *Device) WorkBudget() float64 {
	switch d.info.Type {
	case Discrete:
		return 1e12
	case Integrated, Virtual:
		return 1.5e11
	}
	return 5e9
}

// measure reads how long each command buffer took in a run that has ended. Meanwhile another run may be writing its own times. If the
// two are mixed, one submission has the wrong length, no more. The caller holds d.queue.
func (s *Segment) measure() {
	if s.timer == nil || s.timed || !s.first.ended() {
		return
	}
	type timestamp struct{ ticks, available uint64 }
	stamps := make([]timestamp, 2*len(s.buf))
	size := unsafe.Sizeof(stamps[0])
	r := vulkan.GetQueryPoolResults(s.d.dev, s.timer, 0, uint32(len(stamps)), uint(size)*uint(len(stamps)), unsafe.Pointer(&stamps[0]),
		vulkan.DeviceSize(size), vulkan.QueryResultFlags(vulkan.QueryResult64Bit|vulkan.QueryResultWithAvailabilityBit))
	if r != vulkan.Success && r != vulkan.NotReady {
		return
	}
	for i := range s.took {
		if from, to := stamps[2*i], stamps[2*i+1]; from.available != 0 && to.available != 0 {
			s.took[i] = max(s.d.info.Limits.elapsed(from.ticks, to.ticks), 1)
		}
	}
}

// ended reports whether the work is known to have ended without an error. It does not wait.
func (t *Ticket) ended() bool {
	if t == nil || !t.mu.TryLock() {
		return false
	}
	defer t.mu.Unlock()
	return t.done && t.err == nil
}
