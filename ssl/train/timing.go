package train

import (
	"time"

	"github.com/marr-ssl/marr/kernels"
)

// Timing measures a Trainer. Its zero value measures nothing.
type Timing struct {
	Ops    func([]kernels.OpTime) // receives the dispatches of each completed run of a segment, the update's last; the program is recorded with timestamps
	Clock  func() time.Duration   // clock of Waited: wall time, or the calling thread's processor time
	Waited time.Duration          // time that Train waited for the device
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
