package ssl

import (
	"embed"
	"fmt"
	"os"
	"reflect"
	"strings"
)

// Recipe is a run's settings as data, with where they come from. A file in TOML has them:
//
//	about = "…"             # what it is for, and where it departs from its source
//	source = "…"            # paper or repository
//	target = "…"            # the number that it is to reach: on what, by which protocol, whose; left out where none is published
//	method = "byol"         # and any other key of Config that is to differ from DefaultConfig
//	views = '''…'''         # laid over the method's own (views.Decode)
//	[options]               # of the method
type Recipe struct {
	Name, About, Source, Target string
	Views                       string         // in TOML; "": the method's own
	Options                     map[string]any // of the method, by name: int64, float64 or bool

	settings map[string]any // by key of Config: string, int64 or float64
}

//go:embed recipes/*.toml
var recipes embed.FS

// Recipes returns the names of the embedded recipes, sorted.
func Recipes() (names []string) {
	files, err := recipes.ReadDir("recipes")
	if err != nil {
		panic(err) // it was embedded
	}
	for _, f := range files {
		names = append(names, strings.TrimSuffix(f.Name(), ".toml"))
	}
	return names
}

// OpenRecipe reads an embedded recipe by name, or one from a file whose name ends in .toml. A key that is not known, a value of another type or out
// of bounds is an error that says file, line, key and what is allowed.
func OpenRecipe(name string) (*Recipe, error) {
	read, file := os.ReadFile, name
	if !strings.HasSuffix(name, ".toml") {
		read, file = recipes.ReadFile, "recipes/"+name+".toml"
	}
	text, err := read(file)
	switch {
	case err != nil && file != name:
		return nil, fmt.Errorf("ssl: no recipe %q: known are %s, or give a FILE.toml", name, strings.Join(Recipes(), ", "))
	case err != nil:
		return nil, fmt.Errorf("ssl: recipe: %w", err)
	}
	r, err := parseRecipe(string(text))
	if err != nil {
		return nil, fmt.Errorf("ssl: recipe %s: %w", name, err)
	}
	r.Name = name
	return r, nil
}

// Apply makes the recipe's settings those of c, except for what is given otherwise, by key. It returns the keys, of the method's options too.
func (r *Recipe) Apply(c *Config, given func(key string) bool) (keys []string) {
	rate := given("lr") || given("base_lr")
	for key, v := range r.settings {
		if given(key) || rate && (key == "lr" || key == "base_lr") {
			continue
		}
		if key == "lr" || key == "base_lr" {
			c.LR, c.BaseLR = 0, 0 // one follows from the other
		}
		f, _ := settingOf(c, key)
		f.Set(reflect.ValueOf(v).Convert(f.Type()))
		keys = append(keys, key)
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

// settingOf is the field of a configuration by its key, and the bounds of its values.
func settingOf(c *Config, key string) (field reflect.Value, bounds string) {
	v := reflect.ValueOf(c).Elem()
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.Tag.Get("toml") == key {
			return v.Field(i), f.Tag.Get("want")
		}
	}
	return reflect.Value{}, ""
}
