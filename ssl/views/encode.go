package views

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/marr-ssl/marr/ssl/tomlfile"
)

// fields calls f with the TOML name and the value of each field of a struct, in order.
func fields(v reflect.Value, f func(name string, v reflect.Value)) {
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		f(name, v.Field(i))
	}
}

// Encode returns views as TOML from which Decode returns the same views, whatever its base. Consecutive equal views share a table.
func Encode(specs []Spec) string {
	var b strings.Builder
	b.WriteString("from = \"none\"\n")
	for i := 0; i < len(specs); {
		n := 1
		for i+n < len(specs) && reflect.DeepEqual(specs[i], specs[i+n]) {
			n++
		}
		b.WriteString("\n[[view]]\n")
		if n > 1 {
			fmt.Fprintf(&b, "count = %d\n", n)
		}
		fields(reflect.ValueOf(specs[i]), func(name string, v reflect.Value) {
			if !v.IsZero() || name == "size" {
				fmt.Fprintf(&b, "%s = %s\n", name, text(v))
			}
		})
		i += n
	}
	return b.String()
}

// text returns a value in TOML. An op is an inline table of its fields; an empty interpolation is left out.
func text(v reflect.Value) string {
	if v.Kind() != reflect.Pointer {
		return tomlfile.Value(v.Interface())
	}
	var parts []string
	fields(v.Elem(), func(name string, f reflect.Value) {
		if !(f.Kind() == reflect.String && f.IsZero()) {
			parts = append(parts, name+" = "+text(f))
		}
	})
	return "{ " + strings.Join(parts, ", ") + " }"
}
