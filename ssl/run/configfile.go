package run

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/tomlfile"
)

// setting is one line of config.toml. Values are compared as they are written.
type setting struct{ key, value string }

// name returns the key without its table.
func (s setting) name() string { return s.key[strings.LastIndexByte(s.key, '.')+1:] }

// origin returns who chose a setting.
func (s setting) origin(by map[string]string) string {
	table, _, _ := strings.Cut(s.key, ".")
	return cmp.Or(by[strings.ReplaceAll(s.name(), "-", "_")], by[table], "default")
}

// settings lists a configuration in order of declaration, with the entries of its tables as options.name.
func (c Config) settings() (out []setting) {
	for _, f := range fields(&c) {
		switch v := f.value.Interface().(type) {
		case *Init:
			if v != nil {
				out = append(out, setting{f.key + ".weights", tomlfile.Value(v.Weights)}, setting{f.key + ".mean", tomlfile.Value(v.Mean)},
					setting{f.key + ".std", tomlfile.Value(v.Std)})
			}
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				out = append(out, setting{f.key + "." + tomlfile.Key(k), tomlfile.Value(asInteger(v[k]))})
			}
		case string:
			value := tomlfile.Value(v)
			switch {
			case f.key == "teacher" && v == "": // most runs have none
				continue
			case f.key == "views":
				value = tomlfile.Text(v)
			}
			out = append(out, setting{f.key, value})
		default:
			out = append(out, setting{f.key, tomlfile.Value(v)})
		}
	}
	return out
}

// asInteger returns a float64 without a fraction as an int64: JSON has no integers, and a value from a checkpoint must be written as it was.
func asInteger(v any) any {
	if x, ok := v.(float64); ok && x == math.Trunc(x) && math.Abs(x) < 1<<53 {
		return int64(x)
	}
	return v
}

// field is a settable field of a configuration.
type field struct {
	key    string
	bounds string // of the tag `want`
	value  reflect.Value
}

// fields lists the settings of a configuration in order of declaration.
func fields(c *Config) (out []field) {
	v := reflect.ValueOf(c).Elem()
	for _, f := range reflect.VisibleFields(v.Type()) {
		if key := f.Tag.Get("toml"); key != "" {
			out = append(out, field{key, f.Tag.Get("want"), v.FieldByIndex(f.Index)})
		}
	}
	return out
}

// write writes config.toml: every setting with who chose it, and the flags of Run.Flags.
func (c Config) write(path string, origin, flags map[string]string) error {
	var b strings.Builder
	b.WriteString("# The settings of this run. Comments name who chose them.\n")
	for _, s := range c.settings() {
		fmt.Fprintf(&b, "%s = %s # %s\n", s.key, s.value, s.origin(origin))
	}
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		fmt.Fprintf(&b, "%s.%s = %s # flag\n", flagsTable, tomlfile.Key(name), tomlfile.Value(flags[name]))
	}
	return net.WriteFileAtomic(path, func(w io.Writer) error {
		_, err := io.WriteString(w, b.String())
		return err
	})
}

// renamed maps the settings of earlier versions of config.toml and recipes to their present names.
var renamed = map[string]string{"bn": "norm", "head_bn": "head_norm", "stem": "backbone.stem", "width": "backbone.width"}

// readSmall reads a file of settings, of at most 4 MiB.
func readSmall(path string) ([]byte, error) { return net.ReadFile(path, 4<<20) }

// flagsTable is the table of config.toml with Run.Flags.
const flagsTable = "flags"

// ReadConfig reads the settings in the config.toml of a run folder.
func ReadConfig(path string) (Config, error) {
	s, err := ReadSaved(path)
	return s.Config, err
}

// Saved is the content of a config.toml.
type Saved struct {
	Config
	Flags map[string]string `toml:"flags"` // Run.Flags

	text string
}

// ReadSaved reads the config.toml of a run folder. The error wraps os.ErrNotExist if there is none.
func ReadSaved(path string) (Saved, error) {
	var s Saved
	text, err := readSmall(path)
	if err != nil {
		dir := filepath.Dir(path)
		if info, err := os.Stat(dir); err == nil && !info.IsDir() {
			return s, fmt.Errorf("run: %s: it is a file: give the folder of a run", dir)
		}
		return s, fmt.Errorf("run: %w", err)
	}
	s.text = string(text)
	if f, err := tomlfile.Parse(s.text); err == nil && f.Keys["bn"] != nil {
		return s, fmt.Errorf("run: %s was written by an older version, whose runs cannot be read: start a new run, or use that version of marr", path)
	}
	if err := tomlfile.Decode(s.text, &s); err != nil {
		return s, fmt.Errorf("run: %s: %w", path, err)
	}
	return s, nil
}

// Origin returns who chose each setting, as Run.Origin has it: the comments of the file.
func (s Saved) Origin() map[string]string {
	by := map[string]string{}
	for _, x := range s.settings() {
		_, after, found := strings.Cut("\n"+s.text, fmt.Sprintf("\n%s = %s # ", x.key, x.value))
		if who, _, _ := strings.Cut(after, "\n"); found && who != "default" {
			by[strings.ReplaceAll(x.name(), "-", "_")] = who
		}
	}
	return by
}

// Apply sets the settings of c that the user did not give, by key.
func (s Saved) Apply(c *Config, given func(key string) bool) {
	to := fields(c)
	for i, f := range fields(&s.Config) {
		if !given(f.key) {
			to[i].value.Set(f.value)
		}
	}
}

// Recipe returns the settings as a recipe.
func (s Saved) Recipe() (*Recipe, error) { return parseRecipe(s.text) }

// Setting is a line of config.toml: the value as it is written, and who chose it.
type Setting struct{ Key, Value, Origin string }

// Settings lists the settings of a run in the order of config.toml.
func (s Saved) Settings() (out []Setting) {
	by := s.Origin()
	for _, x := range s.settings() {
		out = append(out, Setting{x.key, x.value, x.origin(by)})
	}
	return out
}
