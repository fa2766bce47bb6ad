package main

import (
	"cmp"
	"context"
	"time"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/run"
	"github.com/marr-ssl/marr/vk"
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
	// devices is the number of devices that compute a batch together; 0: one.
	devices int
	tuner   *kernels.Tuner
	text    string   // TOML of the views
	from    *initial // backbone that the run starts from; nil: random weights

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
func (p *planner) plan(ctx context.Context) error {
	err := p.choose(ctx)
	if err == nil && !p.resumed {
		p.print()
	}
	return err
}

// choose opens the images and chooses the open settings. After it, close closes the images.
func (p *planner) choose(ctx context.Context) (err error) {
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
	if err := p.divide(); err != nil {
		return err
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
	return p.chooseTraining(ctx)
}

// open opens the images for views of px pixels, unless they are open.
func (p *planner) open(ctx context.Context, px int) (err error) {
	if p.opened == nil {
		if p.opened, err = openSet(ctx, p.config.Data, px); err != nil {
			return err
		}
	}
	if p.set = p.opened; p.mostImages > 0 {
		p.set = subsample(p.set, p.mostImages)
	}
	if p.from != nil {
		p.set = withChannels(p.set, p.from.channels)
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
