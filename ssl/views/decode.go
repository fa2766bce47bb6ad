package views

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/marr-ssl/marr/ssl/tomlfile"
)

// Decode reads views from TOML:
//
//	from = "byol"                      # preset to start from; "none": no views; absent: base
//
//	[all]                              # changes keys of every view
//	remove = ["solarize"]              # removes ops
//
//	[[view]]                           # changes keys of the first view, after [all]; an empty table keeps the view
//	color_jitter = { hue = 0 }         # keeps the other strengths
//
//	[[view]]                           # the second view; further tables add views of in.Size pixels
//	count = 2                          # repeats the view
//
// The keys are those of Spec. An op that the base lacks starts from torchvision's defaults, with p = 1 if torchvision's op has no p.
// Values that fail Check, unknown keys and wrong types are errors that name line, key and allowed values.
func Decode(text string, in Input, base []Spec) ([]Spec, error) {
	file, err := tomlfile.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("views: %w", err)
	}
	top := table{keys: file.Keys, file: file}
	top.renameOld()
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
		return nil, fmt.Errorf("views: no views: add a [[view]], or name another preset in from")
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
					path := []string{"view", strconv.Itoa(v)}
					views = append(views, table{fmt.Sprintf("view %d", v), path, keys, t.file})
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

// renameOld gives keys of earlier versions their present names.
func (t table) renameOld() {
	tables, _ := t.keys["view"].([]any)
	for _, table := range append(slices.Clone(tables), t.keys["all"]) {
		keys, _ := table.(map[string]any)
		if op, ok := keys["approach"]; ok {
			delete(keys, "approach")
			keys["zoom_sequence"] = op
		}
	}
}

// base returns the views that the file changes.
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

// build changes a view by [all] and by its own table, checks it, and returns how often to repeat it.
func build(s *Spec, all, own table, in Input) (count int, err error) {
	count = 1
	for _, t := range []table{all, own} {
		if n, given := t.keys["count"]; given {
			k, ok := n.(int64)
			if !ok || k < 1 || k > 1000 || t.name == "all" {
				return 0, t.fail("count", "count %v: repetitions of a [[view]]: want 1 to 1000", n)
			}
			count = int(k)
		}
		if err := t.override(s); err != nil {
			return 0, err
		}
	}
	err = s.Check()
	if frames := max(1, in.Frames); err == nil && s.ZoomSequence == nil && s.Frame >= frames {
		err = &problem{rule{key: "frame", value: s.Frame,
			text: fmt.Sprintf("a sample of this data set has %d frames: want less (frames:DIR gives clips)", frames)}}
	}
	var p *problem
	if errors.As(err, &p) {
		return 0, p.locate(own, all)
	}
	return count, nil
}

// locate returns the problem as an error of the first table that sets one of its keys.
func (p *problem) locate(tables ...table) error {
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

// override removes ops from a view and sets its keys.
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
		if f := set(field(view, key), field(reflect.ValueOf(opDefaults), key), key, t.keys[key]); f != nil {
			return t.fail(f.key, "%s %s", f.key, f.text)
		}
	}
	return nil
}
