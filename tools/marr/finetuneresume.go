package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/run"
)

// keptFinetuneFlags are the flags of finetune that are no settings of a run. config.toml keeps those that were given, for --resume.
var keptFinetuneFlags = []string{"baseline", "branch", "device", "init", "labels-per-class", "run", "seeds", "test"}

// continueFinetuning sets c, the options, and the keptFinetuneFlags that were not given, from the run in a folder. Without a run there it changes nothing.
// Run.Pretrain refuses flags that differ from the run's settings.
func (p *settings) continueFinetuning(dir string, c *run.Config) error {
	saved, err := run.ReadSaved(filepath.Join(dir, run.ConfigFile))
	if errors.Is(err, os.ErrNotExist) {
		if !p.given("train") {
			return usagef("--resume: %s holds no run: give the folder of a run, or start one with --train", dir)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if saved.Method != ssl.FinetuneName {
		return fmt.Errorf("run %s: cannot resume: it is a run of marr pretrain: use marr pretrain --resume --out, or choose another folder", dir)
	}
	if err := p.checkImages(dir, saved.Flags); err != nil {
		return err
	}
	flags := saved.Flags
	if p.given("run") || p.given("init") {
		delete(flags, "run")
		delete(flags, "init")
	}
	if err := p.setKept(dir, flags); err != nil {
		return err
	}
	train := c.Data
	saved.Apply(c, p.given)
	if p.given("train") {
		c.Data = train
	}
	p.options, p.origin, p.resumed = saved.Options, saved.Origin(), true
	for _, key := range []string{"weights", "mean", "std"} {
		delete(p.origin, key) // of the table init, which differs for the baseline
	}
	return nil
}

// checkImages returns an error for a flag that makes a resumed run train on other images.
func (p *settings) checkImages(dir string, flags map[string]string) error {
	if len(flags) == 0 {
		return nil // the version that wrote them kept no flags
	}
	value := func(name string) string { return p.fs.Lookup(name).Value.String() }
	if was, ok := flags["labels-per-class"]; p.given("labels-per-class") {
		if !ok {
			was = p.fs.Lookup("labels-per-class").DefValue
		}
		if was != value("labels-per-class") {
			return fmt.Errorf("run %s: cannot resume: --labels-per-class %s: it was started with %s: leave --labels-per-class out, or choose another folder",
				dir, value("labels-per-class"), was)
		}
	}
	if p.given("test") && flags["test"] == "" {
		return fmt.Errorf("run %s: cannot resume: --test %s: it was started without --test, and some of its images were held out: leave --test out, or choose another folder",
			dir, value("test"))
	}
	return nil
}
