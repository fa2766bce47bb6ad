package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"marr/kernels"
	"marr/ssl"
	"marr/ssl/data"
	"marr/ssl/run"
	"marr/ssl/train"
	"marr/vk"
)

// Time that a run may take by default. On a CPU, fine-tuning and predicting fit into the rest of an hour.
const (
	cpuLimit = 40 * time.Minute
	gpuLimit = 12 * time.Hour
)

// largestView is the largest size of views that is chosen, pixels.
const largestView = 224

// planner chooses the settings of a run that neither flags nor a recipe set, and predicts what the run costs.
type planner struct {
	*settings
	config *run.Config
	dev    *vk.Device
	tuner  *kernels.Tuner
	limit  time.Duration // that the run may take
	text   string        // TOML of the views
	from   *initial      // backbone that the run starts from; nil: random weights

	images, shortSide int
	method            ssl.Method
	why               map[string]string // reasons of automatic settings, by key
	cost              cost
}

// cost is what a step takes.
type cost struct {
	step   time.Duration // 0: it was not measured
	memory int64         // bytes on the device
}

// checkLimit checks --time.
func (p *planner) checkLimit() error {
	switch {
	case p.given("time") && p.given("epochs"):
		return usagef("--time and --epochs: give one of them: the time that the run may take, or its length")
	case p.given("time") && p.resumed:
		return usagef("--time: a resumed run keeps its length: omit --time, or start a new run with --init")
	case p.given("time") && p.limit < time.Second:
		return usagef("--time %s: want at least a second, such as 90m or 12h", p.limit)
	}
	return nil
}

// plan chooses the open settings, prints the plan, and returns the opened images.
func (p *planner) plan(ctx context.Context) (*data.Set, error) {
	if p.limit == 0 {
		if p.limit = gpuLimit; p.dev.Info().Type == vk.CPU {
			p.limit = cpuLimit
		}
	}
	if err := p.chooseInput(ctx); err != nil {
		return nil, err
	}
	if p.config.Size == 0 { // a recipe without a size
		var err error
		if p.config.Size, err = defaultSize(ctx, p.config.Data, largestView); err != nil {
			return nil, err
		}
	}
	set, err := openSet(ctx, p.config.Data, p.config.Size)
	if err != nil {
		if p.resumed && !p.given("data") && ctx.Err() == nil {
			err = fmt.Errorf("%w; if the images of the run were moved, add --data with their new path", err)
		}
		return nil, err
	}
	if p.from != nil {
		set = withChannels(set, p.from.channels)
	}
	if err == nil {
		err = p.chooseTraining(ctx, set)
	}
	if err != nil {
		set.Close()
		return nil, err
	}
	if !p.resumed {
		p.print()
	}
	return set, nil
}

// fixed reports whether a flag or the recipe sets a setting.
func (p *planner) fixed(key string) bool { return p.given(key) || p.recipe != nil }

// apply sets the configuration from automatic settings.
func (p *planner) apply(x *run.Choice) error {
	p.take(&x.Recipe, "automatic", p.config)
	for key, why := range x.Why {
		p.why[key] = why
	}
	return setBackbone(p.fs, &p.config.Config)
}

// chooseInput chooses the network and the size of the views, before the images are decoded for that size.
func (p *planner) chooseInput(ctx context.Context) error {
	if p.recipe != nil || p.from != nil || p.given("arch") && p.given("size") {
		return nil
	}
	if err := p.survey(ctx); err != nil {
		return err
	}
	if p.given("size") {
		p.shortSide = p.config.Size
	}
	set, err := data.Open(ctx, "builtin:fashion-placed", data.Options{})
	if err != nil {
		return err
	}
	x, err := run.ChooseInput(*p.config, p.images, p.shortSide, p.limit, p.given, func(in run.Input) (float64, error) {
		c := run.DefaultConfig()
		c.Arch, c.Size, c.Batch = in.Arch, in.Size, 16
		if in.Width > 0 {
			c.Backbone = map[string]any{"width": in.Width}
		}
		m, err := ssl.New(c.Method)
		if err != nil {
			return 0, err
		}
		cost, err := measureStep(ctx, p.dev, nil, c, m, "", set)
		return float64(c.Batch) / max(cost.step.Seconds(), 1e-9), err
	})
	if err != nil {
		return err
	}
	return p.apply(x)
}

