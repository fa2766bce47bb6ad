package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/net/registry"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/eval"
	"github.com/marr-ssl/marr/ssl/run"
)

// The held-out images of marr finetune without --test: the same for each seed, so that their results can be compared.
const (
	heldOut     = 0.2
	heldOutSeed = 1
)

// finetuneOptions are the flags of marr finetune that are no settings of a run.
type finetuneOptions struct {
	from, branch string // --run or --init
	test, out    string
	labels       string // per class
	views        string
	resume       bool
	baseline     bool
	seeds        int
	device, tune string
	limit        time.Duration // of all runs together; 0: the default
}

// Peak learning rates by default. A head on a frozen backbone takes a higher one.
const (
	finetuneRate = 1e-3
	frozenRate   = 1e-2
)

// finetuneConfig returns the settings that fine-tuning starts from: AdamW with a decay of 0.01, a warm-up over 10 % of the steps and a cosine. Number of
// epochs and batch follow from the number of images and from the time.
func finetuneConfig() run.Config {
	c := run.DefaultConfig()
	c.Method, c.LR, c.BaseLR, c.Decay, c.Epochs, c.Batch = ssl.FinetuneName, finetuneRate, 0, 0.01, 0, 0
	return c
}

func finetuneCommand(fs *pflag.FlagSet) func(context.Context, []string) error {
	var o finetuneOptions
	c, m := finetuneConfig(), ssl.NewFinetune()
	end := inGroup(fs, dataGroup)
	fs.StringVar(&c.Data, "train", "", "labeled images `D` to train on: class folders, a list, an archive, a data-set file")
	fs.StringVar(&o.test, "test", "", "labeled images `D` to test on, or none; default: a fifth of --train, which is held out")
	fs.StringVar(&o.labels, "labels-per-class", "all", "`N|all`: images of each class to train on, drawn by --seed")
	fs.StringVar(&o.views, "views", "", "`FILE`.toml that changes the augmentations, which are crops of half to all of the image, and flips")
	end()
	end = inGroup(fs, outputGroup)
	fs.StringVar(&o.out, "out", "", "`DIR` for the run, its results.json and its classifier.onnx")
	fs.BoolVar(&o.resume, "resume", false, "continue the runs in --out with their settings; flags must agree with them, but --train and --test may name another path "+
		"of the same images, and --seeds and --baseline may add runs")
	end()
	end = inGroup(fs, networkGroup)
	dir := fs.String("run", "", "`DIR` of the run whose backbone is fine-tuned")
	init := fs.String("init", "", "`FILE` in place of --run: .onnx or .safetensors, with the names of torchvision, timm or DINO")
	branch := branchFlag(fs)
	optionFlags(fs, ssl.FinetuneName, "", registry.Options(m))
	annotate(fs.Lookup("backbone-lr"), defaultKey, fmt.Sprint(m.BackboneLR))
	end()
	networkFlags(fs, &c.Config, "weights without metadata: ")
	end = inGroup(fs, evaluationGroup)
	fs.BoolVar(&o.baseline, "baseline", false, "also train the same network from random weights, with the same schedule and seeds, to compare")
	fs.IntVar(&o.seeds, "seeds", 1, "number of runs, with consecutive seeds; the result is their mean ± std")
	end()
	trainFlags(fs, &c.Config)
	end = inGroup(fs, optimizationGroup)
	fs.DurationVar(&o.limit, "time", 0, "`TIME` that the whole command may take, in place of --epochs: as many epochs as end in it; default: the usual number, in at most "+
		"10m on a CPU, else 1h")
	exclusive(fs, "time", "epochs", "the time that the command may take, or the length of a run")
	end()
	annotate(fs.Lookup("epochs"), defaultKey, "chosen by the number of images and the time")
	annotate(fs.Lookup("batch"), defaultKey, "chosen by the number of images")
	annotate(fs.Lookup("lr"), defaultKey, fmt.Sprintf("%g, with --freeze %g", finetuneRate, frozenRate))
	fs.Lookup("size").Usage = "side of the images in `pixels`; default: that of the pre-training"
	fs.Lookup("lr").Usage = "peak learning rate of the head, and of the backbone unless --backbone-lr is given"
	device, tune := deviceFlag(fs), tuneFlag(fs)
	return func(ctx context.Context, args []string) error {
		if err := noArgs(args); err != nil {
			return err
		}
		p := newSettings(fs)
		if *dir != "" && *init != "" || *dir+*init == "" && !o.resume {
			return usagef("finetune: give either --run DIR or --init FILE: the backbone to start from")
		}
		if err := checkBranch(*branch, *dir); err != nil && !o.resume {
			return err
		}
		if o.resume && o.out != "" {
			if err := p.continueFinetuning(o.out, &c); err != nil {
				return err
			}
		}
		o.from, o.branch, o.device, o.tune = *dir+*init, *branch, *device, *tune
		f, err := newFinetuning(ctx, p, o, c, m)
		if err != nil {
			return err
		}
		defer f.close()
		return continueWith(f.do(ctx), "marr finetune --resume --out "+quoted(o.out))
	}
}

