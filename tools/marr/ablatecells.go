package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/net/registry"
	"github.com/marr-ssl/marr/ssl/ablate"
	"github.com/marr-ssl/marr/ssl/tomlfile"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/ssl/views"
)

// What --by names besides flags.
const (
	byAugmentations = "augmentations"
	byCrop          = "crop" // the smallest part of an image that its crops may show
)

// sweeps maps values of --by to the values of their setting.
var sweeps = map[string]func(a *ablation) ([]string, error){
	"temperature": (*ablation).temperatures,
	"batch":       (*ablation).batches,
	byCrop:        (*ablation).crops,
}

// axes returns what differs between the runs.
func (a *ablation) axes() ([]ablate.Axis, error) {
	if strings.HasSuffix(a.by, ".toml") {
		axes, err := readAxes(a.by, a.fs)
		if err == nil && slices.ContainsFunc(axes, func(x ablate.Axis) bool { return x.Name == byCrop }) {
			_, err = a.crops()
		}
		return axes, err
	}
	if a.by == byAugmentations {
		names, err := a.augmentations()
		axis := ablate.Axis{Name: "augmentation", Values: names}
		return []ablate.Axis{axis, axis}, err
	}
	values, err := sweeps[a.by](a)
	if err == nil && len(values) < 2 {
		err = usagef("--by %s: there are too few values for %s: list them in a FILE.toml", a.by, count(a.images().Len(), "image"))
	}
	return []ablate.Axis{{Name: a.by, Values: values}}, err
}

// temperatures are those of SimCLR, table 5, and values between them.
func (a *ablation) temperatures() ([]string, error) {
	if !slices.ContainsFunc(registry.Options(a.base.method), func(o registry.Option) bool { return o.Name == "temperature" }) {
		return nil, usagef("--by temperature: %s has no temperature: choose another --method, such as simclr, or list values of another flag in a FILE.toml", a.config.Method)
	}
	return []string{"0.05", "0.1", "0.2", "0.5", "1"}, nil
}

// batches are the planned batch, halves and doubles of it.
func (a *ablation) batches() (values []string, err error) {
	b := a.config.Batch
	for _, x := range []int{b / 4, b / 2, b, 2 * b, 4 * b} {
		if x >= 4 && x <= a.images().Len() {
			values = append(values, strconv.Itoa(x))
		}
	}
	return slices.Compact(values), nil
}

// crops are lower ends of a crop's scale.
func (a *ablation) crops() ([]string, error) {
	all, err := a.specs()
	if err == nil && !slices.ContainsFunc(all, func(s views.Spec) bool { return s.RandomResizedCrop != nil }) {
		err = usagef("--by %s: the views of %s have no random_resized_crop: choose another --method, or add one by --views", byCrop, a.config.Method)
	}
	return []string{"0.05", "0.1", "0.2", "0.35", "0.5", "0.75"}, err
}

// augmentations returns the names of --ops.
func (a *ablation) augmentations() ([]string, error) {
	all, err := a.specs()
	if err != nil {
		return nil, err
	}
	known := views.Ops(all, a.images().C)
	names := known
	switch a.ops {
	case "all":
	case "recipe":
		names = views.OpsOf(all, a.images().C)
	default:
		listed := strings.Split(a.ops, ",")
		for _, name := range listed {
			if !slices.Contains(known, name) {
				return nil, unknown("--ops", name, append(slices.Clone(known), "all", "recipe"))
			}
		}
		names = slices.DeleteFunc(slices.Clone(known), func(name string) bool { return !slices.Contains(listed, name) })
	}
	if len(names) < 2 {
		return nil, usagef("--ops %s: a map needs at least two augmentations: known are %s", a.ops, strings.Join(known, ", "))
	}
	return names, nil
}

// specs returns the views of the method, with the changes of --views.
func (a *ablation) specs() ([]views.Spec, error) {
	in := train.ViewInput(a.config.Size, a.images())
	all, err := a.base.method.Views(in)
	if err == nil && a.base.text != "" {
		all, err = views.Decode(a.base.text, in, all)
	}
	return all, err
}