// survey sets the number and the size of the images.
func (p *planner) survey(ctx context.Context) (err error) {
	if !data.HasFixedSize(p.config.Data) {
		p.images, p.shortSide, err = data.Survey(ctx, p.config.Data)
		return err
	}
	set, err := openSet(ctx, p.config.Data, 0)
	if err != nil {
		return err
	}
	defer set.Close()
	h, w, _ := set.Size()
	p.images, p.shortSide = set.Len(), min(h, w)
	return nil
}

// chooseTraining chooses the method, its settings and the length of the run for a set, and measures a step.
func (p *planner) chooseTraining(ctx context.Context, set *data.Set) error {
	p.images = set.Len()
	if p.recipe == nil {
		if err := p.apply(run.ChooseBatch(p.images, p.given)); err != nil {
			return err
		}
	}
	shown := 0. // a short run, until a step is measured
	if p.given("epochs") {
		shown = float64(p.config.Epochs * p.images)
	}
	if err := p.chooseMethod(ctx, set, shown); err != nil {
		return err
	}
	if longer := float64(p.config.Epochs * p.images); longer > shown && !p.fixed("method") {
		if err := p.chooseMethod(ctx, set, longer); err != nil {
			return err
		}
	}
	return p.setMethod() // its settings depend on the number of epochs
}

// chooseMethod chooses the method for a run that shows this many images, and the number of epochs.
func (p *planner) chooseMethod(ctx context.Context, set *data.Set, shown float64) error {
	before := p.config.Method
	if p.recipe == nil {
		if err := p.apply(run.ChooseMethod(*p.config, shown, p.given)); err != nil {
			return err
		}
	}
	if err := p.setMethod(); err != nil {
		return err
	}
	if p.needsCost() && (p.cost.step == 0 || p.config.Method != before) {
		if err := p.measure(ctx, set); err != nil {
			return err
		}
	}
	if p.choosesEpochs() {
		return p.apply(run.ChooseEpochs(p.images, p.epoch(), p.limit, p.given("time"), p.given))
	}
	return nil
}

// measure measures a step. If its memory does not fit, a batch that was not given is halved.
func (p *planner) measure(ctx context.Context, set *data.Set) (err error) {
	for {
		p.cost, err = measureStep(ctx, p.dev, p.tuner, *p.config, p.method, p.text, set)
		if !errors.As(err, new(*train.MemoryError)) || p.fixed("batch") || p.config.Batch <= 32 {
			return err
		}
		if err := p.apply(run.HalveBatch(*p.config, p.given)); err != nil {
			return err
		}
		if err := p.setMethod(); err != nil {
			return err
		}
	}
}

// setMethod sets the method with its settings: those that it recommends, unless there is a recipe.
func (p *planner) setMethod() error {
	if p.recipe == nil {
		x, err := run.MethodDefaults(*p.config, p.images, p.given)
		if err != nil {
			return usageError{err}
		}
		if err := p.apply(x); err != nil {
			return usageError{err}
		}
	}
	m, err := setMethod(p.settings, p.config)
	if err != nil && !p.fixed("method") {
		err = fmt.Errorf("%w, which was chosen automatically: choose a --method", err)
	}
	if err != nil {
		return usageError{err}
	}
	p.method = m
	return nil
}

// choosesEpochs reports whether the number of epochs follows from the time.
func (p *planner) choosesEpochs() bool { return p.given("time") || !p.fixed("epochs") }

// shortRun is the number of steps below which a run is not measured before it starts, unless its length is chosen.
const shortRun = 200

