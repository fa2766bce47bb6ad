package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/ssl/run"
)

// settings collects the settings of a run that come from a recipe, from the run that is resumed, or are chosen automatically. Flags override them.
type settings struct {
	fs      *pflag.FlagSet
	origin  map[string]string // who chose each setting, for config.toml
	options map[string]any    // hyper-parameters of the method
	recipe  *run.Recipe       // nil: no recipe, no resumed run
	resumed bool              // a run is resumed
	saved   run.Config        // of the run that is resumed
}

func newSettings(fs *pflag.FlagSet) *settings { return &settings{fs: fs, origin: map[string]string{}} }

// given reports whether a flag sets a setting.
func (p *settings) given(key string) bool {
	return p.fs.Changed(strings.ReplaceAll(key, "_", "-")) || key == "warmup" && p.fs.Changed("warmup-epochs")
}

// checkRate returns an error for a learning rate that would be ignored.
func (p *settings) checkRate(lr float64) error {
	switch {
	case p.given("lr") && p.given("base_lr"):
		return usagef("--lr and --base-lr: give one of them: the learning rate itself, or that for a batch of 256")
	case p.given("lr") && lr == 0:
		return usagef("--lr 0: want it above 0")
	}
	return nil
}

// applyRecipe sets c from a recipe, which is an embedded one or a file.
func (p *settings) applyRecipe(name string, c *run.Config) error {
	if known := run.Recipes(); !strings.HasSuffix(name, ".toml") && !slices.Contains(known, name) {
		return unknown("--recipe", name, append(known, "or give a FILE.toml"))
	}
	r, err := run.OpenRecipe(name)
	if err != nil {
		return usageError{err}
	}
	method := c.Method
	p.recipe = r
	p.take(r, "recipe", c)
	if p.given("method") {
		return p.checkMethod(name, method)
	}
	return nil
}

// checkMethod returns an error if the recipe is for another method, whose options differ.
func (p *settings) checkMethod(name, method string) error {
	own := run.DefaultConfig()
	p.recipe.Apply(&own, func(string) bool { return false })
	if own.Method != method {
		return usagef("--recipe %s is for %s and --method is %s: omit one of them", name, own.Method, method)
	}
	return nil
}

// take sets c from a recipe, or from automatic settings.
func (p *settings) take(r *run.Recipe, origin string, c *run.Config) {
	for _, key := range r.Apply(c, p.given) {
		p.origin[strings.ReplaceAll(key, "-", "_")] = origin
	}
	if len(r.Options) > 0 {
		p.options = r.Options
	}
}

// option returns a hyper-parameter of the recipe or the automatic settings; nil: they do not set it.
func (p *settings) option(name string) any { return p.options[name] }

// views returns views in TOML: those of the file, else those of the recipe.
func (p *settings) views(file string) (string, error) {
	if file == "" && p.recipe != nil {
		return p.recipe.Views, nil
	}
	return readViews(file)
}

// origins returns who chose each setting, by its name in config.toml.
func (p *settings) origins() map[string]string {
	p.fs.Visit(func(f *pflag.Flag) { p.origin[strings.ReplaceAll(f.Name, "-", "_")] = "flag" })
	if p.given("warmup") {
		p.origin["warmup"] = "flag"
	}
	return p.origin
}

// listRecipes prints every embedded recipe: its purpose, source and targets.
func listRecipes() error {
	for _, name := range run.Recipes() {
		r, err := run.OpenRecipe(name)
		if err != nil {
			return err
		}
		fmt.Printf("%s\n    %s\n    source: %s\n", name, r.About, r.Source)
		for _, t := range r.Targets {
			fmt.Printf("    target: %s\n", t)
			if args := targetArgs(t); args != nil {
				fmt.Printf("      measure with: marr eval %s\n", strings.Join(args, " "))
			}
		}
	}
	return nil
}
