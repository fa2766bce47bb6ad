package run

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/net/registry"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/ranks"
	"github.com/marr-ssl/marr/ssl/tomlfile"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/ssl/views"
)

// recipeFile is a TOML file and the recipe that is read from it.
type recipeFile struct {
	*tomlfile.File
	out      *Recipe
	isConfig bool // the config.toml of a run
}

// simplify removes from the config.toml of a run what belongs to that run alone. Of lr and base_lr it keeps the one that the other follows from.
func (f *recipeFile) simplify() {
	f.out.About, f.out.Source = "the settings of a run", ConfigFile
	for _, key := range append([]string{"data", flagsTable}, fileKeys...) {
		delete(f.Keys, key)
	}
	if base, ok := tomlNumber(f.Keys["base_lr"]); ok && base == 0 {
		delete(f.Keys, "base_lr")
	} else if ok {
		delete(f.Keys, "lr")
	}
}

// tomlNumber returns a number of a TOML file.
func tomlNumber(v any) (x float64, ok bool) {
	switch n := v.(type) {
	case int64:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

// parseRecipe reads a recipe and checks all its keys.
func parseRecipe(text string) (*Recipe, error) {
	file, err := tomlfile.Parse(text)
	if err != nil {
		return nil, err
	}
	f := &recipeFile{File: file, out: &Recipe{settings: map[string]any{}}}
	f.isConfig = f.Keys["data"] != nil && f.Keys["about"] == nil && f.Keys["source"] == nil
	if f.isConfig {
		f.simplify()
	}
	for _, key := range f.Names() {
		if err := f.read(key, f.Keys[key]); err != nil {
			return nil, err
		}
	}
	for _, key := range []string{"about", "source", "method"} {
		if f.Keys[key] == nil && !(f.isConfig && key != "method") {
			return nil, fmt.Errorf("%s is missing: every recipe has about, source and method", key)
		}
	}
	if f.Keys["lr"] != nil && f.Keys["base_lr"] != nil {
		return nil, f.fail("lr", "lr and base_lr: want one of them: the learning rate itself, or that for a batch of %d", train.ReferenceBatch)
	}
	return f.out, cmp.Or(f.targets(), f.tables(), f.views())
}

// fail returns an error about a key; table.name is a key of a table, target.0.name one of the first target.
func (f *recipeFile) fail(key, format string, args ...any) error {
	return fmt.Errorf("line %d: %s", f.Line(strings.Split(key, ".")...), fmt.Sprintf(format, args...))
}

// read reads one key of the document's root.
func (f *recipeFile) read(key string, v any) error {
	texts := map[string]*string{"about": &f.out.About, "source": &f.out.Source, "views": &f.out.Views}
	to := texts[key]
	text, isText := v.(string)
	switch {
	case to != nil && (!isText || strings.TrimSpace(text) == ""):
		return f.fail(key, "%s: want a string in quotes", key)
	case to != nil:
		*to = text
		return nil
	case key == "target": // targets reads it
		return nil
	case key == "options" || key == "backbone":
		if _, ok := v.(map[string]any); !ok {
			return f.fail(key, "%s: want a table [%s]", key, key)
		}
		return nil
	case renamed[key] != "":
		return f.fail(key, "%s is now %s: rename the key", key, renamed[key])
	}
	field, ok := fieldOf(&Config{}, key)
	if !ok || slices.Contains(fileKeys, key) {
		return f.fail(key, "%s is not known: want %s", key, strings.Join(recipeKeys(), ", "))
	}
	if err := f.check(key, v, field.value.Kind(), field.bounds); err != nil {
		return err
	}
	f.out.settings[key] = v
	return nil
}

// fileKeys are the settings of a configuration that no recipe has, because they are about a file or about the devices of a run.
var fileKeys = []string{"init", "synced_ranks", "teacher"}

// recipeKeys returns the keys of a recipe's root.
func recipeKeys() []string {
	keys := []string{"about", "source", "target"}
	for _, f := range fields(&Config{}) {
		if !slices.Contains(fileKeys, f.key) {
			keys = append(keys, f.key)
		}
	}
	return keys
}

// check compares the value of a setting with its type, its bounds and the names that it allows.
func (f *recipeFile) check(path string, v any, kind reflect.Kind, bounds string) error {
	key := path[strings.LastIndexByte(path, '.')+1:]
	known := map[string][]string{"protocol": Protocols, "method": ssl.Methods(), "arch": net.Architectures(), "optimizer": net.Optimizers(), "precision": train.Precisions, "wire": ranks.Wires, "schedule": net.Schedules,
		"norm": net.Norms, "head_norm": net.Norms}[key]
	number, isNumber := tomlNumber(v)
	if _, fraction := v.(float64); fraction && kind != reflect.Float64 {
		isNumber = false
	}
	text, isText := v.(string)
	_, isBool := v.(bool)
	switch {
	case kind == reflect.String && !isText, kind == reflect.String && known != nil && !slices.Contains(known, text):
		return f.fail(path, "%s = %#v: want %s", key, v, cmp.Or(strings.Join(known, ", "), "a string in quotes"))
	case kind == reflect.Bool && !isBool:
		return f.fail(path, "%s = %#v: want true or false", key, v)
	case kind == reflect.String || kind == reflect.Bool:
	case !isNumber || !registry.Within(number, bounds):
		what := map[bool]string{true: "a number", false: "a whole number"}[kind == reflect.Float64]
		return f.fail(path, "%s = %#v: want %s", key, v, strings.TrimSuffix(what+" "+bounds, " "))
	}
	return nil
}

// tables reads the options of the method and the settings of the architecture.
func (f *recipeFile) tables() error {
	m, err := ssl.New(f.Keys["method"].(string))
	if err != nil {
		return err
	}
	name, ok := f.Keys["arch"].(string)
	if !ok {
		name = DefaultConfig().Arch
	}
	arch, err := net.NewArchitecture(name)
	if err != nil {
		return err
	}
	f.out.Options, _ = f.Keys["options"].(map[string]any)
	f.out.Backbone, _ = f.Keys["backbone"].(map[string]any)
	return cmp.Or(f.table("options", f.out.Options, f.Keys["method"].(string), m), f.table("backbone", f.out.Backbone, name, arch))
}

// table checks that the keys of a table are settings of an owner.
func (f *recipeFile) table(table string, values map[string]any, name string, owner any) error {
	all := registry.Options(owner)
	var own []string
	for _, o := range all {
		own = append(own, o.Name)
	}
	for _, key := range f.Names(table) {
		i := slices.Index(own, key)
		if i < 0 {
			return f.fail(table+"."+key, "%s is not a setting of %s: known are %s", key, name, strings.Join(own, ", "))
		}
		if err := all[i].Accept(values[key]); err != nil {
			return f.fail(table+"."+key, "%v", err)
		}
	}
	return nil
}

// views checks the recipe's views. It puts empty lines before their text, so that line numbers in messages are those of the file.
func (f *recipeFile) views() error {
	if f.out.Views == "" {
		return nil
	}
	m, err := ssl.New(f.Keys["method"].(string))
	if err != nil {
		return err
	}
	in := views.Input{Size: 32, Channels: 3, Frames: train.ClipFrames}
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
