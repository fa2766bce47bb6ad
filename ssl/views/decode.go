package views

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"marr/ssl/tomlfile"
)

// Decode reads views from TOML:
//
//	from = "byol"                      # the preset to start from; "none": no views; left out: base
//
//	[all]                              # overrides keys of every view
//	remove = ["solarize"]              # drops ops
//
//	[[view]]                           # overrides keys of the first view, after [all]; an empty table keeps it
//	color_jitter = { hue = 0 }         # the other strengths stay
//
//	[[view]]                           # the second; tables beyond the views of the base add views, each of in.Size pixels
//	count = 2                          # repeats the view
//
// Keys are those of Spec. An op that the base lacks starts from torchvision's defaults, with p 1 where torchvision's op always
// applies. Values that Check refuses, unknown keys and wrong types are errors that say line and key, and what is allowed.
func Decode(text string, in Input, base []Spec) ([]Spec, error) {
	file, err := tomlfile.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("views: %w", err)
	}
	top := table{keys: file.Keys, file: file}
	all, own, err := top.parts()
	if err != nil {
		return nil, err
	}
	specs, err := top.base(in, base)
	if err != nil {
		return nil, err
	}
	var out []Spec
	for v := range max(len(specs), len(own)) {
		s, t := Spec{Size: in.Size}, table{name: fmt.Sprintf("view %d", v), file: file}
		if v < len(specs) {
			s = specs[v]
		}
		if v < len(own) {
			t = own[v]
		}
		n, err := build(&s, all, t, in)
		if err != nil {
			return nil, err
		}
		for range n {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("views: no views: add a [[view]], or start from another than none")
	}
	return out, nil
}

// table is one table of the file: the top, [all] or a [[view]].
type table struct {
	name string   // in messages: "" for the top, all, view 0, view 1, …
	path []string // in the file
	keys map[string]any
	file *tomlfile.File
}

// fail returns an error about a key of the table, or about the table if key is "". It has the line of the key or of the nearest table
// around it, unless the file has neither.
func (t table) fail(key, format string, args ...any) error {
	where := ""
	if line := t.file.Line(append(slices.Clone(t.path), strings.Split(key, ".")...)...); line > 0 {
		where = fmt.Sprintf("line %d: ", line)
	}
	if t.name != "" {
		where += t.name + ": "
	}
	return fmt.Errorf("views: %s%s", where, fmt.Sprintf(format, args...))
}

// parts splits the file into [all] and the views.
func (t table) parts() (all table, views []table, err error) {
	for _, key := range slices.Sorted(maps.Keys(t.keys)) {
		switch value := t.keys[key].(type) {
		case map[string]any:
			all = table{"all", []string{"all"}, value, t.file}
			if key == "all" {
				continue
			}
		case []any:
			for v, element := range value {
				if keys, ok := element.(map[string]any); ok {
					views = append(views, table{fmt.Sprintf("view %d", v), []string{"view", strconv.Itoa(v)}, keys, t.file})
				}
			}
			if key == "view" && len(views) == len(value) && len(views) > 0 {
				continue
			}
		case string:
			if key == "from" {
				continue
			}
		}
		return all, nil, t.fail(key, `%s: want from = "PRESET", a table [all] or tables [[view]]`, key)
	}
	return all, views, nil
}

// base returns the views that the file starts from.
func (t table) base(in Input, base []Spec) ([]Spec, error) {
	switch from, ok := t.keys["from"].(string); {
	case !ok:
		return base, nil
	case from == "none":
		return nil, nil
	case presets[from] == nil:
		return nil, t.fail("from", "from %q is not known: want none or one of %s", from, strings.Join(Presets(), ", "))
	default:
		specs, err := Preset(from, in)
		if err != nil {
			return nil, t.fail("from", "%s", strings.TrimPrefix(err.Error(), "views: "))
		}
		return specs, nil
	}
}

// build overrides a view by [all] and by its own table, checks it, and returns how often it is wanted.
func build(s *Spec, all, own table, in Input) (count int, err error) {
	count = 1
	for _, t := range []table{all, own} {
		if n, given := t.keys["count"]; given {
			k, ok := n.(int64)
			if !ok || k < 1 || k > 1000 || t.name == "all" {
				return 0, t.fail("count", "count %v: how often a [[view]] is repeated: want 1 to 1000", n)
			}
			count = int(k)
		}
		if err := t.override(s); err != nil {
			return 0, err
		}
	}
	err = s.Check()
	if frames := max(1, in.Frames); err == nil && s.ZoomSequence == nil && s.Frame >= frames {
		err = &problem{rule{key: "frame", value: s.Frame, text: fmt.Sprintf("a sample of this data set has %d: want less (frames:DIR gives clips)", frames)}}
	}
	var p *problem
	if errors.As(err, &p) {
		return 0, p.in(own, all)
	}
	return count, nil
}

// in says where the problem is: in the first table that sets one of its keys.
func (p *problem) in(tables ...table) error {
	text := strings.TrimPrefix(p.Error(), "views: ")
	for _, t := range tables {
		for key := range strings.SplitSeq(p.key, ", ") {
			op, _, _ := strings.Cut(key, ".")
			if _, set := t.keys[op]; set {
				return t.fail(key, "%s", text)
			}
		}
	}
	return tables[0].fail("", "%s", text)
}

// override removes ops and sets keys of a view.
func (t table) override(s *Spec) error {
	view := reflect.ValueOf(s).Elem()
	if remove, given := t.keys["remove"]; given {
		list, ok := remove.([]any)
		for _, name := range list {
			op := field(view, fmt.Sprint(name))
			if ok = op.IsValid() && op.Kind() != reflect.Int; !ok {
				break
			}
			op.SetZero()
		}
		if !ok {
			return t.fail("remove", "remove %v: want a list of ops: %s", remove, strings.Join(names(view)[2:], ", "))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(t.keys)) {
		if key == "count" || key == "remove" {
			continue
		}
		if !field(view, key).IsValid() {
			return t.fail(key, "%s is not known: want count, remove, %s", key, strings.Join(names(view), ", "))
		}
		if f := set(field(view, key), field(reflect.ValueOf(standard), key), key, t.keys[key]); f != nil {
			return t.fail(f.key, "%s %s", f.key, f.text)
		}
	}
	return nil
}
