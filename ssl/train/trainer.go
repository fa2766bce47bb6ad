package train

import (
	"fmt"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/ranks"
	"github.com/marr-ssl/marr/ssl/views"
	"github.com/marr-ssl/marr/ssl/watch"
	"github.com/marr-ssl/marr/vk"
)

// Trainer trains a backbone. It holds a Store with all learned state, and the program of a step.
//
//	clear: gradients → (micro: views, forward, backward, sum of gradients) × Accumulate → update: finite check, optimizer, running statistics
//
// with a gradient cache (ssl.Contrastive) before micro: (embed: views, forward) × Accumulate → contrast: loss of the whole batch
type Trainer struct {
	Config   Config
	Store    *kernels.Store
	Backbone net.Backbone
	Watch    *watch.Watch // detects collapse; nil: no watch

	dev       *vk.Device
	job       Job
	optimizer net.Optimizer
	schedule  net.Schedule // of the learning rate
	decay     net.Schedule
	prog      *kernels.Program
	batch     *batch
	sampler   sampler
	step      *ssl.Step // on which the method built its loss
	passes    []pass
	minBatch  int          // smallest number of samples that a batch norm normalizes together; 0: none depends on other samples
	share     *share       // of several ranks; nil: it is alone
	tally     tally        // of the current step
	observed  *observation // of the current step

	submitted int     // steps
	completed int     // steps whose results were read
	inFlight  []*work // submitted runs whose results were not read; the newest last
}

// Job is a method with the images that it learns from.
type Job struct {
	Name      string // of the method, in errors
	Method    ssl.Method
	Set       *data.Set
	Views     []views.Spec // nil: the method's own
	Mean, Std []float64    // that normalize the images; nil: the set's (data.Set.Stats)
	Passes    bool         // join passes over the samples, so that a small set is used whole; an epoch is then a step
	Timing    *Timing      // nil: no timing
	// Ranks connects the trainers that compute each batch together, on a device each, with the same Config and Set: the first r of R computes the first
	// Accumulate/R parts, and so on. All have the state of one trainer that computes all parts, bit for bit, but for Config.SyncBN. nil: it is alone.
	Ranks ranks.Comm
	// Start sets the values that the backbone starts from; nil: random ones. Momentum encoders start from the same.
	Start func(st *kernels.Store) error
}

// pass is a segment of a step, which runs once for each part of the batch, or once.
type pass struct {
	segment  string
	runs     int  // in a step
	views    bool // it needs the samples of the part
	loss     bool // it outputs the loss; the step's loss is the mean over the runs
	observe  bool // the collapse watch observes its first run
	backward bool // it computes gradients of a part
	update   bool // it ends the step
}

// work is a run in flight, number `part` of a pass.
type work struct {
	pass
	run        *kernels.Run
	step, part int
}

// StepResult is the result of a step.
type StepResult struct {
	Step     int     // from 1 on
	Epoch    int     // from 1 on
	Loss     float64 // mean over the parts; with a gradient cache that of the whole batch
	LR       float64
	Accuracy float64      // 0 … 1, of the contrastive or pretext task, or of the labels; NaN if there is none, or if a contrast was not measured in this step
	GradNorm float64      // 2-norm of all gradients together, before clipping
	Alarm    *watch.Alarm // of the collapse watch; nil: none
	Skipped  bool         // a number was not finite, so the step changed nothing but the loss scale (kernels.Graph.ScaleLoss)

	observed *observation
}

