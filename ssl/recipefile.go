package ssl

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"marr/net"
	"marr/ssl/tomlfile"
	"marr/ssl/views"
)

// recipeFile is a recipe being read.
type recipeFile struct {
	*tomlfile.File
	out *Recipe
}

// parseRecipe reads a recipe and checks every key of it.
func parseRecipe(text string) (*Recipe, error) {
	file, err := tomlfile.Parse(text)
	if err != nil {
		return nil, err
	}
	f := &recipeFile{file, &Recipe{settings: map[string]any{}}}
	for _, key := range f.Names() {
		if err := f.read(key, f.Keys[key]); err != nil {
			return nil, err
		}
	}
	for _, key := range []string{"about", "source", "method"} {
		if f.Keys[key] == nil {
			return nil, fmt.Errorf("%s is missing: every recipe has about, source and method", key)
		}
	}
	if f.Keys["lr"] != nil && f.Keys["base_lr"] != nil {
		return nil, f.fail("lr", "lr and base_lr: want one, the rate itself or that of a batch of %d", referenceBatch)
	}
	return f.out, cmp.Or(f.options(), f.views())
}

// fail returns an error about a key, options.name for an option of the method.
func (f *recipeFile) fail(key, format string, args ...any) error {
	return fmt.Errorf("line %d: %s", f.Line(strings.SplitN(key, ".", 2)...), fmt.Sprintf(format, args...))
}

// read takes one key of the top.
func (f *recipeFile) read(key string, v any) error {
	words := map[string]*string{"about": &f.out.About, "source": &f.out.Source, "target": &f.out.Target, "views": &f.out.Views}
	to := words[key]
	text, isText := v.(string)
	switch {
	case to != nil && (!isText || strings.TrimSpace(text) == ""):
		return f.fail(key, "%s: want words in quotes", key)
	case to != nil:
		*to = text
		return nil
	case key == "options":
		if _, ok := v.(map[string]any); !ok {
			return f.fail(key, "options: want a table [options]")
		}
		return nil
	}
	field, bounds := settingOf(&Config{}, key)
	if !field.IsValid() {
		return f.fail(key, "%s is not known: want %s", key, strings.Join(recipeKeys(), ", "))
	}
	if err := f.check(key, v, field.Kind(), bounds); err != nil {
		return err
	}
	f.out.settings[key] = v
	return nil
}

// recipeKeys are those of the top of a recipe.
func recipeKeys() []string {
	keys := []string{"about", "source", "target"}
	for i := range reflect.TypeFor[Config]().NumField() {
		keys = append(keys, reflect.TypeFor[Config]().Field(i).Tag.Get("toml"))
	}
	return keys
}

// check compares a value with the kind of what it is for, its bounds and the names that there are.
func (f *recipeFile) check(key string, v any, kind reflect.Kind, bounds string) error {
	name := strings.TrimPrefix(key, "options.")
	known := map[string][]string{"method": Methods(), "arch": net.Archs, "stem": net.Stems, "optimizer": net.Optimizers(), "schedule": net.Rates,
		"bn": net.Norms, "head_bn": net.Norms}[key]
	number, isNumber := 0.0, true
	switch n := v.(type) {
	case int64:
		number = float64(n)
	case float64:
		number, isNumber = n, kind == reflect.Float64
	default:
		isNumber = false
	}
	text, isText := v.(string)
	_, isBool := v.(bool)
	switch {
	case kind == reflect.String && !isText, kind == reflect.String && known != nil && !slices.Contains(known, text):
		return f.fail(key, "%s = %#v: want %s", name, v, cmp.Or(strings.Join(known, ", "), "words in quotes"))
	case kind == reflect.Bool && !isBool:
		return f.fail(key, "%s = %#v: want true or false", name, v)
	case kind == reflect.String || kind == reflect.Bool:
	case !isNumber || !within(number, bounds):
		what := map[bool]string{true: "a number", false: "a whole number"}[kind == reflect.Float64]
		return f.fail(key, "%s = %#v: want %s", name, v, strings.TrimSuffix(what+" "+bounds, " "))
	}
	return nil
}

// options takes those of the method.
func (f *recipeFile) options() error {
	m, err := New(f.Keys["method"].(string))
	if err != nil {
		return err
	}
	f.out.Options, _ = f.Keys["options"].(map[string]any)
	for _, name := range f.Names("options") {
		all := Options(m)
		i := slices.IndexFunc(all, func(o Option) bool { return o.Name == name })
		if i < 0 {
			var own []string
			for _, o := range all {
				own = append(own, o.Name)
			}
			return f.fail("options."+name, "%s is no setting of %s: it has %s", name, f.Keys["method"], strings.Join(own, ", "))
		}
		if err := f.check("options."+name, f.out.Options[name], all[i].field.Kind(), all[i].bounds); err != nil {
			return err
		}
	}
	return nil
}

// views checks the recipe's views. It puts empty lines before their text, so that the lines in messages are those of the file.
func (f *recipeFile) views() error {
	if f.out.Views == "" {
		return nil
	}
	m, err := New(f.Keys["method"].(string))
	if err != nil {
		return err
	}
	in := views.Input{Size: 32, Channels: 3, Frames: ClipFrames}
	if px, ok := f.Keys["size"].(int64); ok {
		in.Size = int(px)
	}
	own, err := m.Views(in)
	if err != nil {
		return err
	}
	f.out.Views = strings.Repeat("\n", f.TextLine("views")-1) + f.out.Views
	_, err = views.Decode(f.out.Views, in, own)
	return err
}