// addViews sets the views of the cells that have their own.
func (a *ablation) addViews() error {
	all, err := a.specs()
	if err != nil {
		return err
	}
	s := a.file
	crop := slices.IndexFunc(s.Axes, func(x ablate.Axis) bool { return x.Name == byCrop })
	for _, c := range s.Cells() {
		switch {
		case s.Augmentations && c.At != nil:
			own := views.Only(all, s.Ops(c)...)
			if a.first {
				copy(own[1:], views.Only(all)[1:])
			}
			a.texts[c.Name] = views.Encode(own)
		case crop >= 0:
			text := s.Axes[crop].Values[c.At[crop]]
			low, err := strconv.ParseFloat(text, 64)
			if err != nil || !(low > 0 && low < 1) {
				return usagef("--by %s: crop = %s: want parts of the image's area, above 0 and below 1", a.by, text)
			}
			a.texts[c.Name] = views.Encode(cropFrom(all, a.config.Size, low))
		}
	}
	return nil
}

// cropFrom returns views whose crops begin at a part of the image's area. Smaller views, the local ones of a multi-crop, keep theirs.
func cropFrom(all []views.Spec, size int, low float64) []views.Spec {
	all = slices.Clone(all)
	for i, s := range all {
		if s.RandomResizedCrop != nil && s.Size == size {
			c := *s.RandomResizedCrop
			c.Scale = [2]float64{low, max(low, c.Scale[1])}
			all[i].RandomResizedCrop = &c
		}
	}
	return all
}

// notSwept lists the flags that a FILE.toml of --by may not list: they are the same for all runs.
var notSwept = []string{"data", "images", "out", "dry-run", "keep-runs", "by", "ops", "first-view", "recipe", "size", "epochs", "time", "seed", "seeds", "eval-data", "device", "tune", "teacher", "help"}

// readAxes reads the flags and values of a file of --by.
func readAxes(path string, fs *pflag.FlagSet) (axes []ablate.Axis, err error) {
	fail := func(format string, args ...any) ([]ablate.Axis, error) {
		return nil, usagef("--by %s: %s", path, fmt.Sprintf(format, args...))
	}
	text, err := net.ReadFile(path, maxViews)
	if err != nil {
		return nil, usagef("--by: %v: give a FILE.toml that lists the values of one or two flags, such as temperature = [0.1, 0.5]", err)
	}
	f, err := tomlfile.Parse(string(text))
	if err != nil {
		return fail("%v", err)
	}
	names := f.Names()
	if len(names) < 1 || len(names) > 2 {
		return fail("it has %s: want one or two flags with lists of values, such as temperature = [0.1, 0.5]", count(len(names), "key"))
	}
	for _, key := range names {
		name := strings.ReplaceAll(key, "_", "-")
		switch {
		case slices.Contains(notSwept, name):
			return fail("line %d: %s is the same for all runs: list another flag", f.Line(key), key)
		case name != byCrop && fs.Lookup(name) == nil:
			return fail("line %d: %s is no flag%s", f.Line(key), key, didYouMean(name, "", flagNames(fs)))
		case name != byCrop && fs.Changed(name):
			return fail("line %d: %s is listed, and given by a flag: omit one of them", f.Line(key), key)
		}
		list, ok := f.Keys[key].([]any)
		if !ok || len(list) < 2 {
			return fail("line %d: %s = %v: want a list of at least two values", f.Line(key), key, f.Keys[key])
		}
		axis := ablate.Axis{Name: name}
		for _, v := range list {
			value := fmt.Sprint(v)
			if slices.Contains(axis.Values, value) {
				return fail("line %d: %s lists %s twice", f.Line(key), key, value)
			}
			axis.Values = append(axis.Values, value)
		}
		axes = append(axes, axis)
	}
	return axes, nil
}

// fileName returns the name of a cell as that of a file.
func fileName(c ablate.Cell) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\ :*?"<>|`, r) {
			return '_'
		}
		return r
	}, c.Name)
}

// viewsOf returns the file with the views of a cell.
func viewsOf(dir string, c ablate.Cell) string {
	return filepath.Join(dir, "views", fileName(c)+".toml")
}

// runOf returns the folder of a cell's run.
func runOf(dir string, c ablate.Cell) string {
	return filepath.Join(dir, "runs", fmt.Sprintf("%s-%d", fileName(c), c.Seed))
}

// sortedKeys returns the keys of some maps, sorted.
func sortedKeys(all ...map[string]string) []string {
	keys := map[string]bool{}
	for _, m := range all {
		for k := range m {
			keys[k] = true
		}
	}
	return slices.Sorted(maps.Keys(keys))
}