// New returns a trainer at step 0 on an empty store, which it takes over.
func New(st *kernels.Store, c Config, j Job) (*Trainer, error) {
	c.Resolve(j.Set)
	if err := c.Check(j.Set); err != nil {
		return nil, err
	}
	if j.Timing == nil {
		j.Timing = &Timing{}
	}
	if j.Mean == nil {
		j.Mean, j.Std = j.Set.Stats()
	}
	t := &Trainer{Config: c, Store: st, dev: st.Device(), job: j}
	var err error
	if t.schedule, t.decay, err = c.schedules(); err != nil {
		return nil, err
	}
	if t.optimizer, err = net.NewOptimizer(c.Optimizer, c.Decay, c.Beta2); err != nil {
		return nil, err
	}
	network, err := c.Network(j.Set.C)
	if err != nil {
		return nil, err
	}
	if t.Backbone, err = network.New(st, c.Seed); err != nil {
		return nil, err
	}
	if j.Start != nil { // before the program is built, so that moving averages start there too
		if err := j.Start(st); err != nil {
			return nil, err
		}
	}
	if j.Views == nil {
		if j.Views, err = j.Method.Views(ViewInput(c.Size, j.Set)); err != nil {
			return nil, err
		}
	}
	if t.batch, err = newBatch(ViewConfig{Set: j.Set, Mean: j.Mean, Std: j.Std, Specs: j.Views, N: c.Batch / c.Accumulate, Seed: c.Seed}); err != nil {
		return nil, err
	}
	if j.Ranks != nil && j.Ranks.Size() > 1 {
		if t.share, err = newShare(j.Ranks, c.Accumulate, c.Wire, j.Timing); err != nil {
			return nil, err
		}
	}
	n := t.batch.samples()
	if c.Batch > n {
		return nil, &ConfigError{fmt.Errorf("train: batch of %d: %s has only %d samples: set --batch to at most %d", c.Batch, j.Set.Name, n, n)}
	}
	if t.sampler = (epochs{n, c.Batch, c.Seed}); j.Passes {
		t.sampler = passes{n, c.Batch, c.Seed}
	}
	if t.prog, err = kernels.Build(t.dev, st, t.record); err != nil {
		st.Free()
		return nil, t.memoryError(err)
	}
	if err := t.newExchanges(); err != nil {
		t.Free()
		return nil, err
	}
	if j.Start != nil {
		if err := net.StartMomentum(st); err != nil {
			t.Free()
			return nil, err
		}
	}
	return t, nil
}

// record records the segments of a step.
func (t *Trainer) record(g *kernels.Graph) {
	if t.job.Timing.Ops != nil {
		g.EnableTiming()
	}
	if t.mixed() {
		g.MixedPrecision()
		g.ScaleLoss()
	}
	if t.share != nil && t.Config.SyncBN {
		g.SyncNorms(t.share.comm.Size(), t.share.gatherNorms)
	}
	var loss *kernels.Tensor
	if m, ok := t.gradientCache(); ok {
		loss = t.recordCached(g, m)
	} else {
		loss = t.recordParts(g)
	}
	t.minBatch = g.MinBatchNormSize()
	g.Segment("update")
	if loss.Rows() > 1 { // one for each part
		loss = kernels.ColumnMean(loss)
	}
	g.Clip(t.Config.Clip)
	g.ClipEach(t.Config.ClipEach)
	g.CheckFinite(loss)
	t.optimizer.Update(g)
	g.UpdateRunningStats()
	for _, f := range t.step.Requests.AfterUpdate {
		f(g)
	}
	g.Segment("clear") // recorded last: only now are all parameters known
	g.ClearGrads()
}

func (t *Trainer) mixed() bool { return t.Config.Precision == "mixed" }

// recordParts records the forward and backward pass, with a separate loss for each part of the batch, and returns the losses.
func (t *Trainer) recordParts(g *kernels.Graph) *kernels.Tensor {
	g.Micro(t.Config.Accumulate)
	g.Segment("micro")
	s := t.newStep(g)
	t.paint(s)
	loss := t.job.Method.Loss(s)
	g.Output("loss", loss)
	outputObserved(g, s)
	g.Backward(loss)
	t.sumParts(g)
	t.step, t.passes = s, []pass{{segment: "micro", runs: t.Config.Accumulate, views: true, loss: true, observe: true, backward: true}}
	return kernels.GatherMicro(loss, 1)
}

