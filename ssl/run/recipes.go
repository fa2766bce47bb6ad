package run

import (
	"embed"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Recipe is a named set of settings for a run, with their source. It is a TOML file:
//
//	about = "…"             # its purpose, and how it differs from its source
//	source = "…"            # paper or repository
//	method = "byol"         # and any other key of Config that differs from DefaultConfig
//	backbone.stem = "cifar" # and other settings of the architecture
//	views = '''…'''         # changes to the method's own views (views.Decode)
//	[options]               # hyper-parameters of the method
//	[[target]]              # a published result to reach, by the keys of Target; optional
type Recipe struct {
	Name, About, Source string
	Targets             []Target
	Views               string         // TOML; "": the method's own
	Options             map[string]any // hyper-parameters of the method by name: int64, float64, bool or string
	Backbone            map[string]any // settings of the architecture by name

	settings map[string]any // by key of Config: string, int64 or float64
}

//go:embed recipes/*.toml
var recipes embed.FS

// Recipes returns the names of the embedded recipes, sorted.
func Recipes() (names []string) {
	files, err := recipes.ReadDir("recipes")
	if err != nil {
		panic(err) // the folder is embedded
	}
	for _, f := range files {
		names = append(names, strings.TrimSuffix(f.Name(), ".toml"))
	}
	return names
}

// OpenRecipe reads an embedded recipe by name, or a file whose name ends in .toml. An unknown key, a value of another type and one out
// of bounds are errors that name file, line, key and what is allowed.
func OpenRecipe(name string) (*Recipe, error) {
	read, file := readSmall, name
	if !strings.HasSuffix(name, ".toml") {
		read, file = recipes.ReadFile, "recipes/"+name+".toml"
	}
	text, err := read(file)
	switch {
	case err != nil && file != name:
		return nil, fmt.Errorf("run: no recipe %q: known are %s, or give a FILE.toml", name, strings.Join(Recipes(), ", "))
	case err != nil:
		return nil, fmt.Errorf("run: recipe: %w: give a FILE.toml that exists, or the name of a recipe (--recipe list)", err)
	}
	r, err := parseRecipe(string(text))
	if err != nil {
		return nil, fmt.Errorf("run: recipe %s: %w", name, err)
	}
	r.Name = name
	return r, nil
}

// Apply sets the recipe's settings in c, except for keys that the user gave. It returns the keys that it set, including those of
// options and of the backbone.
func (r *Recipe) Apply(c *Config, given func(key string) bool) (keys []string) {
	rate := given("lr") || given("base_lr")
	for key, v := range r.settings {
		if given(key) || rate && (key == "lr" || key == "base_lr") {
			continue
		}
		if key == "lr" || key == "base_lr" {
			c.LR, c.BaseLR = 0, 0 // one follows from the other
		}
		f, _ := fieldOf(c, key)
		f.value.Set(reflect.ValueOf(v).Convert(f.value.Type()))
		keys = append(keys, key)
	}
	for name, v := range r.Backbone {
		if !given(name) {
			if c.Backbone == nil {
				c.Backbone = map[string]any{}
			}
			c.Backbone[name], keys = v, append(keys, name)
		}
	}
	for name := range r.Options {
		if !given(name) {
			keys = append(keys, name)
		}
	}
	if r.Views != "" && !given("views") {
		keys = append(keys, "views")
	}
	return keys
}

// fieldOf returns the setting of a configuration with this key.
func fieldOf(c *Config, key string) (field, bool) {
	all := fields(c)
	i := slices.IndexFunc(all, func(f field) bool { return f.key == key })
	if i < 0 {
		return field{}, false
	}
	return all[i], true
}
