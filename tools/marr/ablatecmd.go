package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/bench"
	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/ablate"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/run"
	"github.com/marr-ssl/marr/vk"
)

// ablation is one call of marr ablate: flags, and the plan that its runs share.
type ablation struct {
	*pretrainOptions
	fs          *pflag.FlagSet
	config      run.Config
	by, ops     string
	seeds       int
	keep, first bool

	dev   *vk.Device
	tuner *kernels.Tuner
	base  *planner // of a run without changes
	judge *judge
	file  *ablationFile
	texts map[string]string // views in TOML of the cells that have their own, by the name of the cell
	cost  time.Duration     // of judging a run
}

func ablateCommand(fs *pflag.FlagSet) func(context.Context, []string) error {
	a := newAblation(fs)
	return func(ctx context.Context, args []string) error {
		if err := a.check(args); err != nil {
			return err
		}
		release, err := a.open()
		if err != nil {
			return err
		}
		defer release()
		if a.dev, err = openDevice(*a.device); err != nil {
			return err
		}
		defer a.dev.Close()
		if a.tuner, err = newTuner(a.dev, *a.tune); err != nil {
			return err
		}
		defer func() {
			if a.base != nil {
				a.base.close()
			}
		}()
		if err := a.plan(ctx); err != nil || a.dryRun {
			return err
		}
		return continueWith(a.train(ctx), "the same command")
	}
}

// newAblation declares the flags of ablate.
func newAblation(fs *pflag.FlagSet) *ablation {
	o := &pretrainOptions{init: new(string), saving: &saveOptions{}, quality: &qualityOptions{share: 1}, onCollapse: "warn"}
	a := &ablation{pretrainOptions: o, fs: fs, config: run.DefaultConfig(), texts: map[string]string{}}
	o.declareImages(fs, &a.config)
	end := inGroup(fs, dataGroup)
	fs.IntVar(&o.mostImages, "images", 0, "train on no more images than this, evenly spaced; 0: on all")
	end()
	end = inGroup(fs, outputGroup)
	fs.StringVar(&o.out, "out", "", "`DIR` for results and pictures; the same command continues where it was stopped")
	fs.BoolVar(&o.dryRun, "dry-run", false, "print the runs and what they cost, and train nothing")
	fs.BoolVar(&a.keep, "keep-runs", false, "keep the folder of each run, for eval, export and report")
	end()
	end = inGroup(fs, methodGroup)
	fs.StringVar(&a.by, "by", byAugmentations, "what differs between the runs, `augmentations|temperature|batch|crop|FILE`: each augmentation alone and each pair; a few values of the setting "+
		"(crop: smallest part of the image); or a FILE.toml that lists the values of one or two flags, such as temperature = [0.1, 0.5]")
	fs.StringVar(&a.ops, "ops", "all", "--by augmentations: `all|recipe|LIST`: all that exist, those that the method uses, or some such as crop,color,blur")
	fs.BoolVar(&a.first, "first-view", false, "--by augmentations: augment the first view alone, as in figure 5 of SimCLR; the other views only keep their size")
	end()
	o.device = deviceFlag(fs)
	o.declareSettings(fs, &a.config)
	choices(fs, "method", ssl.Methods())
	fs.Lookup("method").Usage = "`NAME` of the method"
	examples(fs, "recipe", run.Recipes())
	fs.Lookup("recipe").Usage = "`NAME` of a recipe or a FILE.toml with settings; flags override its settings"
	fs.Lookup("time").Usage = "`TIME` that all runs may take together, such as 90m or 12h: it sets --epochs; default: 35m on a CPU, else 12h"
	fs.Lookup("seed").Usage = "random seed of the first run of each cell"
	end = inGroup(fs, evaluationGroup)
	fs.StringVar(&o.quality.evalData, "eval-data", "", "labeled images `D` by which the runs are judged with kNN and a linear probe, which are fitted on the labels of --data or, without those, on two thirds of D; "+
		"default: a third of --data if it has labels, else RankMe, which needs none")
	fs.IntVar(&a.seeds, "seeds", 1, "runs of each cell, which differ in the seed; more can be added later")
	end()
	return a
}

