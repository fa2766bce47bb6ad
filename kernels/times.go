package kernels

import (
	"errors"
	"fmt"
	"time"
)

// OpTime is one op of a run: its work and the time that the device took.
type OpTime struct {
	Segment  string
	Kernel   string  // empty for a fill
	Label    string  // the kernel and its tensors
	Backward bool    // recorded during Backward
	Work     float64 // floating point operations
	Bytes    int64   // read and written, as in Segment.Traffic
	Groups   [3]uint32
	Time     time.Duration
}

// EnableTiming makes the program measure the time of each op, see Run.Times. Ops then run one after the other, and so do the runs of a segment: Submit
// waits for the previous one.
func (g *Graph) EnableTiming() { g.timed = true }

// Times returns the time of each op of the run, in the order of recording, without the copies of inputs and outputs. It returns an error before Wait,
// after a failed run, in a program built without Graph.EnableTiming, in the eager twin, and on a queue without timestamps.
func (r *Run) Times() ([]OpTime, error) {
	switch {
	case r.s.labels != nil:
		return nil, fmt.Errorf("kernels: times of %s: the eager twin would also measure its wait after each op: unset MARR_EAGER", r.s.name)
	case r.s.timed == nil:
		return nil, fmt.Errorf("kernels: times of %s: the program was built without Graph.EnableTiming", r.s.name)
	case !r.done:
		return nil, fmt.Errorf("kernels: times of %s: the run is not over: call Wait first", r.s.name)
	case r.err != nil:
		return nil, r.err
	case r.timesErr != nil:
		return nil, fmt.Errorf("kernels: times of %s: %w", r.s.name, r.timesErr)
	}
	ops := make([]OpTime, len(r.times))
	for i, d := range r.times {
		ops[i] = r.s.timed[i]
		ops[i].Time = d
	}
	return ops, nil
}

// Work returns the number of floating point operations of the convolutions and matrix products in a run of the segment, the same on every device.
func (s *Segment) Work() float64 { return s.work }

// Traffic returns the bytes that a run's kernels read and write if caches keep nothing from one kernel to the next, and each kernel reads every
// byte once. The slices of an op count as one kernel, so that the number does not depend on the device's limits.
func (s *Segment) Traffic() int64 { return s.traffic }

// untimed returns a step's description without its time.
func (s *Segment) untimed(x *step) OpTime {
	return OpTime{Segment: s.name, Kernel: x.kernel, Label: x.label, Backward: x.back, Work: x.work, Bytes: x.traffic(), Groups: x.groups}
}

// waitOthers waits for the other runs of a timed segment, whose timestamps the next run overwrites.
func (r *Run) waitOthers() error {
	for _, x := range r.s.slot {
		if r.s.timed != nil && x.run != nil && x.run != r {
			if err := x.run.Wait(); err != nil {
				return err
			}
		}
	}
	return nil
}

// measure reads the timestamps of a finished run.
func (r *Run) measure() {
	if r.s.timed != nil && r.err == nil {
		for _, b := range r.s.body {
			times, err := b.Times()
			r.times, r.timesErr = append(r.times, times...), errors.Join(r.timesErr, err)
		}
	}
}
