package ssl

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"marr/kernels"
	"marr/net"
	"marr/ssl/views"
)

// Method is a way of learning without labels. Its exported fields tagged `flag:"name" help:"…"` are its hyper-parameters.
type Method interface {
	// Views is the recipe that a run uses unless it is given another: one Spec for each view of an image, in order.
	Views(in views.Input) ([]views.Spec, error)
	// Loss builds branches and loss [1]; it is called once for each program.
	Loss(s *Step) *kernels.Tensor
}

// Step is what a method builds its loss from.
type Step struct {
	Graph    *kernels.Graph
	Store    *kernels.Store
	Backbone net.Module
	Dim      int               // width of the backbone's features
	N        int               // samples at once
	Views    []*kernels.Tensor // [N H W C], one for each Spec of the recipe; a jigsaw's [N·tiles h w C]
	Targets  []*kernels.Tensor // [N] I32, likewise: what the Spec drew to be told (a rotation, a permutation); nil where it draws none
	Seed     uint64            // of parameters that the method adds
}

var registry = map[string]Method{}

// Register makes a method known by name; the value's fields are the defaults. It is called from init.
func Register(name string, m Method) { registry[name] = m }

// Methods returns the names of all methods, sorted.
func Methods() []string {
	var names []string
	for n := range registry {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// New returns a fresh copy of a registered method with its defaults. An unknown name is an error that lists the known ones.
func New(name string) (Method, error) {
	m := registry[name]
	if m == nil {
		return nil, fmt.Errorf("ssl: no method %q: known are %s", name, strings.Join(Methods(), ", "))
	}
	v := reflect.New(reflect.TypeOf(m).Elem())
	v.Elem().Set(reflect.ValueOf(m).Elem())
	return v.Interface().(Method), nil
}

// Option is one hyper-parameter of a method.
type Option struct {
	Name, Help string
	field      reflect.Value
}

// Get returns the value: an int, a float64 or a bool.
func (o Option) Get() any { return o.field.Interface() }

// Set parses text into the value.
func (o Option) Set(text string) error {
	if _, err := fmt.Sscan(text, o.field.Addr().Interface()); err != nil {
		return fmt.Errorf("ssl: %s %q: want a value like %v", o.Name, text, o.Get())
	}
	return nil
}

// Options lists a method's hyper-parameters in order of declaration.
func Options(m Method) []Option {
	v := reflect.ValueOf(m).Elem()
	var out []Option
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if name := f.Tag.Get("flag"); name != "" {
			out = append(out, Option{name, f.Tag.Get("help"), v.Field(i)})
		}
	}
	return out
}
