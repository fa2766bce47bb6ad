// Package check finds out whether a device computes correctly: every op against its float64 reference, a short training twice for equal bits, and
// the device's peak rates.
//
//	Run -> Report -> Print, or JSON (bench.WriteJSON)
package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/marr-ssl/marr/bench"
	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/optest"
	"github.com/marr-ssl/marr/kernels/optest/cases"
	"github.com/marr-ssl/marr/vk"
)

// Report is the result of a check. A part that was not reached is nil.
type Report struct {
	bench.Results
	Version     string            `json:"version"` // of the program
	System      string            `json:"system"`  // operating system and architecture
	Environment map[string]string `json:"environment,omitempty"`
	Family      string            `json:"family"` // of kernels that the static rule chooses
	Tiles       []string          `json:"tiles"`
	NumOps      int               `json:"num_ops"` // more than Ops if the check did not reach its end
	Ops         []Op              `json:"ops"`
	Twice       *bench.Twice      `json:"training_twice,omitempty"`
	Problems    []Problem         `json:"problems"` // of the other parts, and those that ended the check
	Seconds     float64           `json:"seconds"`
}

// Op is the result of all cases of an op.
type Op struct {
	Name     string           `json:"name"`
	OnHalves bool             `json:"on_halves,omitempty"` // on 16-bit floats, which errors reflect
	Cases    int              `json:"cases"`
	Seconds  float64          `json:"seconds"`
	Forward  optest.Distance  `json:"forward"`  // the largest relative error of a result
	Backward optest.Distance  `json:"backward"` // the largest relative error of a gradient
	Failures []optest.Failure `json:"failures,omitempty"`
}

// Problem is why a part failed.
type Problem struct {
	Part    string `json:"part"` // an op, "training", "rates", or "device" if it could not be opened again
	Message string `json:"message"`
}

// Options choose what Run checks.
type Options struct {
	Version  string
	Command  string
	Ops      []optest.Op
	Training bench.StepOptions // without steps: neither training nor rates
	// Progress is called before each part, when `done` of `total` units of work are done. It must not be nil.
	Progress func(done, total int, part string)
}

// Ops returns all ops that a program can check: those with cases, and those of networks also on halves. The others need golden files.
func Ops() []optest.Op {
	return slices.DeleteFunc(append(cases.All(), cases.Halves()...), func(op optest.Op) bool { return len(op.Cases) == 0 })
}

// DefaultTraining is the training that runs twice.
var DefaultTraining = bench.StepOptions{Arch: "resnet10", Backbone: map[string]any{"stem": "strided", "width": 16}, Batch: 32, Size: 32, Steps: 100}

// Run checks a device. narrow is the same device opened with the StorageRange optest.NarrowRange. The report is complete up to the first error, which is
// that of ctx; all failures of the device are in the report. A device that is lost is opened again for the next op, at most twice.
func Run(ctx context.Context, dev, narrow *vk.Device, o Options) (*Report, error) {
	r := newReport(dev, o)
	start := time.Now()
	defer func() { r.Seconds, r.Stopped = time.Since(start).Seconds(), ctx.Err() != nil }()
	total := len(o.Ops)
	if o.Training.Steps > 0 {
		total += trainingUnits + ratesUnits
	}
	losses := 0
	for i, op := range o.Ops {
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		o.Progress(i, total, op.Name)
		if err := r.checkOp(ctx, optest.Bench{Device: dev, Narrow: narrow}, op); err != nil {
			r.problem(op.Name, err)
			if losses++; losses == maxLosses {
				return r, nil
			}
			if err := cmp.Or(dev.Reopen(), narrow.Reopen()); err != nil { // a reset of the GPU loses both
				r.problem("device", err)
				return r, nil
			}
		}
	}
	if o.Training.Steps == 0 || ctx.Err() != nil {
		return r, ctx.Err()
	}
	o.Progress(len(o.Ops), total, "training")
	if err := r.train(ctx, dev, o.Training); err != nil || ctx.Err() != nil {
		return r, ctx.Err()
	}
	if o.Progress(total-ratesUnits, total, "rates"); ctx.Err() == nil {
		r.measureRates(dev)
	}
	return r, ctx.Err()
}

// maxLosses is the number of lost devices that end a check: a driver that was reset that often may not recover.
const maxLosses = 3

// The work of training and rates in units of an op, roughly: it is for Progress only.
const (
	trainingUnits = 40
	ratesUnits    = 10
)

func newReport(dev *vk.Device, o Options) *Report {
	i := dev.Info()
	return &Report{Results: *bench.NewResults(dev, o.Command, kernels.TuneOff.String()), Version: o.Version, System: system, Environment: environment(os.Environ()),
		Family: kernels.FamilyOf(i), Tiles: kernels.TilesOf(i), NumOps: len(o.Ops), Problems: []Problem{}}
}

// environment returns the variables that change what a device computes: those of this program, of the Vulkan loader and of drivers.
func environment(all []string) map[string]string {
	out := map[string]string{}
	for _, x := range all {
		name, value, _ := strings.Cut(x, "=")
		for _, prefix := range []string{"MARR_", "VK_", "MESA_", "RADV_", "INTEL_", "ANV_", "NVK_", "NIR_", "LP_", "AMD_"} {
			if strings.HasPrefix(name, prefix) {
				out[name] = value
			}
		}
	}
	return out
}

// checkOp checks an op. The error is that of a lost device. If ctx ends, the op counts as not reached.
func (r *Report) checkOp(ctx context.Context, b optest.Bench, op optest.Op) error {
	start := time.Now()
	found, err := b.Check(ctx, op.All()...)
	if ctx.Err() != nil {
		return nil
	}
	r.Ops = append(r.Ops, Op{op.Name, op.OnHalves, found.Cases, time.Since(start).Seconds(), found.Forward, found.Backward, found.Failures})
	return err
}

// train trains twice. The error is that of a lost device.
func (r *Report) train(ctx context.Context, dev *vk.Device, o bench.StepOptions) (err error) {
	r.Twice, err = bench.TrainTwice(ctx, dev, o)
	switch {
	case ctx.Err() != nil: // the user stopped it
		return nil
	case err != nil:
		r.problem("training", err)
	case r.Twice.Differs != "":
		r.problem("training", errors.New("two runs from the same seed differ: "+r.Twice.Differs))
	case !r.Twice.Learned():
		r.problem("training", fmt.Errorf("the loss did not fall: %.4g over the first tenth of the steps, %.4g over the last", r.Twice.FirstLoss, r.Twice.LastLoss))
	}
	if errors.Is(err, vk.ErrDeviceLost) {
		return err
	}
	return nil
}

// measureRates measures the peak rates of devices with timestamps.
func (r *Report) measureRates(dev *vk.Device) {
	if dev.Info().Limits.TimestampBits == 0 {
		return
	}
	var err error
	if r.Peak, err = bench.MeasurePeak(dev); err != nil {
		r.problem("rates", err)
	}
}

func (r *Report) problem(part string, err error) {
	r.Problems = append(r.Problems, Problem{part, err.Error()})
}

// Failed returns the names of the ops and other parts that failed.
func (r *Report) Failed() (names []string) {
	for _, op := range r.Ops {
		if len(op.Failures) > 0 {
			names = append(names, op.Name)
		}
	}
	for _, p := range r.Problems {
		if !slices.Contains(names, p.Part) {
			names = append(names, p.Part)
		}
	}
	return names
}
