package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/run"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/vk"
)

// cost is what a step takes.
type cost struct {
	step   time.Duration // 0: it was not measured
	memory int64         // bytes on the device
}

// measureStep trains one step to warm up, one whose time decides how many follow in about measureTime, and those, at most maxMeasured.
const (
	maxMeasured = 50
	measureTime = 2 * time.Second
)

// measureStep returns the cost of a training step. It opens the device again if that is lost, for instance by a kernel that the tuner tries.
func measureStep(ctx context.Context, dev *vk.Device, tuner *kernels.Tuner, c run.Config, m ssl.Method, text string, set *data.Set) (cost, error) {
	for losses := 1; ; losses++ {
		x, err := measureOnce(ctx, dev, tuner, c, m, text, set)
		if losses == maxLosses || !errors.Is(err, vk.ErrDeviceLost) {
			return x, err
		}
		if err := dev.Reopen(); err != nil {
			return x, err
		}
		note("the device %s was lost (VK_ERROR_DEVICE_LOST) while a step was measured: it was opened again", dev.Info().Name)
	}
}

// maxLosses is the number of losses of the device that end the measurement of a step.
const maxLosses = 3

// measureOnce is measureStep that fails when the device is lost.
func measureOnce(ctx context.Context, dev *vk.Device, tuner *kernels.Tuner, c run.Config, m ssl.Method, text string, set *data.Set) (cost, error) {
	c.Epochs = 1000 // more than the steps that are measured
	c.Resolve(set)
	if err := c.Check(set); err != nil {
		return cost{}, err
	}
	if err := c.SetViews(text, m, set); err != nil {
		return cost{}, err
	}
	st := kernels.NewStore(dev)
	st.SetTuner(tuner)
	t, err := c.NewTrainer(st, m, set, nil, nil)
	if err != nil {
		return cost{}, err
	}
	defer t.Free()
	// train returns the time of each of n steps, which follow each other as in a run.
	train := func(n int) (time.Duration, error) {
		start := time.Now()
		err := t.Train(ctx, t.Step()+n, func(train.StepResult) {})
		return time.Since(start) / time.Duration(n), err
	}
	if _, err := train(1); err != nil {
		return cost{}, err
	}
	step, err := train(1)
	if n := min(int(measureTime/max(step, 1)), maxMeasured); err == nil && n > 1 {
		step, err = train(n)
	}
	if err == nil {
		err = ctx.Err()
	}
	return cost{step, t.Planned() + t.Store.Bytes()}, err
}

// minBatch is the smallest batch that is chosen because of memory: batch norm suffers from fewer images.
const minBatch = 32

// fitBatch calls measure with a number of images per step. Unless that is fixed, it is halved while a step does not fit into the device's memory.
func fitBatch(batch int, fixed bool, measure func(batch int) error) error {
	for ; ; batch /= 2 {
		if err := measure(batch); fixed || batch/2 < minBatch || !errors.As(err, new(*train.MemoryError)) {
			return err
		}
	}
}

// row is a line of the plan.
type row struct{ name, value, why string }

// print prints the plan of a run.
func (p *planner) print() {
	c := *p.config
	c.Resolve(p.set)
	rows := []row{
		{"method", c.Method, p.reason("method")},
		{"network", networkName(c), p.reason("arch")},
		{"views", fmt.Sprintf("%d px", c.Size), p.reason("size")},
		{"batch", p.batch(), p.reason("batch")},
		{"training", fmt.Sprintf("%s, lr %.3g", c.Optimizer, c.LR), p.reason("optimizer")},
		{"epochs", fmt.Sprintf("%d of %s", c.Epochs, count(p.perEpoch(), "step")), p.reason("epochs")},
	}
	if p.cost.step > 0 {
		rows = append(rows, row{"memory", fmt.Sprintf("%d MiB", p.cost.memory>>20), fmt.Sprintf("of %d MiB of the device", p.dev.Info().Limits.DeviceMemory>>20)},
			row{"time", formatDuration(p.epoch() * time.Duration(c.Epochs)), fmt.Sprintf("%s per epoch: %.3g s per step, measured", formatDuration(p.epoch()), p.cost.step.Seconds())})
	}
	fmt.Printf("plan for %s on %s:\n", count(p.images, "image"), onDevices(p.dev, p.devices))
	for _, r := range rows {
		fmt.Println(strings.TrimRight(fmt.Sprintf("  %-8s %-24s %s", r.name, r.value, r.why), " "))
	}
	switch whole := p.epoch() * time.Duration(c.Epochs); {
	case p.cost.step == 0:
	case p.choosesEpochs() && c.Epochs > 1:
		fmt.Printf("half the time: --time %s\n", roundTime(whole/2))
	case c.Epochs > 1:
		fmt.Printf("half the time: --epochs %d --arch %s --size %d\n", c.Epochs/2, strings.Replace(networkName(c), ", ", " --", 1), c.Size)
	default:
		fmt.Printf("half the time: --size %d, or a smaller --arch\n", int(float64(c.Size)/math.Sqrt2))
	}
}

// networkName returns the architecture of a resolved configuration, with its width or its patches.
func networkName(c run.Config) string {
	for _, name := range []string{"width", "patch"} {
		if v, ok := c.Backbone[name]; ok {
			return fmt.Sprintf("%s, %s %v", c.Arch, name, v)
		}
	}
	return c.Arch
}

// reason returns who chose a setting, and why.
func (p *planner) reason(key string) string {
	switch {
	case p.given(key):
		return "as given"
	case p.from != nil && p.why[key] == "" && (key == "arch" || key == "size"):
		return "that of " + data.Printable(p.from.name)
	case key == "size" && p.why[key] == "" && p.text != "":
		return "as the views"
	case p.why[key] != "":
		return p.why[key]
	case p.origin[key] != "":
		return p.origin[key]
	}
	return "default"
}

// roundTime formats a time limit as --time takes it, in whole minutes from two minutes on.
func roundTime(d time.Duration) string {
	if d < 2*time.Minute {
		return fmt.Sprintf("%ds", int(d.Seconds()))
	}
	return fmt.Sprintf("%dm", int(d.Minutes()))
}
