package bench

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"marr/kernels"
	"marr/ssl"
	"marr/ssl/data"
	"marr/vk"
)

// StepOptions say which training step is measured: SimCLR with Adam on built-in images, two views each.
type StepOptions struct {
	Arch  string `json:"arch"`
	Stem  string `json:"stem"`
	Width int    `json:"width"`
	Batch int    `json:"batch"` // images
	Size  int    `json:"size"`  // of a view, pixels
	Steps int    `json:"steps"` // of each measurement, after two that are thrown away

	Tuner *kernels.Tuner `json:"-"` // nil: the static rule chooses kernels
}

func (o StepOptions) String() string {
	return fmt.Sprintf("%s, %s stem, width %d, batch %d, %d px", o.Arch, o.Stem, o.Width, o.Batch, o.Size)
}

// shape is what steps are matched by: not by how often they were run, nor by who chose their kernels.
func (s Step) shape() StepOptions {
	o := s.StepOptions
	o.Steps, o.Tuner = 0, nil
	return o
}

// Step is a whole training step, measured.
type Step struct {
	StepOptions
	Time       Spread      `json:"time"` // without timestamps, from outcome to outcome
	ImagesPerS float64     `json:"images_per_s"`
	ViewsPerS  float64     `json:"views_per_s"`
	Host       float64     `json:"host_ms"` // what a step costs the host
	HostShare  float64     `json:"host_share"`
	HostHow    string      `json:"host_is"`
	Parts      Parts       `json:"parts"`
	Kernels    []KernelSum `json:"kernels"`       // of one step, the longest first
	Planned    int64       `json:"planned_bytes"` // activations, gradients of them, inputs
	Store      int64       `json:"store_bytes"`   // parameters, their gradients, moments, states
	Used       int64       `json:"used_bytes"`    // all buffers of the step that the device gave, host-visible ones too
	Peers      []Peer      `json:"peers,omitempty"`
}

// Parts splits the device's time in a step, by timestamps, in milliseconds (medians). The fill that clears the gradients is not in it.
type Parts struct {
	Views    float64 `json:"views_ms"`
	Forward  float64 `json:"forward_ms"` // the loss included
	Backward float64 `json:"backward_ms"`
	Update   float64 `json:"update_ms"` // finite check, optimizer, running statistics
	Steps    int     `json:"steps"`
}

// KernelSum is what one kernel takes in a step.
type KernelSum struct {
	Kernel     string  `json:"kernel"`
	Backward   bool    `json:"backward"`
	Dispatches int     `json:"dispatches"`
	Ms         float64 `json:"ms"`
	Share      float64 `json:"share"`
	GFLOPS     float64 `json:"gflop_per_s"` // 0 where the kernel declares no work
}

const (
	stepData   = "builtin:fashion-placed" // 32 px, gray
	warmSteps  = 2
	timedSteps = 3
	pairs      = 3 // with a peer: ours, theirs, ours, theirs …
)

// MeasureStep measures a step twice, with timestamps and without, and runs each peer beside it in turn with the latter.
func MeasureStep(ctx context.Context, dev *vk.Device, o StepOptions, peers []PeerCommand) (Step, error) {
	set, err := data.Open(ctx, stepData, data.Options{})
	if err != nil {
		return Step{}, err
	}
	s := Step{StepOptions: o, HostHow: clockHow}
	if err := s.split(ctx, dev, set); err != nil {
		return s, err
	}
	err = s.whole(ctx, dev, set, peers)
	return s, err
}

// PlanStep plans a step's memory and runs nothing. The device must have room for it.
func PlanStep(ctx context.Context, dev *vk.Device, o StepOptions) (Step, error) {
	set, err := data.Open(ctx, stepData, data.Options{})
	if err != nil {
		return Step{}, err
	}
	s, before := Step{StepOptions: o}, dev.InUse()
	t, err := o.trainer(dev, set, 1, &ssl.Timing{})
	if err != nil {
		return s, err
	}
	defer t.Free()
	s.plan(t, before)
	return s, nil
}

// plan notes what a step takes, on a device that had this much in use before.
func (s *Step) plan(t *ssl.Trainer, before int64) {
	s.Stem = t.Config.Stem
	s.Planned, s.Store, s.Used = t.Planned(), t.Store.Bytes(), t.Store.Device().InUse()-before
}