// check returns an error for flags that cannot work, before anything is opened.
func (a *ablation) check(args []string) error {
	if err := noArgs(args); err != nil {
		return err
	}
	file := strings.HasSuffix(a.by, ".toml")
	switch {
	case a.config.Data == "" || a.out == "" && !a.dryRun:
		return usagef("ablate: --data and --out are required: name the images and the folder for results")
	case !file && sweeps[a.by] == nil && a.by != byAugmentations:
		return unknown("--by", a.by, []string{byAugmentations, "temperature", "batch", byCrop, "or give a FILE.toml"})
	case a.seeds < 1 || a.seeds > 1000:
		return usagef("--seeds %d: want 1 to 1000", a.seeds)
	case a.mostImages < 0:
		return usagef("--images %d: want at least 1, or 0 for all", a.mostImages)
	}
	for _, name := range []string{"ops", "first-view"} {
		if a.fs.Changed(name) && a.by != byAugmentations {
			return usagef("--%s: it belongs to --by %s: omit it", name, byAugmentations)
		}
	}
	if file {
		_, err := readAxes(a.by, a.fs)
		return err
	}
	return nil
}

// ablationJSON is the file of an ablation in its folder.
const ablationJSON = "ablation.json"

// ablationFile is the content of ablationJSON.
type ablationFile struct {
	Given  map[string]string `json:"given"`  // flags of the command that decide the results
	Chosen map[string]string `json:"chosen"` // what the plan added to them, as flags
	Images string            `json:"images"` // fingerprint of the images
	Device string            `json:"device"`

	Command string `json:"command"` // the last one
	Data    string `json:"data"`    // in words, as are the plan of a run and the judge
	Plan    string `json:"plan"`
	Judge   string `json:"judge"`
	ablate.Study
	Tables  map[string]ablate.Table `json:"tables"` // by score
	Reading string                  `json:"reading"`
}

// notCompared lists the flags that may differ when an ablation is continued: they do not decide the results, or add to them.
var notCompared = []string{"out", "dry-run", "device", "tune", "seeds", "time", "data", "keep-runs"}

// given returns the flags that decide the results, with the content of files in place of their names.
func (a *ablation) given() (map[string]string, error) {
	values := map[string]string{}
	var err error
	a.fs.Visit(func(f *pflag.Flag) {
		value := f.Value.String()
		if strings.HasSuffix(value, ".toml") {
			text, failed := net.ReadFile(value, maxViews)
			if failed != nil {
				err = cmp.Or(err, error(usagef("--%s: %v", f.Name, failed)))
			}
			value = string(text)
		}
		values[f.Name] = value
	})
	for _, name := range notCompared {
		delete(values, name)
	}
	return values, err
}

// open reads the ablation that the folder holds, if it holds one, and locks the folder until release. Another ablation or a run is an error.
func (a *ablation) open() (release func(), err error) {
	given, err := a.given()
	if err != nil {
		return nil, err
	}
	a.file = &ablationFile{Given: given}
	if a.out == "" {
		return func() {}, nil
	}
	old, err := readAblation(a.out)
	if err == nil {
		if err := sameFlags(a.out, old.Given, given); err != nil {
			return nil, err
		}
		a.file = old
	} else if errors.Is(err, os.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(a.out, run.ConfigFile)); err == nil {
			return nil, fmt.Errorf("--out %s: the folder holds a run: choose another folder", a.out)
		}
		err = run.CheckFolder(a.out, false)
	}
	if err != nil || a.dryRun {
		return func() {}, err
	}
	return lockFolder(a.out)
}

// sameFlags returns an error that names the first flag that differs from those of the ablation in a folder.
func sameFlags(dir string, old, now map[string]string) error {
	for _, name := range sortedKeys(old, now) {
		if old[name] == now[name] {
			continue
		}
		was := "without it"
		if v, ok := old[name]; ok {
			was = "with " + brief(v)
		}
		is := "it is left out now"
		if v, ok := now[name]; ok {
			is = "now it is " + brief(v)
		}
		return fmt.Errorf("--%s: the ablation in %s was started %s, and %s: use the same flags, or choose another folder", name, dir, was, is)
	}
	return nil
}

// brief returns a value for a message: the content of a file is not printed.
func brief(value string) string {
	if strings.Contains(value, "\n") || len(value) > 60 {
		return "another file"
	}
	return quoted(value)
}

// readAblation reads the results in a folder. The error wraps os.ErrNotExist if it holds none.
func readAblation(dir string) (*ablationFile, error) {
	f := &ablationFile{}
	err := bench.ReadJSON(filepath.Join(dir, ablationJSON), f)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: start again in another folder", err)
	}
	return f, err
}

// images returns the images that the runs are trained on.
func (a *ablation) images() *data.Set { return a.base.set }
