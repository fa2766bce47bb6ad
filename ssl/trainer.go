package ssl

import (
	"context"
	"errors"
	"fmt"

	"marr/kernels"
	"marr/net"
	"marr/ssl/data"
	"marr/ssl/watch"
	"marr/vk"
)

// Trainer pre-trains a backbone: a Store with everything that is learned, and the program of a step on it.
//
//	clear: gradients → (micro: views, forward, backward) × Accumulate → update: finite check, optimizer, running statistics
//
// with a gradient cache (Contrastive) before micro: (embed: views, forward) × Accumulate → contrast: loss of the whole batch
type Trainer struct {
	Config   Config
	Store    *kernels.Store
	Backbone *net.ResNet

	dev       *vk.Device
	set       *data.Set
	mean, std []float64
	method    Method
	optimizer net.Optimizer
	schedule  net.Schedule // of the rate
	decay     net.Schedule
	prog      *kernels.Program
	batch     *batch
	loss      *Step // what the method asked for
	passes    []pass
	timing    *Timing
	fewest    int          // samples that a batch norm sees at once; 0: none looks at others
	health    *watch.Watch // of the representation; nil: nobody looks
	seen      *looked      // of the step in hand

	step    int     // steps submitted
	settled int     // steps whose outcome has been read
	base    int     // step that the device's count of applied steps started at
	flying  []*work // submitted, not yet read; the newest last
}

// pass is a segment of a step, which runs once for each part of the batch, or once.
type pass struct {
	segment string
	runs    int
	views   bool // of the part's samples
	loss    bool // the mean over its runs is the step's
	seen    bool // the collapse watch looks at its last run
	update  bool // it closes the step
}

// work is a run that the host still waits for, the part'th of a pass.
type work struct {
	pass
	run        *kernels.Run
	step, part int
}

// Report is what is known of one step once it is over.
type Report struct {
	Step     int     // from 1 on
	Epoch    int     // from 1 on
	Loss     float64 // mean over the parts; with a gradient cache that of the whole batch
	LR       float64
	Accuracy float64      // 0 … 1, of the contrastive or pretext task, or of the labels; NaN where there is none, and where a contrast was not looked at
	GradNorm float64      // 2-norm of all gradients together, before clipping
	Alarm    *watch.Alarm // what the collapse watch found; nil: nothing

	seen *looked
}

// NewTrainer prepares a run from step 0 on an empty store, which it takes over. Images are normalised with the set's mean and standard
// deviation (data.Set.Stats).
func NewTrainer(st *kernels.Store, c Config, m Method, set *data.Set) (*Trainer, error) {
	return NewTimedTrainer(st, c, m, set, &Timing{})
}

// NewTimedTrainer is NewTrainer for a run that is timed.
func NewTimedTrainer(st *kernels.Store, c Config, m Method, set *data.Set, w *Timing) (*Trainer, error) {
	c.Resolve(set)
	if err := c.Check(set); err != nil {
		return nil, err
	}
	dev := st.Device()
	t := &Trainer{Config: c, Store: st, dev: dev, set: set, method: m, timing: w}
	t.mean, t.std = set.Stats()
	var err error
	if t.schedule, t.decay, err = c.schedules(); err != nil {
		return nil, err
	}
	if t.optimizer, err = net.NewOptimizer(c.Optimizer, c.Decay); err != nil {
		return nil, err
	}
	if t.Backbone, err = net.NewResNet(t.Store, c.Backbone(set.C), c.Seed); err != nil {
		return nil, err
	}
	specs, err := c.recipe(m, set)
	if err != nil {
		return nil, err
	}
	if t.batch, err = newBatch(set, 0, t.mean, t.std, specs, c.Batch/c.Accumulate, c.Seed); err != nil {
		return nil, err
	}
	if c.Batch > t.batch.samples() {
		return nil, &ConfigError{fmt.Errorf("ssl: batch of %d: %s has only %d samples: set --batch to at most %d", c.Batch, set.Name, t.batch.samples(), t.batch.samples())}
	}
	if t.prog, err = kernels.Build(dev, t.Store, t.record); err != nil {
		t.Store.Free()
		return nil, t.fits(err)
	}
	return t, nil
}

