package train

import (
	"context"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
)

// Train continues from the current step to step `to`, or until ctx is done, and leaves the device idle. It calls report after each step, in order, a
// step or two after the step was submitted.
func (t *Trainer) Train(ctx context.Context, to int, report func(StepResult)) error {
	var sum, losses float64 // of the current step
	var predictions score
	collect := func() error {
		w := t.inFlight[0]
		t.inFlight = t.inFlight[1:]
		if err := t.job.Timing.wait(w.run); err != nil {
			return err
		}
		if w.loss {
			sum, losses = sum+float64(w.run.Output("loss")[0]), losses+1
		}
		if w.observe {
			predictions.count(t.step, w.run)
		}
		if w.observe && w.part == w.runs-1 {
			t.observed = t.observe(w.run, w.step, sum/losses, predictions.fraction())
		}
		if !w.update {
			return nil
		}
		tensor, _ := t.Store.Verdict(w.run.Output("halt"))
		skipped := tensor != "" && t.mixed() && kernels.Skipped(w.run.Output("skips"))
		if tensor != "" && !skipped {
			return &NonFiniteError{Step: t.completed + 1, Tensor: tensor, Method: t.job.Name}
		}
		t.completed++
		x := StepResult{Step: t.completed, Epoch: (t.completed-1)/t.PerEpoch() + 1, Loss: sum / losses,
			LR: t.schedule.At(t.completed-1, t.Steps()), Accuracy: predictions.fraction(), GradNorm: float64(w.run.Output("gradient_norm")[0]), Skipped: skipped, observed: t.observed}
		if t.observed != nil {
			x.Alarm = t.observed.alarm
			if t.step.Requests.HasPairs {
				x.Accuracy = t.observed.stats.Accuracy
			}
		}
		report(x)
		sum, losses, predictions = 0, 0, score{}
		return nil
	}
	for t.submitted < to && ctx.Err() == nil {
		if err := t.submit(collect); err != nil {
			return t.failed(err, collect)
		}
	}
	for len(t.inFlight) > 0 {
		if err := collect(); err != nil {
			return t.failed(err, collect)
		}
	}
	return nil
}

// submit submits a step to the device. collect reads the result of the oldest run, which frees the run's memory.
func (t *Trainer) submit(collect func() error) error {
	clear, err := t.prog.Segment("clear").Begin()
	if err == nil {
		err = clear.Submit()
	}
	if err != nil {
		return err
	}
	samples, epoch := t.sampler.at(t.submitted)
	for _, p := range t.passes {
		for k := range p.runs {
			r, err := t.begin(p, collect)
			if err != nil {
				return err
			}
			if p.views {
				t.fill(r, samples[k*t.batch.size:(k+1)*t.batch.size], epoch)
			}
			t.scalars(p, k, r)
			r.Draw(t.Config.Seed, uint32(t.submitted*t.Config.Accumulate+k))
			if err := r.Submit(); err != nil {
				return err
			}
			t.inFlight = append(t.inFlight, &work{p, r, t.submitted, k})
		}
	}
	last := pass{segment: "update", runs: 1, update: true}
	u, err := t.begin(last, collect)
	if err != nil {
		return err
	}
	t.optimizer.Set(u, t.submitted, t.schedule.At(t.submitted, t.Steps()))
	t.scalars(last, 0, u)
	u.Set("decay", t.decay.At(t.submitted, t.Steps()))
	for name, v := range t.step.Requests.Gates {
		t.optimizer.SetGate(u, name, t.submitted, net.FrozenSteps(v, t.submitted, t.Steps()), v.At(t.submitted, t.Steps()))
	}
	if t.step.Requests.Momentum != nil {
		u.Set("ema_rate", 1-t.step.Requests.Momentum.At(t.submitted, t.Steps()))
	}
	u.Draw(t.Config.Seed, uint32(t.submitted*t.Config.Accumulate))
	if err := u.Submit(); err != nil {
		return err
	}
	t.inFlight = append(t.inFlight, &work{last, u, t.submitted, 0})
	t.submitted++
	return nil
}

// fill writes the samples of a run of a pass with views.
func (t *Trainer) fill(r *kernels.Run, part []int, epoch uint32) {
	t.batch.fill(r, part, epoch)
	q := t.step.Requests
	for slot, i := range part {
		if q.UsesLabels {
			r.Ints("labels")[slot] = t.job.Set.Labels[i]
		}
		if q.UsesIndices {
			r.Ints("indices")[slot] = int32(i)
		}
		if q.TeacherRows != nil {
			rows := r.Floats("teacher_rows")
			width := len(rows) / len(part)
			kernels.Pack(rows[slot*width:(slot+1)*width], q.TeacherRows.Row(i), q.TeacherRows.Dim)
		}
	}
}

// scalars sets the scalars of the k'th run of a pass.
func (t *Trainer) scalars(p pass, k int, r *kernels.Run) {
	has := t.prog.Segment(p.segment).HasScalar
	if has("micro") {
		r.Set("micro", float64(k))
	}
	for name, v := range t.step.Requests.Scalars {
		if has(name) {
			r.Set(name, v.At(t.submitted, t.Steps()))
		}
	}
}

// begin returns the next run of the pass's segment. It first collects results until at most one run of the segment is in flight: the new run reuses the
// memory of the run before that one.
func (t *Trainer) begin(p pass, collect func() error) (*kernels.Run, error) {
	for {
		n := 0
		for _, w := range t.inFlight {
			if w.segment == p.segment {
				n++
			}
		}
		if n < 2 {
			return t.prog.Segment(p.segment).Begin()
		}
		if err := collect(); err != nil {
			return nil, err
		}
	}
}

// ContinueFrom sets the step that the Store's contents belong to.
func (t *Trainer) ContinueFrom(step int) { t.submitted, t.completed = step, step }