// trainer makes a run that is long enough.
func (o StepOptions) trainer(dev *vk.Device, set *data.Set, steps int, w *ssl.Timing) (*ssl.Trainer, error) {
	c := ssl.DefaultConfig()
	c.Arch, c.Stem, c.Width, c.Batch, c.Size = o.Arch, o.Stem, o.Width, o.Batch, o.Size
	if o.Batch > 0 {
		c.Epochs = steps/max(1, set.Len()/o.Batch) + 1
	}
	m, err := ssl.New(c.Method)
	if err != nil {
		return nil, err
	}
	st := kernels.NewStore(dev)
	st.Tune(o.Tuner)
	return ssl.NewTimedTrainer(st, c, m, set, w)
}

// split runs steps with timestamps.
func (s *Step) split(ctx context.Context, dev *vk.Device, set *data.Set) error {
	var step []kernels.OpTime
	var parts [4][]float64
	done := 0
	w := &ssl.Timing{Ops: func(ops []kernels.OpTime) {
		step = append(step, ops...)
		if ops[0].Segment != "update" {
			return
		}
		if done++; done > warmSteps {
			for i, ms := range partsOf(step) {
				parts[i] = append(parts[i], ms)
			}
			s.Kernels = kernelSums(step)
		}
		step = nil
	}}
	t, err := s.trainer(dev, set, warmSteps+timedSteps, w)
	if err != nil {
		return err
	}
	defer t.Free()
	err = t.Train(ctx, warmSteps+timedSteps, func(ssl.Report) {})
	s.Parts = Parts{median(parts[0]), median(parts[1]), median(parts[2]), median(parts[3]), len(parts[0])}
	if err == nil {
		err = ctx.Err()
	}
	return err
}

// partsOf adds up views, forward, backward and update, in milliseconds.
func partsOf(step []kernels.OpTime) (ms [4]float64) {
	for _, o := range step {
		part := 1
		switch {
		case o.Segment == "update":
			part = 3
		case o.Backward:
			part = 2
		case len(o.Kernel) > 6 && o.Kernel[:6] == "views_":
			part = 0
		}
		ms[part] += milliseconds(o.Time)
	}
	return ms
}

func milliseconds(t time.Duration) float64 { return float64(t) / float64(time.Millisecond) }

// kernelSums adds up a step by kernel and direction.
func kernelSums(step []kernels.OpTime) []KernelSum {
	type key struct {
		kernel string
		back   bool
	}
	sums, work, all := map[key]*KernelSum{}, map[key]float64{}, 0.0
	for _, o := range step {
		k := key{o.Kernel, o.Backward}
		if k.kernel == "" {
			k.kernel = "fill"
		}
		if sums[k] == nil {
			sums[k] = &KernelSum{Kernel: k.kernel, Backward: k.back}
		}
		sums[k].Dispatches++
		sums[k].Ms += milliseconds(o.Time)
		work[k] += o.Work
		all += milliseconds(o.Time)
	}
	var out []KernelSum
	for k, s := range sums {
		if s.Ms > 0 {
			s.Share, s.GFLOPS = s.Ms/all, work[k]/s.Ms/1e6
		}
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b KernelSum) int {
		return cmp.Or(cmp.Compare(b.Ms, a.Ms), cmp.Compare(a.Kernel, b.Kernel))
	})
	return out
}

// whole runs steps without timestamps, and each peer between them.
func (s *Step) whole(ctx context.Context, dev *vk.Device, set *data.Set, peers []PeerCommand) error {
	runtime.LockOSThread() // the host's clock is this thread's
	defer runtime.UnlockOSThread()
	rounds := 1
	if len(peers) > 0 {
		rounds = pairs
	}
	before := dev.InUse()
	w := &ssl.Timing{Clock: threadTime}
	t, err := s.trainer(dev, set, warmSteps+rounds*s.Steps, w)
	if err != nil {
		return err
	}
	defer t.Free()
	s.plan(t, before)
	if err := t.Train(ctx, warmSteps, func(ssl.Report) {}); err != nil {
		return err
	}
	var times []time.Duration
	var host time.Duration
	s.Peers = make([]Peer, len(peers))
	for range rounds {
		mine, cpu, waited, last := 0, threadTime(), w.Waited, time.Now()
		first := last
		err := t.Train(ctx, t.Step()+s.Steps, func(ssl.Report) {
			now := time.Now()
			times, last, mine = append(times, now.Sub(last)), now, mine+1
		})
		host += threadTime() - cpu - (w.Waited - waited)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		views := 2 * float64(s.Batch*mine) / time.Since(first).Seconds()
		for i, p := range peers {
			s.Peers[i].round(ctx, p, s.StepOptions, views)
		}
	}
	s.Time = spreadOf(times)
	s.ImagesPerS = s.Time.rate(float64(s.Batch))
	s.ViewsPerS = 2 * s.ImagesPerS
	s.Host = milliseconds(host) / float64(len(times))
	s.HostShare = s.Host / s.Time.Median
	return nil
}
