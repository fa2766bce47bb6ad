package main

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/run"
	"github.com/marr-ssl/marr/vk"
)

// chooseInput chooses the network and the size of the views, before the images are decoded for that size.
func (p *planner) chooseInput(ctx context.Context) error {
	sized := p.config.Size != 0                         // by --size, or by views
	networked := p.given("arch") || p.why["arch"] != "" // by --arch, or by the method
	if p.recipe != nil || p.from != nil || networked && sized {
		return nil
	}
	if err := p.survey(ctx); err != nil {
		return err
	}
	if sized {
		p.shortSide = p.config.Size
	}
	set, err := data.Open(ctx, "builtin:fashion-placed", data.Options{})
	if err != nil {
		return err
	}
	given := func(key string) bool {
		return p.given(key) || key == "size" && sized || key == "arch" && networked
	}
	x, err := run.ChooseInput(*p.config, p.images, p.shortSide, p.limit, given, func(in run.Input) (float64, error) {
		c := run.DefaultConfig()
		c.Arch, c.Size, c.Backbone = in.Arch, in.Size, map[string]any{}
		if networked {
			maps.Copy(c.Backbone, p.config.Backbone)
		}
		if c.Batch = 128; p.dev.Info().Type == vk.CPU { // enough work for the device
			c.Batch = 16
		}
		if in.Width > 0 {
			c.Backbone["width"] = in.Width
		}
		if p.why["arch"] != "" { // no other method may use the network
			c.Method = p.config.Method
		}
		m, err := ssl.New(c.Method)
		if err != nil {
			return 0, err
		}
		trained, method := c, m
		if p.method != nil {
			trained.Method, method = p.config.Method, p.method
		}
		if err := trained.CheckSize(p.text, method); err != nil {
			return 0, err
		}
		cost, err := measureStep(ctx, p.dev, nil, c, m, "", set)
		return float64(c.Batch*max(p.devices, 1)) / max(cost.step.Seconds(), 1e-9), err
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
	if err := p.open(ctx, 0); err != nil {
		return err
	}
	h, w, _ := p.set.Size()
	p.images, p.shortSide = p.set.Len(), min(h, w)
	return nil
}

// chooseTraining chooses the method, its settings and the length of the run, and measures a step.
func (p *planner) chooseTraining(ctx context.Context) error {
	p.images = p.set.Len()
	if p.recipe == nil {
		if err := p.apply(run.ChooseBatch(p.images, p.given)); err != nil {
			return err
		}
		p.roundBatch()
	}
	shown := 0. // a short run, until a step is measured
	if p.given("epochs") {
		shown = p.shown()
	}
	if err := p.chooseMethod(ctx, shown); err != nil {
		return err
	}
	if longer := p.shown(); longer > shown && !p.fixed("method") {
		if err := p.chooseMethod(ctx, longer); err != nil {
			return err
		}
		if p.shown() < longer { // a method that takes more time may show too few images
			if err := p.chooseMethod(ctx, p.shown()); err != nil {
				return err
			}
		}
	}
	return p.setMethod() // its settings depend on the number of epochs
}

// shown returns the number of images that the run shows.
func (p *planner) shown() float64 { return float64(p.config.Epochs) * float64(p.images) }

// chooseMethod chooses the method for a run that shows this many images, and the number of epochs.
func (p *planner) chooseMethod(ctx context.Context, shown float64) error {
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
		if err := p.measure(ctx); err != nil {
			return err
		}
	}
	if p.choosesEpochs() {
		return p.apply(run.ChooseEpochs(p.images, p.epoch(), p.limit, p.given("time"), p.given))
	}
	return nil
}

// measure measures a step.
func (p *planner) measure(ctx context.Context) error {
	return fitBatch(p.config.Batch, p.fixed("batch"), func(batch int) (err error) {
		if batch != p.config.Batch {
			if err := p.apply(run.FitBatch(batch, p.given)); err != nil {
				return err
			}
			p.roundBatch()
			if err := p.setMethod(); err != nil {
				return err
			}
		}
		p.cost, err = measureStep(ctx, p.dev, p.tuner, *p.config, p.method, p.text, p.set)
		p.cost.step /= time.Duration(max(p.devices, 1)) // one device computed all parts
		return err
	})
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
		if p.viewsFile == "" {
			p.text = x.Views
		}
	}
	m, err := setMethod(p.settings, p.config)
	if err == nil {
		err = p.config.CheckNetwork(m)
	}
	if err != nil && !p.fixed("method") {
		err = fmt.Errorf("%w, which was chosen automatically: choose a --method", err)
	}
	if err != nil {
		return usageError{err}
	}
	if d, ok := m.(*ssl.Distill); ok {
		d.Teacher = p.features
	}
	p.method = m
	return nil
}

// choosesEpochs reports whether the number of epochs follows from the time.
func (p *planner) choosesEpochs() bool {
	return !p.resumed && (p.given("time") || !p.fixed("epochs"))
}

// shortRun is the number of steps below which a run is not measured before it starts, unless its length is chosen.
const shortRun = 200

func (p *planner) needsCost() bool {
	return p.choosesEpochs() || !p.resumed && (p.dryRun || p.config.Epochs*p.perEpoch() > shortRun)
}

func (p *planner) perEpoch() int { return max(1, p.images/max(p.config.Batch, 1)) }

// epoch returns the predicted time of an epoch, with checkpoints and measurements.
func (p *planner) epoch() time.Duration {
	more := 0.01 // for checkpoints
	if p.quality.every > 0 {
		more += p.quality.share
	}
	return time.Duration(float64(p.perEpoch()) * float64(p.cost.step) * (1 + more))
}
