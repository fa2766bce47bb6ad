package bench

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/ranks"
	"github.com/marr-ssl/marr/ssl/run"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/vk"
)

// StepOptions choose a training step: SimCLR with Adam on built-in images, two views each.
type StepOptions struct {
	Arch      string         `json:"arch"`
	Backbone  map[string]any `json:"backbone"`            // settings of the architecture
	Batch     int            `json:"batch"`               // images
	Size      int            `json:"size"`                // side of a view, pixels
	Precision string         `json:"precision,omitempty"` // one of train.Precisions; "": the first
	Wire      string         `json:"wire,omitempty"`      // one of ranks.Wires; "": the first
	SyncBN    bool           `json:"sync_bn,omitempty"`   // batch norm normalizes over the images of all ranks
	Steps     int            `json:"steps"`               // of each measurement, after two warm-up steps

	Tuner *kernels.Tuner `json:"-"` // nil: the static rule chooses kernels
}

func (o StepOptions) String() string {
	text := o.Arch
	for _, name := range slices.Sorted(maps.Keys(o.Backbone)) {
		if o.Backbone[name] == false { // a switch that is off, also one that is newer than a result
			continue
		}
		text += fmt.Sprintf(", %s %v", name, o.Backbone[name])
	}
	if o.Precision != "" && o.Precision != train.Precisions[0] {
		text += ", " + o.Precision
	}
	if o.Wire != "" && o.Wire != ranks.FP32 {
		text += ", gradients sent in " + o.Wire
	}
	if o.SyncBN {
		text += ", synchronized batch norm"
	}
	return fmt.Sprintf("%s, batch %d, %d px", text, o.Batch, o.Size)
}

// key identifies a step between two Results. The number of steps and the tuner do not matter.
func (s Step) key() string { return s.StepOptions.String() }

// Step is the time and the memory of a whole training step.
type Step struct {
	StepOptions
	Time        Spread       `json:"time"` // without timestamps, from one step's end to the next
	ImagesPerS  float64      `json:"images_per_s"`
	ViewsPerS   float64      `json:"views_per_s"`
	HostMs      float64      `json:"host_ms"` // host time of a step, milliseconds
	HostShare   float64      `json:"host_share"`
	HostClock   string       `json:"host_is"` // how HostMs was measured
	Parts       Parts        `json:"parts"`
	Kernels     []KernelTime `json:"kernels"`       // of one step, the longest first
	Traffic     int64        `json:"traffic_bytes"` // that the kernels of a step read and write, see kernels.Segment.Traffic
	Activations int64        `json:"planned_bytes"` // activations, their gradients, inputs
	Parameters  int64        `json:"store_bytes"`   // parameters, their gradients, optimizer moments, other state
	Allocated   int64        `json:"used_bytes"`    // all buffers of the step, host-visible buffers included
	Peers       []Peer       `json:"peers,omitempty"`
}

// Parts splits the device time of a step, in milliseconds (medians, from timestamps). It excludes the fill that clears the gradients.
type Parts struct {
	Views    float64 `json:"views_ms"`
	Forward  float64 `json:"forward_ms"` // including the loss
	Backward float64 `json:"backward_ms"`
	Update   float64 `json:"update_ms"` // finite check, optimizer, running statistics
	Steps    int     `json:"steps"`
}

// KernelTime is the total time of one kernel in a step.
type KernelTime struct {
	Kernel     string  `json:"kernel"`
	Backward   bool    `json:"backward"`
	Dispatches int     `json:"dispatches"`
	Ms         float64 `json:"ms"`
	Share      float64 `json:"share"`
	GFLOPS     float64 `json:"gflop_per_s"` // 0 if the kernel declares no work
}

const (
	trainingImages = "builtin:fashion-placed" // 32 px, gray
	warmUpSteps    = 2
	profiledSteps  = 3
	peerRounds     = 3 // of marr and then each peer
)

// MeasureStep measures a step with timestamps, then without them, alternating with each peer.
func MeasureStep(ctx context.Context, dev *vk.Device, o StepOptions, peers []PeerCommand) (Step, error) {
	set, err := data.Open(ctx, trainingImages, data.Options{})
	if err != nil {
		return Step{}, err
	}
	s := Step{StepOptions: o, HostClock: hostClock}
	if err := s.profile(ctx, dev, set); err != nil {
		return s, err
	}
	err = s.measure(ctx, dev, set, peers)
	return s, err
}

// PlanStep plans the memory of a step and runs nothing. The device must have enough memory for it.
func PlanStep(ctx context.Context, dev *vk.Device, o StepOptions) (Step, error) {
	set, err := data.Open(ctx, trainingImages, data.Options{})
	if err != nil {
		return Step{}, err
	}
	s, before := Step{StepOptions: o}, dev.InUse()
	t, err := o.trainer(dev, set, 1, &train.Timing{}, nil)
	if err != nil {
		return s, err
	}
	defer t.Free()
	s.setMemory(t, before)
	return s, nil
}

// setMemory records the memory of a trainer on a device that had `before` bytes in use.
func (s *Step) setMemory(t *train.Trainer, before int64) {
	s.Backbone, s.Traffic = t.Config.Backbone, t.Traffic()
	s.Activations, s.Parameters, s.Allocated = t.Planned(), t.Store.Bytes(), t.Store.Device().InUse()-before
}

