package run

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"

	"marr/net"
	"marr/ssl/tomlfile"
)

// setting is one line of config.toml. Values are compared as they are written.
type setting struct{ key, value string }

// name returns the key without its table.
func (s setting) name() string { return s.key[strings.LastIndexByte(s.key, '.')+1:] }

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
			if f.key == "views" {
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

// write writes config.toml: every setting with who chose it.
func (c Config) write(path string, origin map[string]string) error {
	var b strings.Builder
	b.WriteString("# The settings of this run. Comments name who chose them.\n")
	for _, s := range c.settings() {
		table, _, _ := strings.Cut(s.key, ".")
		who := cmp.Or(origin[strings.ReplaceAll(s.name(), "-", "_")], origin[table], "default")
		fmt.Fprintf(&b, "%s = %s # %s\n", s.key, s.value, who)
	}
	return net.WriteFileAtomic(path, func(w io.Writer) error {
		_, err := io.WriteString(w, b.String())
		return err
	})
}

// renamed maps the settings of earlier versions of config.toml and recipes to their present names.
var renamed = map[string]string{"bn": "norm", "head_bn": "head_norm", "stem": "backbone.stem", "width": "backbone.width"}

// ReadConfig reads the config.toml of a run folder.
func ReadConfig(path string) (Config, error) {
	var c Config
	text, err := os.ReadFile(path)
	if err != nil {
		return c, fmt.Errorf("run: %w", err)
	}
	if f, err := tomlfile.Parse(string(text)); err == nil && f.Keys["bn"] != nil {
		return c, fmt.Errorf("run: %s was written by an older version, whose runs cannot be read: start a new run, or use that version of marr", path)
	}
	if err := tomlfile.Decode(string(text), &c); err != nil {
		return c, fmt.Errorf("run: %s: %w", path, err)
	}
	return c, nil
}