func (p *planner) needsCost() bool {
	return !p.resumed && (p.choosesEpochs() || p.given("dry_run") || p.config.Epochs*p.perEpoch() > shortRun)
}

func (p *planner) perEpoch() int { return max(1, p.images/max(p.config.Batch, 1)) }

// epoch returns the predicted time of an epoch, with measurements and checkpoints.
func (p *planner) epoch() time.Duration {
	return time.Duration(float64(p.perEpoch()) * float64(p.cost.step) * (1 + overhead))
}

// overhead is the share of the time that measurements and checkpoints take (--eval-share), in addition to the steps.
const overhead = 0.06

// Limits of measureStep. It runs warmUp steps, or fewer if they take longer than measureTime; then it measures for measureTime, but at most maxMeasured
// steps, and at least one.
const (
	warmUp      = 2
	maxMeasured = 50
	measureTime = 2 * time.Second
)

// measureStep returns the cost of a training step.
func measureStep(ctx context.Context, dev *vk.Device, tuner *kernels.Tuner, c run.Config, m ssl.Method, text string, set *data.Set) (cost, error) {
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
	t, err := c.NewTrainer(st, m, set, nil)
	if err != nil {
		return cost{}, err
	}
	defer t.Free()
	// steps trains until there are n, or the time is over, and returns how long a step took.
	steps := func(n int) (step time.Duration, err error) {
		start, first := time.Now(), t.Step()
		for t.Step()-first < n && (t.Step() == first || time.Since(start) < measureTime) && ctx.Err() == nil {
			if err := t.Train(ctx, t.Step()+1, func(train.StepResult) {}); err != nil {
				return 0, err
			}
		}
		return time.Since(start) / time.Duration(max(1, t.Step()-first)), nil
	}
	if _, err := steps(warmUp); err != nil {
		return cost{}, err
	}
	step, err := steps(maxMeasured)
	if err == nil {
		err = ctx.Err()
	}
	return cost{step, t.Planned() + t.Store.Bytes()}, err
}

// row is a line of the plan.
type row struct{ name, value, why string }

// print prints the plan of a run.
func (p *planner) print() {
	c := p.config
	network := c.Arch
	if width, ok := c.Backbone["width"]; ok {
		network += fmt.Sprintf(", width %v", width)
	}
	rows := []row{
		{"method", c.Method, p.reason("method")},
		{"network", network, p.reason("arch")},
		{"views", fmt.Sprintf("%d px", c.Size), p.reason("size")},
		{"batch", fmt.Sprint(c.Batch), p.reason("batch")},
		{"epochs", fmt.Sprintf("%d of %s", c.Epochs, count(p.perEpoch(), "step")), p.reason("epochs")},
	}
	if p.cost.step > 0 {
		rows = append(rows, row{"memory", fmt.Sprintf("%d MiB", p.cost.memory>>20), fmt.Sprintf("of %d MiB of the device", p.dev.Info().Limits.DeviceMemory>>20)},
			row{"time", formatDuration(p.epoch() * time.Duration(c.Epochs)), fmt.Sprintf("%s per epoch: %.3g s per step, measured", formatDuration(p.epoch()), p.cost.step.Seconds())})
	}
	fmt.Printf("plan for %s on %s:\n", count(p.images, "image"), p.dev.Info().Name)
	for _, r := range rows {
		fmt.Println(strings.TrimRight(fmt.Sprintf("  %-8s %-24s %s", r.name, r.value, r.why), " "))
	}
	switch {
	case p.cost.step > 0 && c.Epochs > 1:
		fmt.Printf("half the time: --epochs %d or --time %s\n", c.Epochs/2, roundTime(p.epoch()*time.Duration(c.Epochs)/2))
	case p.cost.step > 0:
		fmt.Printf("half the time: --size %d, or a smaller --arch\n", int(float64(c.Size)/math.Sqrt2))
	}
}

// reason returns who chose a setting, and why.
func (p *planner) reason(key string) string {
	switch {
	case p.given(key):
		return "as given"
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