// gradientPieces says in which pieces ranks add up gradients while they compute the rest, of 1 MiB at least. On the wire ranks.FP16 blocks stay whole.
var gradientPieces = kernels.Pieces{Most: 8, Least: 1 << 18, Align: ranks.BlockLen}

// sumParts adds up the gradients of the parts, unless several ranks do it on the host.
func (t *Trainer) sumParts(g *kernels.Graph) {
	switch {
	case t.share == nil:
		g.SumParts()
	case !t.Config.SyncBN || g.MinBatchNormSize() == 0: // else Submit returns when the last batch norm is done
		g.StreamGradients(gradientPieces)
	}
}

// newStep returns a step without views and targets.
func (t *Trainer) newStep(g *kernels.Graph) *ssl.Step {
	s := &ssl.Step{Graph: g, Backbone: t.Backbone, Heads: net.Scope{Store: t.Store, Norm: t.Config.HeadNorm, Seed: t.Config.Seed},
		NumLabels: t.job.Set.NumClasses(), Samples: t.batch.samples(), LearningRate: t.schedule, PeakRate: t.Config.LR}
	for _, spec := range t.batch.specs {
		s.TargetClasses = append(s.TargetClasses, spec.TargetClasses())
	}
	return s
}

// paint adds the views and targets of a part of the batch to a step.
func (t *Trainer) paint(s *ssl.Step) {
	s.N = t.batch.size
	s.Views, s.Targets = t.batch.inputs(s.Graph)
}

// Steps returns the number of steps of the whole run.
func (t *Trainer) Steps() int { return t.Config.Epochs * t.PerEpoch() }

// PerEpoch returns the number of steps of an epoch. Images that do not fill a batch are left out, different ones in each epoch.
func (t *Trainer) PerEpoch() int { return t.sampler.perEpoch() }

// ExportBranch returns the backbone that is evaluated and exported: the trained one, or its momentum encoder.
func (t *Trainer) ExportBranch() net.Module {
	if t.Branch() == net.Teacher {
		return net.Momentum(t.Backbone)
	}
	return t.Backbone
}

// Branch returns the name of ExportBranch: "" for the trained backbone, or net.Teacher.
func (t *Trainer) Branch() string { return t.step.Requests.Branch }

// Step returns the number of steps whose results were reported.
func (t *Trainer) Step() int { return t.completed }

// MinBatchNormSize returns the smallest number of samples that a batch norm normalizes together, 0 where none depends on other samples.
func (t *Trainer) MinBatchNormSize() int { return t.minBatch }

// Specs returns the views, in order.
func (t *Trainer) Specs() []views.Spec { return t.batch.specs }

// SkippedClips returns the number of clips with fewer frames than a sample, which are left out.
func (t *Trainer) SkippedClips() int {
	if t.batch.frames == 1 {
		return 0
	}
	return len(t.job.Set.Clips) - len(t.batch.clips)
}

// Frames returns the number of frames of a sample.
func (t *Trainer) Frames() int { return t.batch.frames }

// Stats returns the mean and standard deviation that images are normalized with.
func (t *Trainer) Stats() (mean, std []float64) { return t.job.Mean, t.job.Std }

// Variants returns the kernels of the program by pass and shape (kernels.Program.Variants).
func (t *Trainer) Variants() map[string]string { return t.prog.Variants() }

// Planned returns the memory of the step beside the Store, in bytes.
func (t *Trainer) Planned() int64 { return t.prog.Planned() }

// Traffic returns the bytes that the kernels of a step read and write (kernels.Segment.Traffic).
func (t *Trainer) Traffic() int64 {
	sum := t.prog.Segment("clear").Traffic() + t.prog.Segment("update").Traffic()
	for _, p := range t.passes {
		sum += int64(p.runs) * t.prog.Segment(p.segment).Traffic()
	}
	return sum
}

// Free releases the device memory of the run.
func (t *Trainer) Free() {
	t.leave()
	t.prog.Free()
	t.Store.Free()
}
