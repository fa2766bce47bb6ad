package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"time"

	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/ssl/watch"
	"github.com/marr-ssl/marr/vk"
)

// loop trains from one checkpoint to the next.
func (r *Run) loop(ctx context.Context) error {
	t := r.trainer
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var failed error
	report := func(x train.StepResult) {
		line := map[string]any{"step": x.Step, "epoch": x.Epoch, "loss": x.Loss, "lr": x.LR, "grad_norm": x.GradNorm}
		if !math.IsNaN(x.Accuracy) {
			line["accuracy"] = x.Accuracy
		}
		if x.Skipped {
			line["skipped"] = true
			delete(line, "grad_norm")
		}
		if math.IsNaN(x.Loss) || math.IsInf(x.Loss, 0) { // of a skipped step
			delete(line, "loss")
		}
		x.AddMetrics(line)
		if failed = errors.Join(failed, r.metrics.write(line), r.metrics.flush(), r.raise(x.Alarm)); failed != nil { // flush: others read along
			stop()
		}
		speed := r.times.step(x.Step)
		if r.OnStep != nil {
			p := Progress{StepResult: x, Steps: t.Steps(), Epochs: r.Config.Epochs, ImagesPerSecond: speed}
			p.Left = time.Duration(float64(p.Steps-x.Step) * float64(r.Config.Batch) / speed * float64(time.Second))
			r.OnStep(p)
		}
	}
	pending := r.unmeasured
	if pending {
		if err := r.afterEpoch(ctx); err != nil {
			return err
		}
	}
	if stopped, err := r.agree(r.unmeasured); err != nil || stopped {
		return cmp.Or(err, ErrStopped)
	}
	if pending {
		if err := r.save(); err != nil {
			return err
		}
	}
	for t.Step() < t.Steps() {
		next := r.nextSave()
		if err := errors.Join(t.Train(ctx, next, report), failed); err != nil {
			return err
		}
		if t.Step() == next && next%t.PerEpoch() == 0 { // not stopped before the end of the epoch
			if err := r.afterEpoch(ctx); err != nil {
				return err
			}
		}
		stopped, err := r.agree(ctx.Err() != nil || t.Step() < next)
		if err != nil {
			return err
		}
		if r.shouldSave() || stopped {
			if err := r.save(); err != nil {
				return err
			}
		}
		if stopped && (t.Step() < t.Steps() || r.unmeasured) {
			return ErrStopped
		}
	}
	return nil
}

// CollapseError ends a run with StopOnCollapse whose representation collapsed. The last checkpoint before the collapse is kept.
type CollapseError struct{ watch.Alarm }

func (e *CollapseError) Error() string { return fmt.Sprintf("run: step %d: %s", e.Step, e.Message) }

// raise reports an alarm. It returns an error if the alarm ends the run.
func (r *Run) raise(a *watch.Alarm) error {
	switch {
	case a == nil:
		return nil
	case r.StopOnCollapse && a.IsCollapse():
		return &CollapseError{*a}
	}
	r.Notice("step %d: %s", a.Step, a.Message)
	return nil
}

// afterEpoch measures at the end of an epoch, before the run is saved: a resumed run finds the line if and only if it does not measure again.
func (r *Run) afterEpoch(ctx context.Context) error {
	t := r.trainer
	if r.AfterEpoch == nil {
		return nil
	}
	values, err := r.AfterEpoch(ctx, t)
	if errors.Is(err, vk.ErrDeviceLost) {
		return err
	}
	if r.unmeasured = err != nil && ctx.Err() != nil; r.unmeasured {
		return nil
	}
	if err != nil {
		r.Notice("epoch %d was not measured: %v", t.Step()/t.PerEpoch(), err)
	}
	if err != nil || values == nil {
		return nil
	}
	line := map[string]any{"step": t.Step(), "epoch": t.Step() / t.PerEpoch()}
	maps.Copy(line, values)
	return r.metrics.write(line)
}
