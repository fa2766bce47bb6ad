package views

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// opDefaults holds the parameters of an op that a file adds to a view: torchvision's defaults.
var opDefaults = Spec{
	RandomResizedCrop: &RandomResizedCrop{broad, [2]float64{3.0 / 4, 4.0 / 3}, "bilinear"},
	CenterCrop:        &CenterCrop{},
	RandomCrop:        &RandomCrop{},
	ZoomSequence:      &zoomDefaults,
	Rotation:          &Rotation{[]int{0, 1, 2, 3}},
	ColorJitter:       &ColorJitter{P: 1},
	GaussianBlur:      &GaussianBlur{P: 1, Sigma: [2]float64{0.1, 2}},
	Solarize:          &Solarize{0.5, 0.5},
	RandomErasing:     &RandomErasing{0.5, [2]float64{0.02, 0.33}, [2]float64{0.3, 3.3}},
	PatchMask:         &PatchMask{16, 0.75},
	Jigsaw:            &Jigsaw{2, 0, 24},
	FrameOrder:        &FrameOrder{},
}

// field returns the field with a TOML name; the zero Value if there is none.
func field(v reflect.Value, name string) (found reflect.Value) {
	fields(v, func(n string, f reflect.Value) {
		if n == name {
			found = f
		}
	})
	return found
}

func names(v reflect.Value) (out []string) {
	fields(v, func(name string, _ reflect.Value) { out = append(out, name) })
	return out
}

// fault describes a wrong value of a key.
type fault struct{ key, text string }

// set writes a TOML value into a field. An op is copied before its keys change, since views share ops; a nil op starts as a copy of
// defaults.
func set(dst, defaults reflect.Value, key string, value any) *fault {
	wrong := func(want string) *fault { return &fault{key, fmt.Sprintf("= %v: want %s", value, want)} }
	switch dst.Kind() {
	case reflect.Pointer:
		keys, ok := value.(map[string]any)
		if !ok {
			return wrong("a table of " + strings.Join(names(defaults.Elem()), ", "))
		}
		return setOp(dst, defaults, key, keys)
	case reflect.String:
		s, ok := value.(string)
		if !ok {
			return wrong("a string")
		}
		dst.SetString(s)
	case reflect.Int:
		i, ok := value.(int64)
		if !ok {
			return wrong("an integer")
		}
		dst.SetInt(i)
	case reflect.Float64:
		switch x := value.(type) {
		case float64:
			dst.SetFloat(x)
		case int64:
			dst.SetFloat(float64(x))
		default:
			return wrong("a number")
		}
	default:
		return setList(dst, key, value)
	}
	return nil
}

func setOp(dst, defaults reflect.Value, key string, keys map[string]any) *fault {
	op := reflect.New(dst.Type().Elem())
	if dst.IsNil() {
		dst.Set(defaults)
	}
	op.Elem().Set(dst.Elem())
	dst.Set(op)
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		f := field(op.Elem(), k)
		if !f.IsValid() {
			return &fault{key + "." + k, "is not known: want " + strings.Join(names(op.Elem()), ", ")}
		}
		if bad := set(f, reflect.Value{}, key+"."+k, keys[k]); bad != nil {
			return bad
		}
	}
	return nil
}

// setList writes a list into a slice, or into an array of the same length.
func setList(dst reflect.Value, key string, value any) *fault {
	list, ok := value.([]any)
	if dst.Kind() == reflect.Array && len(list) != dst.Len() || !ok {
		want := "a list of integers"
		if dst.Kind() == reflect.Array {
			want = "[low, high]"
		}
		return &fault{key, fmt.Sprintf("= %v: want %s", value, want)}
	}
	if dst.Kind() == reflect.Slice {
		dst.Set(reflect.MakeSlice(dst.Type(), len(list), len(list)))
	}
	for i, v := range list {
		if bad := set(dst.Index(i), reflect.Value{}, key, v); bad != nil {
			return bad
		}
	}
	return nil
}
