package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"marr/ssl/data"
	"marr/ssl/run"
)

// plan holds the settings of a run that come from a recipe or from the automatic choice. Flags override them.
type plan struct {
	fs     *pflag.FlagSet
	recipe *run.Recipe       // nil: none
	origin string            // of the recipe's settings, for config.toml
	keys   []string          // settings of the recipe that are used
	saved  map[string]string // who chose the settings of the run that is resumed; nil: none is, or from a recipe
}

// given reports whether a flag sets a setting.
func (p *plan) given(key string) bool {
	return p.fs.Changed(strings.ReplaceAll(key, "_", "-")) || key == "warmup" && p.fs.Changed("warmup-epochs")
}

// checkRate returns an error for a learning rate that would be ignored.
func (p *plan) checkRate(lr float64) error {
	switch {
	case p.given("lr") && p.given("base_lr"):
		return usagef("--lr and --base-lr: give one of them: the learning rate itself, or that for a batch of 256")
	case p.given("lr") && lr == 0:
		return usagef("--lr 0: want it above 0")
	}
	return nil
}

// applyRecipe sets c from a recipe, which is an embedded one or a file.
func (p *plan) applyRecipe(name string, c *run.Config) error {
	if known := run.Recipes(); !strings.HasSuffix(name, ".toml") && !slices.Contains(known, name) {
		return unknown("--recipe", name, append(known, "or give a FILE.toml"))
	}
	r, err := run.OpenRecipe(name)
	if err != nil {
		return usageError{err}
	}
	method := c.Method
	p.take(r, "recipe", c)
	if p.given("method") {
		return p.checkMethod(name, method)
	}
	return nil
}

// checkMethod returns an error if the recipe is for another method, whose options differ.
func (p *plan) checkMethod(name, method string) error {
	own := run.DefaultConfig()
	p.recipe.Apply(&own, func(string) bool { return false })
	if own.Method != method {
		return usagef("--recipe %s is for %s and --method is %s: omit one of them", name, own.Method, method)
	}
	return nil
}

// choose sets and prints a method for the images, for a run without recipe and method.
func (p *plan) choose(c *run.Config, set *data.Set) {
	sized := *c
	setSize(&sized, set)
	r := run.Choose(sized, set.Len(), p.given)
	p.take(r, "automatic", c)
	fmt.Printf("chosen automatically, without --method or --recipe: %s\n", r.About)
}

// take sets c from a recipe.
func (p *plan) take(r *run.Recipe, origin string, c *run.Config) {
	p.recipe, p.origin, p.keys = r, origin, r.Apply(c, p.given)
}

// option returns a hyper-parameter of the recipe; nil: the recipe does not set it.
func (p *plan) option(name string) any {
	if p.recipe == nil {
		return nil
	}
	return p.recipe.Options[name]
}

// views returns views in TOML: those of the file, else those of the recipe.
func (p *plan) views(file string) (string, error) {
	if file == "" && p.recipe != nil {
		return p.recipe.Views, nil
	}
	return readViews(file)
}

// origins returns who chose each setting, by its name in config.toml.
func (p *plan) origins() map[string]string {
	from := maps.Clone(p.saved)
	if from == nil {
		from = map[string]string{}
		for _, key := range p.keys {
			from[strings.ReplaceAll(key, "-", "_")] = p.origin
		}
	}
	p.fs.Visit(func(f *pflag.Flag) { from[strings.ReplaceAll(f.Name, "-", "_")] = "flag" })
	if p.given("warmup") {
		from["warmup"] = "flag"
	}
	return from
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