// record puts a step on the graph.
func (t *Trainer) record(g *kernels.Graph) {
	if t.timing.Ops != nil {
		g.Time()
	}
	var loss *kernels.Tensor
	if m, ok := t.cache(); ok {
		loss = t.recordCached(g, m)
	} else {
		loss = t.recordParts(g)
	}
	t.fewest = g.Population()
	g.Segment("update")
	g.Clip(t.Config.Clip)
	g.ClipEach(t.Config.ClipEach)
	g.CheckFinite(loss)
	t.optimizer.Update(g)
	g.Fold()
	for _, f := range t.loss.after {
		f(g)
	}
	g.Segment("clear") // recorded last: only now are all parameters known
	g.ClearGrads()
}

// recordParts puts forward and backward pass on the graph, each part of the batch with a loss of its own, and returns the loss.
func (t *Trainer) recordParts(g *kernels.Graph) *kernels.Tensor {
	g.Micro(t.Config.Accumulate)
	g.Segment("micro")
	s := t.newStep(g)
	t.paint(s)
	loss := t.method.Loss(s)
	g.Output("loss", loss)
	s.show(g)
	g.Backward(loss)
	t.loss, t.passes = s, []pass{{segment: "micro", runs: t.Config.Accumulate, views: true, loss: true, seen: true}}
	return loss
}

// newStep is a step without samples.
func (t *Trainer) newStep(g *kernels.Graph) *Step {
	s := &Step{Graph: g, Store: t.Store, Backbone: t.Backbone, Dim: t.Backbone.Dim(), Known: t.set.NumClasses(), Seed: t.Config.Seed,
		Norm: t.Config.HeadBN, rate: t.schedule, peak: t.Config.LR}
	for _, spec := range t.batch.specs {
		s.Classes = append(s.Classes, spec.TargetClasses())
	}
	return s
}

// paint gives a step the samples of a part.
func (t *Trainer) paint(s *Step) {
	s.N = t.batch.size
	s.Views, s.Targets = t.batch.inputs(s.Graph)
}

// MemoryError says that a step does not fit into the device's memory.
type MemoryError struct {
	Batch   int   // asked for
	Planned int64 // bytes of activations and gradients
	Fits    int   // a batch that should fit, supposing that memory grows with the batch; below 2 none does
	Err     error // the device's
}

func (e *MemoryError) Error() string {
	mend := fmt.Sprintf("set --batch to about %d, or --accumulate", e.Fits)
	if e.Fits < 2 {
		mend = "choose a smaller --size or --width"
	}
	return fmt.Sprintf("ssl: batch of %d: %d MiB of activations do not fit into the device's memory: %s", e.Batch, e.Planned>>20, mend)
}

func (e *MemoryError) Unwrap() error { return e.Err }

// fits turns a lack of memory into the batch that would fit. Where the heap should have had room, others use it: then half is a guess.
func (t *Trainer) fits(err error) error {
	var mem *kernels.MemoryError
	var oom *vk.OutOfMemoryError
	if !errors.As(err, &mem) || !errors.As(err, &oom) || mem.Planned == 0 {
		return err
	}
	room := oom.Heap - oom.InUse
	if oom.Limit > 0 {
		room = min(room, oom.Limit)
	}
	n := int(float64(t.Config.Batch) * 0.9 * float64(room) / float64(mem.Planned))
	return &MemoryError{t.Config.Batch, mem.Planned, min(n, t.Config.Batch/2), err}
}

// Steps is the number of steps of the whole run, PerEpoch that of an epoch; images that do not fill a batch are left out, other ones each epoch.
func (t *Trainer) Steps() int { return t.Config.Epochs * t.PerEpoch() }

// PerEpoch is the number of steps of an epoch.
func (t *Trainer) PerEpoch() int { return t.batch.samples() / t.Config.Batch }

// Product is what is evaluated and exported: the backbone, or the method's momentum encoder of it.
func (t *Trainer) Product() net.Module {
	if t.loss.product == net.Teacher {
		return net.Momentum(t.Store, t.Backbone)
	}
	return t.Backbone
}

// Branch is the branch that Product takes: "", the backbone that is trained, or net.Teacher.
func (t *Trainer) Branch() string { return t.loss.product }

// Step is the number of steps whose outcome is known.
func (t *Trainer) Step() int { return t.settled }

// Planned is the memory of the step beside the Store, in bytes.
func (t *Trainer) Planned() int64 { return t.prog.Planned() }

// Free releases the device memory of the run.
func (t *Trainer) Free() {
	t.prog.Free()
	t.Store.Free()
}

