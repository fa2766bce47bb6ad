package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/run"
)

// keptFlags are the flags of pretrain that are no settings of its result. config.toml keeps those that were given, for --resume.
var keptFlags = []string{"device", "eval-data", "eval-every", "eval-share", "keep-every", "on-collapse", "save-every", "teacher", "tensorboard"}

// saveOptions are the flags of pretrain for the files of the run.
type saveOptions struct {
	saveEvery, keepEvery int
	tensorBoard          bool
}

func saveFlags(fs *pflag.FlagSet) *saveOptions {
	o := &saveOptions{}
	fs.IntVar(&o.saveEvery, "save-every", 0, "steps between checkpoints within an epoch, for epochs that take hours; 0: a checkpoint after each epoch, or of short ones after about every 20 steps")
	fs.IntVar(&o.keepEvery, "keep-every", 0, "epochs between checkpoints that are kept as checkpoint-epochNNNN.ckpt, which --run of other commands accepts; 0: none are kept")
	fs.BoolVar(&o.tensorBoard, "tensorboard", false, "also write the metrics and a sheet of the views as an event file, for tensorboard --logdir DIR")
	return o
}

func (o *saveOptions) check() error {
	if o.saveEvery < 0 || o.keepEvery < 0 {
		return usagef("--save-every %d, --keep-every %d: want at least 0", o.saveEvery, o.keepEvery)
	}
	return nil
}

// kept returns those of the named flags that were given, by name.
func (p *settings) kept(names []string) map[string]string {
	values := map[string]string{}
	for _, name := range names {
		if p.fs.Changed(name) {
			values[name] = p.fs.Lookup(name).Value.String()
		}
	}
	return values
}

// setKept sets the flags in the config.toml of a folder that were not given.
func (p *settings) setKept(dir string, flags map[string]string) error {
	for name, value := range flags {
		if p.fs.Lookup(name) == nil {
			return fmt.Errorf("%s: it has the unknown flag %s: remove the line", filepath.Join(dir, run.ConfigFile), name)
		}
		if !p.fs.Changed(name) {
			if err := p.fs.Set(name, value); err != nil {
				return fmt.Errorf("%s: %w", filepath.Join(dir, run.ConfigFile), err)
			}
		}
	}
	return nil
}

// moved adds to an error about the images of a resumed run which flag names another path of them.
func (p *settings) moved(ctx context.Context, err error, flag string) error {
	if p.resumed && ctx.Err() == nil {
		return fmt.Errorf("%w; if the images of the run were moved, give their new path with --%s", err, flag)
	}
	return err
}

// continueRun sets c, and the keptFlags that were not given, from the run in a folder. Without a run there it changes nothing. Run.Pretrain refuses flags
// that differ from the run's settings.
func (p *settings) continueRun(dir string, c *run.Config) error {
	saved, err := run.ReadSaved(filepath.Join(dir, run.ConfigFile))
	if errors.Is(err, os.ErrNotExist) {
		if !p.given("data") {
			return usagef("--resume: %s holds no run: give the folder of a run, or start one with --data", dir)
		}
		return nil
	}
	if err == nil {
		err = checkConfig(dir, saved.Config)
	}
	if err != nil {
		return err
	}
	if saved.Method == ssl.FinetuneName {
		return fmt.Errorf("run %s: cannot resume: it is a run of marr finetune: use marr finetune --resume --out, or choose another folder", dir)
	}
	if err := p.setKept(dir, saved.Flags); err != nil {
		return err
	}
	if !p.given("data") {
		c.Data = saved.Data
	}
	p.resumed, p.saved = true, saved.Config
	if p.given("recipe") {
		return nil // its settings must be those of the run
	}
	recipe, err := saved.Recipe()
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(dir, run.ConfigFile), err)
	}
	p.recipe = recipe
	p.take(recipe, "", c)
	if c.Method != saved.Method {
		return fmt.Errorf("run %s: cannot resume: --method %s: it was started with %s: leave --method out, or choose another folder", dir, c.Method, saved.Method)
	}
	p.origin = saved.Origin()
	return nil
}
