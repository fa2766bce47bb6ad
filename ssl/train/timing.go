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

	// Of several ranks (Job.Ranks), sums over all steps:
	Compute time.Duration // until this rank's results are on the host
	Wait    time.Duration // until those of the other ranks are, or the first of their gradients, and rows and statistics are exchanged
	Reduce  time.Duration // to sum the gradients, as far as this rank's device is done
	Norms   time.Duration // of Compute, to exchange statistics of synchronized batch norms with ranks that may be late
	last    time.Time     // end of the last lap
}

// lap adds the time since the last lap to a sum.
func (w *Timing) lap(sum *time.Duration) { w.lapAt(sum, time.Now()) }

// lapAt is lap that ended at another time, unless that is before the last lap.
func (w *Timing) lapAt(sum *time.Duration, end time.Time) {
	if end.Before(w.last) {
		return
	}
	if !w.last.IsZero() {
		*sum += end.Sub(w.last)
	}
	w.last = end
}

// computed divides the time until now: the device finished at `done`, and all ranks had the first piece of the gradients at
// `met`, the zero time if they come in one piece.
func (w *Timing) computed(done, met time.Time) {
	w.lapAt(&w.Compute, done)
	w.lapAt(&w.Wait, met)
	w.lap(&w.Reduce)
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