// Train goes on from the step in hand to step `to`, or until ctx is done, and leaves the device idle. It calls report after each step, a
// step or two after it was submitted, in order.
func (t *Trainer) Train(ctx context.Context, to int, report func(Report)) error {
	var sum, losses float64 // of the step in hand
	var answers score
	collect := func() error {
		w := t.flying[0]
		t.flying = t.flying[1:]
		if err := t.timing.wait(w.run); err != nil {
			return err
		}
		if w.loss {
			sum, losses = sum+float64(w.run.Output("loss")[0]), losses+1
		}
		if w.seen {
			answers.mark(t.loss, w.run)
		}
		if w.seen && w.part == w.runs-1 {
			t.seen = t.look(w.run, w.step, answers.share())
		}
		if !w.update {
			return nil
		}
		tensor, applied := t.Store.Verdict(w.run.Output("halt"))
		if tensor != "" {
			return &NonFiniteError{Step: t.base + applied + 1, Tensor: tensor, Method: t.Config.Method}
		}
		t.settled++
		x := Report{Step: t.settled, Epoch: (t.settled-1)/t.PerEpoch() + 1, Loss: sum / losses,
			LR: t.schedule.At(t.settled-1, t.Steps()), Accuracy: answers.share(), GradNorm: float64(w.run.Output("gradient_norm")[0]), seen: t.seen}
		if t.seen != nil {
			x.Alarm = t.seen.alarm
			if t.loss.pairs {
				x.Accuracy = t.seen.report.Accuracy
			}
		}
		report(x)
		sum, losses, answers = 0, 0, score{}
		return nil
	}
	for t.step < to && ctx.Err() == nil {
		if err := t.submit(collect); err != nil {
			return t.failed(err, collect)
		}
	}
	for len(t.flying) > 0 {
		if err := collect(); err != nil {
			return t.failed(err, collect)
		}
	}
	return nil
}

// submit hands one step to the device. collect reads the oldest outcome, which frees the memory behind it.
func (t *Trainer) submit(collect func() error) error {
	clear, err := t.prog.Segment("clear").Begin()
	if err == nil {
		err = clear.Submit()
	}
	if err != nil {
		return err
	}
	epoch := t.step / t.PerEpoch()
	mine := picked(t.Config.Seed, streamShuffle, uint32(epoch), t.batch.samples(), t.step%t.PerEpoch()*t.Config.Batch, t.Config.Batch)
	for _, p := range t.passes {
		for k := range p.runs {
			r, err := t.begin(p, collect)
			if err != nil {
				return err
			}
			if p.views {
				t.fill(r, mine[k*t.batch.size:(k+1)*t.batch.size], uint32(epoch))
			}
			t.scalars(p, k, r)
			if err := r.Submit(); err != nil {
				return err
			}
			t.flying = append(t.flying, &work{p, r, t.step, k})
		}
	}
	last := pass{segment: "update", runs: 1, update: true}
	u, err := t.begin(last, collect)
	if err != nil {
		return err
	}
	t.optimizer.Set(u, t.step, t.schedule.At(t.step, t.Steps()))
	u.Set("decay", t.decay.At(t.step, t.Steps()))
	for name, v := range t.loss.gates {
		t.optimizer.SetGate(u, name, t.step, shut(v, t.step, t.Steps()), v.At(t.step, t.Steps()))
	}
	if t.loss.momentum != nil {
		u.Set("ema_rate", 1-t.loss.momentum.At(t.step, t.Steps()))
	}
	if err := u.Submit(); err != nil {
		return err
	}
	t.flying = append(t.flying, &work{last, u, t.step, 0})
	t.step++
	return nil
}

// fill gives a run of a pass with views its samples.
func (t *Trainer) fill(r *kernels.Run, part []int, epoch uint32) {
	t.batch.fill(r, part, epoch)
	if t.loss.labelled {
		labels := r.Ints("labels")
		for slot, i := range part {
			labels[slot] = t.set.Labels[i]
		}
	}
}

// scalars sets those of the k'th run of a pass.
func (t *Trainer) scalars(p pass, k int, r *kernels.Run) {
	has := t.prog.Segment(p.segment).Has
	if has("micro") {
		r.Set("micro", float64(k))
	}
	for name, v := range t.loss.scalars {
		if has(name) {
			r.Set(name, v.At(t.step, t.Steps()))
		}
	}
}

// begin reads outcomes until at most one run of the pass's segment is under way, since the next one takes the memory of the one before that, and
// returns the next one.
func (t *Trainer) begin(p pass, collect func() error) (*kernels.Run, error) {
	for {
		n := 0
		for _, w := range t.flying {
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

// goOn sets the step that the Store's contents are at.
func (t *Trainer) goOn(step int) { t.step, t.settled, t.base = step, step, step }
