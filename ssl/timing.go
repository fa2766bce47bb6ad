package ssl

import (
	"time"

	"marr/kernels"
)

// Timing looks at a Trainer from outside; its zero value does not look.
type Timing struct {
	Ops    func([]kernels.OpTime) // gets the dispatches of each run of a segment of a step, the update's last, once it is over; the program is recorded with timestamps
	Clock  func() time.Duration   // a clock to measure Waited by: the wall's, or the calling thread's time on the processor
	Waited time.Duration          // what Train spent in waiting for the device
}

// wait waits for a run.
func (w *Timing) wait(r *kernels.Run) error {
	var start time.Duration
	if w.Clock != nil {
		start = w.Clock()
	}
	err := r.Wait()
	if w.Clock != nil {
		w.Waited += w.Clock() - start
	}
	if err != nil || w.Ops == nil {
		return err
	}
	ops, err := r.Times()
	if err == nil {
		w.Ops(ops)
	}
	return err
}