// newFinetuning checks the command line and opens the backbone, the images and the device.
func newFinetuning(ctx context.Context, p *settings, o finetuneOptions, c run.Config, m *ssl.Finetune) (f *finetuning, err error) {
	if c.Data == "" || o.out == "" {
		return nil, usagef("finetune: --train and --out are required: name the labeled images and the folder of the run")
	}
	perClass, err := strconv.Atoi(o.labels)
	if o.labels != "all" && (err != nil || perClass < 1) {
		return nil, usagef("--labels-per-class %s: want a number of at least 1, or all", o.labels)
	}
	if o.seeds < 1 {
		return nil, usagef("--seeds %d: want at least 1", o.seeds)
	}
	if err := cmp.Or(p.checkRate(c.LR), p.checkLength(o.limit, c.Epochs)); err != nil {
		return nil, err
	}
	if c.Options, err = setOptions(p.fs, m, p.option); err == nil {
		err = m.Check()
	}
	if err != nil {
		return nil, usageError{err}
	}
	if m.Freeze && !p.given("lr") && !p.resumed {
		c.LR = frozenRate
	}
	f = &finetuning{finetuneOptions: o, settings: p, config: c, method: m, perClass: perClass}
	p.origins()
	defer func() {
		if err != nil {
			f.close()
		}
	}()
	if err = f.checkFolders(); err != nil { // now, because opening the images takes time
		return f, err
	}
	if f.initial, err = openInitial(p.fs, o.from, o.branch, o.out, o.resume); err != nil {
		return f, err
	}
	if f.initial == nil {
		return f, usagef("finetune: %s holds no run: give --run DIR or --init FILE, the backbone to start from", o.out)
	}
	if err = f.initial.apply(p.fs, &f.config); err != nil {
		return f, err
	}
	if p.resumed {
		f.config.Size = c.Size // of the run, not of its backbone
	}
	if err = setBackbone(p.fs, &f.config.Config); err != nil {
		return f, usageError{err}
	}
	if f.text = c.Views; o.views != "" {
		if f.text, err = readViews(o.views); err != nil {
			return f, err
		}
	}
	if err = f.open(ctx); err != nil {
		return f, err
	}
	if f.dev, err = openDevice(o.device); err != nil {
		return f, err
	}
	if f.tuner, err = newTuner(f.dev, o.tune); err != nil {
		return f, err
	}
	return f, f.plan(ctx)
}

// checkFolders returns an error if the folder of a run cannot be used.
func (f *finetuning) checkFolders() error {
	for i := range f.seeds {
		if err := run.CheckFolder(f.folder(i, false), f.resume); err != nil {
			return err
		}
		if !f.baseline {
			continue
		}
		if err := run.CheckFolder(f.folder(i, true), f.resume); err != nil {
			return err
		}
	}
	return nil
}

// open opens and divides the images.
func (f *finetuning) open(ctx context.Context) error {
	set, err := f.openSet(ctx, f.config.Data)
	if err != nil {
		return f.moved(ctx, err, "train")
	}
	if set.Labels == nil {
		return fmt.Errorf("%s has no labels: use one folder per class, a list with labels, or a data-set file with labels", set.Name)
	}
	all := withChannels(withLabels(set), f.initial.channels)
	var test *data.Set
	switch f.finetuneOptions.test {
	case "none":
		test = all
	case "":
		images, others := eval.Split(all.Labels, heldOut, heldOutSeed)
		if len(others) == 0 {
			return fmt.Errorf("%s has one image of each class: none can be held out for testing: give --test D, or --test none", all.Name)
		}
		printLine(os.Stdout, "without --test, %d of %d images are held out for testing: %g %% of each class, the same for every seed", len(others), all.Len(), 100*heldOut)
		all, test = all.Subset(images), all.Subset(others)
		test.Name = all.Name + " (held out)"
	default:
		if test, err = f.openSet(ctx, f.finetuneOptions.test); err != nil {
			return f.moved(ctx, err, "test")
		}
	}
	if f.train, f.test, err = matchSets(all, test, f.initial.channels); err != nil {
		return err
	}
	if f.finetuneOptions.test == "none" {
		f.test = nil
	}
	return f.checkLabels()
}

// openSet opens a set that close closes.
func (f *finetuning) openSet(ctx context.Context, name string) (*data.Set, error) {
	set, err := openSet(ctx, name, f.config.Size)
	if err == nil {
		f.opened = append(f.opened, set)
	}
	return set, err
}

// checkLabels returns an error for a class with fewer images than --labels-per-class.
func (f *finetuning) checkLabels() error {
	images := make([]int, len(f.train.Classes))
	for _, y := range f.train.Labels {
		images[y]++
	}
	if k := slices.IndexFunc(images, func(n int) bool { return n < f.perClass }); k >= 0 {
		return fmt.Errorf("--labels-per-class %d: %s has only %s of class %q to train on: give fewer, or all", f.perClass, f.train.Name,
			count(images[k], "image"), f.train.Classes[k])
	}
	return nil
}

// draw returns the images that run i trains on.
func (f *finetuning) draw(i int) (*data.Set, error) {
	if f.perClass == 0 {
		return f.train, nil
	}
	few, err := eval.Sample(f.train.Labels, f.perClass, f.config.Seed, i)
	if err != nil {
		return nil, err
	}
	return f.train.Subset(few), nil
}
