package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"time"

	"marr/kernels"
	"marr/ssl"
	"marr/ssl/data"
	"marr/ssl/run"
	"marr/vk"
)

// Time that a run may take by default. On a CPU, fine-tuning and predicting fit into the rest of an hour.
const (
	cpuLimit = 35 * time.Minute
	gpuLimit = 12 * time.Hour
)

// largestView is the largest size of views that is chosen, pixels.
const largestView = 224

// planner chooses the settings of a run that neither flags nor a recipe set, and predicts what the run costs.
type planner struct {
	*settings
	*pretrainOptions
	config *run.Config
	dev    *vk.Device
	tuner  *kernels.Tuner
	text   string   // TOML of the views
	from   *initial // backbone that the run starts from; nil: random weights

	images, shortSide int
	method            ssl.Method
	why               map[string]string // reasons of automatic settings, by key
	cost              cost
	opened            *data.Set            // nil: none
	set               *data.Set            // opened, with the channels of the network
	features          *ssl.TeacherFeatures // of the teacher of a method that learns from one; nil: none
}

// prepare sets what the command line states, and checks it before the images are read.
func (p *planner) prepare() (err error) {
	c := p.config
	if p.resume && p.out != "" {
		if err := p.continueRun(p.out, c); err != nil {
			return err
		}
	}
	if p.recipeName != "" {
		if err := p.applyRecipe(p.recipeName, c); err != nil {
			return err
		}
		if p.resumed { // the saved run knows what --time and the images decided
			if !p.given("epochs") {
				c.Epochs = p.saved.Epochs
			}
			if !p.given("size") {
				c.Size = p.saved.Size
			}
		}
	}
	if p.out == "" && p.resume {
		return usagef("--resume: --out is required: name the folder of the run")
	}
	if c.Data == "" || p.out == "" && !p.dryRun {
		return usagef("pretrain: --data and --out are required: name the images and the folder of the run")
	}
	if err := cmp.Or(p.quality.check(), p.saving.check(), p.checkRate(c.LR), p.checkLength()); err != nil {
		return err
	}
	if !p.dryRun { // now, because opening the images and measuring a step take time
		if err := run.CheckFolder(p.out, p.resume); err != nil {
			return err
		}
	}
	if p.from, err = openInitial(p.fs, *p.init, "", p.out, p.resume); err != nil {
		return err
	}
	if p.from != nil {
		if err := p.from.apply(p.fs, c); err != nil {
			return err
		}
	}
	if p.given("method") && p.recipe == nil && p.from == nil {
		x, err := run.ChooseNetwork(*c, p.given)
		if err != nil {
			return usageError{err}
		}
		if err := p.apply(x); err != nil {
			return usageError{err}
		}
	}
	if err := setBackbone(p.fs, &c.Config); err != nil {
		return usageError{err}
	}
	if p.text, err = p.views(p.viewsFile); err != nil {
		return err
	}
	if p.text != "" && !p.resumed { // the size of a saved run is known
		if err := setViewSize(c, p.text); err != nil {
			return err
		}
	}
	if p.fixed("method") {
		if err := p.setMethod(); err != nil {
			return err
		}
	}
	if err := p.checkTeacher(); err != nil {
		return err
	}
	if p.resumed {
		return nil
	}
	if p.method != nil && c.Size != 0 { // now, because decoding the images takes time
		return c.CheckSize(p.text, p.method)
	}
	return nil
}

// checkLength checks --time, --epochs and --dry-run.
func (p *planner) checkLength() error {
	if p.dryRun && p.resumed {
		return usagef("--dry-run: the plan of a resumed run is made: omit --dry-run, or --resume")
	}
	return p.settings.checkLength(p.limit, p.config.Epochs)
}

// checkLength checks --time and --epochs.
func (p *settings) checkLength(limit time.Duration, epochs int) error {
	switch {
	case p.given("time") && limit < time.Second:
		return usagef("--time %s: want at least a second, such as 90m or 12h", limit)
	case p.given("epochs") && epochs < 1:
		return usagef("--epochs %d: want at least 1", epochs)
	case p.given("time") && p.resumed:
		note("--time is ignored: a resumed run keeps its length")
	}
	return nil
}

// plan opens the images, chooses the open settings, and prints the plan. After it, close closes the images.
func (p *planner) plan(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if p.limit == 0 {
		if p.limit = gpuLimit; p.dev.Info().Type == vk.CPU {
			p.limit = cpuLimit
		}
	}
	if err := p.chooseInput(ctx); err != nil {
		return err
	}
	if p.config.Size == 0 { // a recipe without a size
		if p.config.Size, err = defaultSize(ctx, p.config.Data, largestView); err != nil {
			return err
		}
	}
	if err := p.open(ctx, p.config.Size); err != nil {
		return p.moved(ctx, err, "data")
	}
	if err := p.openTeacher(ctx); err != nil {
		return err
	}
	if err := p.chooseTraining(ctx); err != nil {
		return err
	}
	if !p.resumed {
		p.print()
	}
	return nil
}

// open opens the images for views of px pixels, unless they are open.
func (p *planner) open(ctx context.Context, px int) (err error) {
	if p.opened == nil {
		if p.opened, err = openSet(ctx, p.config.Data, px); err != nil {
			return err
		}
	}
	if p.set = p.opened; p.from != nil {
		p.set = withChannels(p.opened, p.from.channels)
	}
	return nil
}

func (p *planner) close() {
	if p.opened != nil {
		p.opened.Close()
	}
}

// run returns the planned run.
func (p *planner) run() *run.Run {
	r := &run.Run{Dir: p.out, Tuner: p.tuner, Resume: p.resume, Config: *p.config, Origin: p.origins(), Flags: p.kept(keptFlags), Method: p.method, Views: p.text, Set: p.set,
		StopOnCollapse: p.onCollapse == "stop", SaveEvery: p.saving.saveEvery, KeepEvery: p.saving.keepEvery, TensorBoard: p.saving.tensorBoard}
	if p.from != nil {
		p.from.set(r)
	}
	return r
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
			if err := p.setMethod(); err != nil {
				return err
			}
		}
		p.cost, err = measureStep(ctx, p.dev, p.tuner, *p.config, p.method, p.text, p.set)
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