// trainer returns a trainer whose run has at least this many steps.
// comm connects it with other ranks, on which each computes such a batch as its share; nil: it is alone.
func (o StepOptions) trainer(dev *vk.Device, set *data.Set, steps int, w *train.Timing, comm ranks.Comm) (*train.Trainer, error) {
	c := run.DefaultConfig()
	c.Arch, c.Backbone, c.Batch, c.Size, c.Precision, c.Wire = o.Arch, o.Backbone, o.Batch, o.Size, o.Precision, o.Wire
	if comm != nil {
		c.Accumulate = comm.Size()
		c.Batch *= c.Accumulate
		c.SyncBN = o.SyncBN
	}
	if o.Batch > 0 {
		c.Epochs = steps/max(1, set.Len()/c.Batch) + 1
	}
	m, err := ssl.New(c.Method)
	if err != nil {
		return nil, err
	}
	st := kernels.NewStore(dev)
	st.SetTuner(o.Tuner)
	c.Resolve(set)
	return c.NewTrainer(st, m, set, w, comm)
}

// profile runs steps with timestamps.
func (s *Step) profile(ctx context.Context, dev *vk.Device, set *data.Set) error {
	var step []kernels.OpTime
	var parts [4][]float64
	done := 0
	w := &train.Timing{Ops: func(ops []kernels.OpTime) {
		step = append(step, ops...)
		if ops[0].Segment != "update" {
			return
		}
		if done++; done > warmUpSteps {
			for i, ms := range partsOf(step) {
				parts[i] = append(parts[i], ms)
			}
			s.Kernels = kernelTimes(step)
		}
		step = nil
	}}
	t, err := s.trainer(dev, set, warmUpSteps+profiledSteps, w, nil)
	if err != nil {
		return err
	}
	defer t.Free()
	err = t.Train(ctx, warmUpSteps+profiledSteps, func(train.StepResult) {})
	s.Parts = Parts{median(parts[0]), median(parts[1]), median(parts[2]), median(parts[3]), len(parts[0])}
	if err == nil {
		err = ctx.Err()
	}
	return err
}

// partsOf sums the times of views, forward, backward and update, in milliseconds.
func partsOf(step []kernels.OpTime) (ms [4]float64) {
	for _, o := range step {
		part := 1
		switch {
		case o.Segment == "update":
			part = 3
		case o.Backward:
			part = 2
		case strings.HasPrefix(o.Kernel, "views_"):
			part = 0
		}
		ms[part] += milliseconds(o.Time)
	}
	return ms
}

// kernelTimes sums the times of a step by kernel and direction.
func kernelTimes(step []kernels.OpTime) []KernelTime {
	type key struct {
		kernel   string
		backward bool
	}
	sums, work, total := map[key]*KernelTime{}, map[key]float64{}, 0.0
	for _, o := range step {
		k := key{cmp.Or(o.Kernel, "fill"), o.Backward}
		if sums[k] == nil {
			sums[k] = &KernelTime{Kernel: k.kernel, Backward: k.backward}
		}
		sums[k].Dispatches++
		sums[k].Ms += milliseconds(o.Time)
		work[k] += o.Work
		total += milliseconds(o.Time)
	}
	var out []KernelTime
	for k, s := range sums {
		if s.Ms > 0 {
			s.Share, s.GFLOPS = s.Ms/total, work[k]/s.Ms/1e6
		}
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b KernelTime) int {
		return cmp.Or(cmp.Compare(b.Ms, a.Ms), cmp.Compare(a.Kernel, b.Kernel))
	})
	return out
}

// measure runs steps without timestamps, alternating with each peer.
func (s *Step) measure(ctx context.Context, dev *vk.Device, set *data.Set, peers []PeerCommand) error {
	runtime.LockOSThread() // threadTime measures this thread
	defer runtime.UnlockOSThread()
	rounds := 1
	if len(peers) > 0 {
		rounds = peerRounds
	}
	before := dev.InUse()
	w := &train.Timing{Clock: threadTime}
	t, err := s.trainer(dev, set, warmUpSteps+rounds*s.Steps, w, nil)
	if err != nil {
		return err
	}
	defer t.Free()
	s.setMemory(t, before)
	if err := t.Train(ctx, warmUpSteps, func(train.StepResult) {}); err != nil {
		return err
	}
	var times []time.Duration
	var host time.Duration
	s.Peers = make([]Peer, len(peers))
	for range rounds {
		completed, cpu, waited, last := 0, threadTime(), w.Waited, time.Now()
		first := last
		err := t.Train(ctx, t.Step()+s.Steps, func(train.StepResult) {
			now := time.Now()
			times, last, completed = append(times, now.Sub(last)), now, completed+1
		})
		host += threadTime() - cpu - (w.Waited - waited)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		views := 2 * float64(s.Batch*completed) / time.Since(first).Seconds()
		for i, p := range peers {
			s.Peers[i].addRound(ctx, p, s.StepOptions, views)
		}
	}
	s.Time = spreadOf(times)
	s.ImagesPerS = s.Time.rate(float64(s.Batch))
	s.ViewsPerS = 2 * s.ImagesPerS
	s.HostMs = milliseconds(host) / float64(len(times))
	s.HostShare = s.HostMs / s.Time.Median
	return nil
}
