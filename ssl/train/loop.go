package train

import (
	"context"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
)

// tally counts the results of a step's runs.
type tally struct {
	losses      []float64 // of the parts, or of the whole batch
	predictions score
}

// loss returns the mean of the losses.
func (x *tally) loss() float64 {
	sum := 0.0
	for _, v := range x.losses {
		sum += v
	}
	return sum / float64(len(x.losses))
}

// Train continues from the current step to step `to`, or until ctx is done, and leaves the device idle. It calls report after each step, in order, a
// step or two after the step was submitted. Several ranks (Job.Ranks) stop after the same step, once the ctx of one of them is done.
func (t *Trainer) Train(ctx context.Context, to int, report func(StepResult)) error {
	collect := func() error { return t.collect(report) }
	for t.submitted < to && !t.stopped(ctx) {
		if err := t.submit(ctx, collect); err != nil {
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

// stopped reports whether no further step is to be submitted.
func (t *Trainer) stopped(ctx context.Context) bool {
	if t.share != nil {
		return t.share.stop
	}
	return ctx.Err() != nil
}

// collect reads the results of the oldest run in flight, and reports the step that it ends.
func (t *Trainer) collect(report func(StepResult)) error {
	w := t.inFlight[0]
	t.inFlight = t.inFlight[1:]
	if err := t.job.Timing.wait(w.run); err != nil {
		return err
	}
	if w.loss {
		t.tally.losses = append(t.tally.losses, float64(w.run.Output("loss")[0]))
	}
	if w.observe {
		t.tally.predictions.count(t.step, w.run)
	}
	if w.observe && w.part == 0 {
		t.observed = t.observe(w.run, w.step, t.tally.loss(), t.tally.predictions.fraction())
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
	x := StepResult{Step: t.completed, Epoch: (t.completed-1)/t.PerEpoch() + 1, Loss: t.tally.loss(),
		LR: t.schedule.At(t.completed-1, t.Steps()), Accuracy: t.tally.predictions.fraction(), GradNorm: float64(w.run.Output("gradient_norm")[0]), Skipped: skipped, observed: t.observed}
	if t.observed != nil {
		x.Alarm = t.observed.alarm
		if t.step.Requests.HasPairs {
			x.Accuracy = t.observed.stats.Accuracy
		}
	}
	report(x)
	t.tally = tally{}
	return nil
}

// submit submits a step to the device. collect reads the result of the oldest run, which frees the run's memory.
func (t *Trainer) submit(ctx context.Context, collect func() error) error {
	if err := t.clearGradients(); err != nil {
		return err
	}
	samples, epoch := t.sampler.at(t.submitted)
	for _, p := range t.passes {
		first, count := t.partsOf(p)
		for k := first; k < first+count; k++ {
			if err := t.submitPart(p, k, samples[k*t.batch.size:], epoch, collect); err != nil {
				return err
			}
		}
		if t.shared(p) {
			if err := t.exchange(ctx, p, collect); err != nil {
				return err
			}
		}
	}
	return t.submitUpdate(collect)
}

func (t *Trainer) clearGradients() error {
	r, err := t.prog.Segment("clear").Begin()
	if err != nil {
		return err
	}
	return r.Submit()
}

// submitPart submits the k'th run of a pass, on the first of some samples.
func (t *Trainer) submitPart(p pass, k int, samples []int, epoch uint32, collect func() error) error {
	if p.backward && t.shared(p) && k > 0 { // each part has gradients of its own; part 0 also those of the loss of the whole batch
		if err := t.clearGradients(); err != nil {
			return err
		}
	}
	r, err := t.begin(p, collect)
	if err != nil {
		return err
	}
	if p.views {
		t.fill(r, samples[:t.batch.size], epoch)
	}
	t.scalars(p, k, r)
	r.Draw(t.Config.Seed, uint32(t.submitted*t.Config.Accumulate+k))
	if t.shared(p) {
		err = t.share.exchanges[p.segment].Submit(r, k)
	} else {
		err = r.Submit()
	}
	if err == nil {
		t.inFlight = append(t.inFlight, &work{p, r, t.submitted, k})
	}
	return err
}

// submitUpdate submits the end of a step.
func (t *Trainer) submitUpdate(collect func() error) error {
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
