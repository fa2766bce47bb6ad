package main

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"marr/ssl"
	"marr/ssl/data"
)

// plan is what a run starts from beside its flags, which win.
type plan struct {
	fs     *pflag.FlagSet
	recipe *ssl.Recipe // nil: none
	who    string      // chose it, as config.toml says
	keys   []string    // that it set
}

// given reports whether a flag says a setting.
func (p *plan) given(key string) bool { return p.fs.Changed(strings.ReplaceAll(key, "_", "-")) }

// rate refuses what would pass over a flag in silence.
func (p *plan) rate(lr float64) error {
	switch {
	case p.given("lr") && p.given("base_lr"):
		return usagef("--lr and --base-lr: give one, the rate itself or that of a batch of 256")
	case p.given("lr") && lr == 0:
		return usagef("--lr 0: want it above 0")
	}
	return nil
}

// named starts from a recipe: one of the embedded ones or a file.
func (p *plan) named(name string, c *ssl.Config) error {
	r, err := ssl.OpenRecipe(name)
	if err != nil {
		return usageError{err}
	}
	method := c.Method
	p.take(r, "recipe", c)
	if p.given("method") {
		return p.same(name, method)
	}
	return nil
}

// same refuses a recipe of another method: its options would not fit.
func (p *plan) same(name, method string) error {
	own := ssl.DefaultConfig()
	p.recipe.Apply(&own, func(string) bool { return false })
	if own.Method != method {
		return usagef("--recipe %s is for %s and --method says %s: leave one out", name, own.Method, method)
	}
	return nil
}

// choose starts from what suits the images where neither a recipe nor a method is given, and says so.
func (p *plan) choose(c *ssl.Config, set *data.Set) {
	px := *c
	size(&px, set)
	r := ssl.Choose(px, set.Len(), p.given)
	p.take(r, "automatic", c)
	fmt.Printf("no --method and no --recipe: %s\n", r.About)
}

func (p *plan) take(r *ssl.Recipe, who string, c *ssl.Config) {
	p.recipe, p.who, p.keys = r, who, r.Apply(c, p.given)
}

// option is a hyper-parameter of the method as the recipe has it; nil: it says nothing.
func (p *plan) option(name string) any {
	if p.recipe == nil {
		return nil
	}
	return p.recipe.Options[name]
}

// views is the recipe in TOML: the file's, else the one of the plan.
func (p *plan) views(file string) (string, error) {
	if file == "" && p.recipe != nil {
		return p.recipe.Views, nil
	}
	return readViews(file)
}

// origins says who chose which settings, by their name in config.toml.
func (p *plan) origins() map[string]string {
	from := map[string]string{}
	for _, key := range p.keys {
		from[strings.ReplaceAll(key, "-", "_")] = p.who
	}
	p.fs.Visit(func(f *pflag.Flag) { from[strings.ReplaceAll(f.Name, "-", "_")] = "flag" })
	return from
}

// listRecipes prints every embedded recipe: what it is for, whose it is, what it is to reach.
func listRecipes() error {
	for _, name := range ssl.Recipes() {
		r, err := ssl.OpenRecipe(name)
		if err != nil {
			return err
		}
		fmt.Printf("%s\n    %s\n    source: %s\n", name, r.About, r.Source)
		if r.Target != "" {
			fmt.Printf("    target: %s\n", r.Target)
		}
	}
	return nil
}
