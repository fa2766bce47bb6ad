// Package registry holds named prototypes, such as methods and architectures, whose tagged fields are settings that flags, recipes and run folders share.
package registry

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Registry maps names to prototypes, which are pointers to structs. The zero value with a Kind is empty and ready to use.
type Registry[T any] struct {
	// Kind names an entry in errors, package first: "ssl: method".
	Kind string

	entries map[string]entry[T]
}

type entry[T any] struct {
	about     string
	prototype T
}

// Register adds a prototype with a one-line description. The values of its fields are the defaults. It is called from init, and panics if the name is
// taken.
func (r *Registry[T]) Register(name, about string, prototype T) {
	if _, taken := r.entries[name]; taken {
		panic(fmt.Sprintf("%s %q is registered twice", r.Kind, name))
	}
	if r.entries == nil {
		r.entries = map[string]entry[T]{}
	}
	r.entries[name] = entry[T]{about, prototype}
}

// Names returns all names, sorted.
func (r *Registry[T]) Names() []string { return slices.Sorted(maps.Keys(r.entries)) }

// About returns the description of an entry, "" for an unknown name.
func (r *Registry[T]) About(name string) string { return r.entries[name].about }

// New returns a fresh copy of a prototype. An unknown name is an error that lists the known ones.
func (r *Registry[T]) New(name string) (T, error) {
	e, ok := r.entries[name]
	if !ok {
		pkg, kind, _ := strings.Cut(r.Kind, ": ")
		return e.prototype, fmt.Errorf("%s: no %s %q: known are %s", pkg, kind, name, strings.Join(r.Names(), ", "))
	}
	return Copy(e.prototype), nil
}

// Copy returns a copy of the struct that v points to.
func Copy[T any](v T) T {
	c := reflect.New(reflect.TypeOf(v).Elem())
	c.Elem().Set(reflect.ValueOf(v).Elem())
	return c.Interface().(T)
}

// Option is a setting of a registered value: an exported field tagged `flag:"name" help:"…"`, with bounds in a tag
// `want:"above 0.5, at most 1"` for a number (see Within) or `want:"one of a, b"` for a string. A setting tagged `of:"training"` may change for weights that
// were trained with another value.
type Option struct {
	Name, Help string
	OfTraining bool

	bounds string
	field  reflect.Value
}

// Options returns the settings of a value, which is a pointer to a struct, in order of declaration.
func Options(of any) []Option {
	v := reflect.ValueOf(of).Elem()
	var out []Option
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if name := f.Tag.Get("flag"); name != "" {
			out = append(out, Option{name, f.Tag.Get("help"), f.Tag.Get("of") == "training", f.Tag.Get("want"), v.Field(i)})
		}
	}
	return out
}

// Values returns the settings of a value by name.
func Values(of any) map[string]any {
	values := map[string]any{}
	for _, o := range Options(of) {
		values[o.Name] = o.Get()
	}
	return values
}

// Get returns the value: an int, a float64, a bool or a string.
func (o Option) Get() any { return o.field.Interface() }

// Set parses text into the value. Text that does not parse, or a value out of bounds, is an error that states the allowed values, and changes nothing.
func (o Option) Set(text string) error {
	v, end := reflect.New(o.field.Type()), ""
	if o.field.Kind() == reflect.String {
		v.Elem().SetString(text)
	} else if n, _ := fmt.Sscan(text, v.Interface(), &end); n != 1 {
		return fmt.Errorf("--%s %q: want a value like %v", o.Name, text, o.Get())
	}
	if v = v.Elem(); !o.allows(v) {
		if known := o.Choices(); known != nil {
			return fmt.Errorf("--%s %s: known are %s", o.Name, text, strings.Join(known, ", "))
		}
		return fmt.Errorf("--%s %s: want it %s", o.Name, text, o.bounds)
	}
	o.field.Set(v)
	return nil
}

// Accept returns an error if a value of TOML, an int64, float64, bool or string, has the wrong type or is out of bounds.
func (o Option) Accept(value any) error {
	kinds := map[reflect.Kind]string{reflect.Int: "a whole number", reflect.Float64: "a number", reflect.Bool: "true or false", reflect.String: "a string in quotes"}
	v, kind := reflect.ValueOf(value), o.field.Kind()
	if n, ok := value.(int64); ok && kind == reflect.Float64 {
		v = reflect.ValueOf(float64(n))
	}
	if same := v.Kind() == kind || v.CanInt() && o.field.CanInt(); !same || !o.allows(v) {
		want := strings.TrimSuffix(kinds[kind]+" "+o.bounds, " ")
		if kind == reflect.String && o.bounds != "" {
			want = o.bounds
		}
		return fmt.Errorf("%s = %#v: want %s", o.Name, value, want)
	}
	return nil
}

// Choices returns all values of a string whose bounds list them, nil for another setting.
func (o Option) Choices() []string {
	if known, ok := strings.CutPrefix(o.bounds, oneOf); ok {
		return strings.Split(known, ", ")
	}
	return nil
}

// allows reports whether a value is within bounds.
func (o Option) allows(v reflect.Value) bool {
	switch {
	case v.CanInt():
		return Within(float64(v.Int()), o.bounds)
	case v.CanFloat():
		return Within(v.Float(), o.bounds)
	case v.Kind() == reflect.String:
		known := o.Choices()
		return known == nil || slices.Contains(known, v.String())
	}
	return true
}

// oneOf is the prefix of the bounds of a string.
const oneOf = "one of "
