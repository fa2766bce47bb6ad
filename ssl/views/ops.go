package views

import (
	"reflect"
	"slices"
)

// ops names the augmentations that Only keeps or adds, in the order in which a view applies them, with their fields of Spec. An op of several fields stands
// for each of them; one that is added is the first.
var ops = []struct {
	name   string
	fields []string
}{
	{"crop", []string{"random_resized_crop", "random_crop"}},
	{"flip", []string{"horizontal_flip", "vertical_flip"}},
	{"rotation", []string{"rotation"}},
	{"color", []string{"color_jitter"}},
	{"grayscale", []string{"grayscale"}},
	{"blur", []string{"gaussian_blur"}},
	{"solarize", []string{"solarize"}},
	{"cutout", []string{"random_erasing"}},
}

// usual holds the augmentations that Only adds to views without them: SimCLR's crop, flip, weak jitter, grayscale and blur; solarize, rotation and erasing
// as in opDefaults.
var usual = Spec{
	RandomResizedCrop: &RandomResizedCrop{broad, [2]float64{3.0 / 4, 4.0 / 3}, "bilinear"},
	HorizontalFlip:    0.5,
	Rotation:          opDefaults.Rotation,
	ColorJitter:       &weak,
	Grayscale:         0.2,
	GaussianBlur:      &GaussianBlur{P: 0.5, Sigma: [2]float64{0.1, 2}},
	Solarize:          opDefaults.Solarize,
	RandomErasing:     opDefaults.RandomErasing,
}

// Ops returns the names of the augmentations that Only can keep in views or add to them, in the order in which a view applies them. Two are left out where
// they mean something else or nothing: the rotation that a method predicts, and grayscale for images of one channel.
func Ops(specs []Spec, channels int) (names []string) {
	predicted := slices.ContainsFunc(specs, func(s Spec) bool { return s.Rotation != nil && s.TargetClasses() > 0 })
	for _, o := range ops {
		if o.name == "rotation" && predicted || o.name == "grayscale" && channels == 1 {
			continue
		}
		names = append(names, o.name)
	}
	return names
}

// OpsOf returns those names of Ops that some of the views have.
func OpsOf(specs []Spec, channels int) []string {
	return slices.DeleteFunc(Ops(specs, channels), func(name string) bool {
		return !slices.ContainsFunc(specs, func(s Spec) bool { return has(s, fieldsOf(name)) })
	})
}

// Only returns the views with the named augmentations of Ops and no others. An augmentation that some of the views have keeps its strength in each of them;
// one that none has is added to all of them with a usual strength. What is no augmentation stays: the size of a view, center crops, masks, and what a method
// predicts.
func Only(specs []Spec, names ...string) []Spec {
	out := slices.Clone(specs)
	all := Ops(specs, 3)
	for _, o := range ops {
		if !slices.Contains(all, o.name) {
			continue
		}
		kept := slices.Contains(names, o.name)
		added := kept && !slices.ContainsFunc(specs, func(s Spec) bool { return has(s, o.fields) })
		for i := range out {
			view := reflect.ValueOf(&out[i]).Elem()
			for _, f := range o.fields {
				if !kept {
					field(view, f).SetZero()
				}
			}
			if added {
				field(view, o.fields[0]).Set(field(reflect.ValueOf(usual), o.fields[0]))
			}
			if added && o.name == "crop" {
				out[i].CenterCrop = nil // a view has one crop
			}
		}
	}
	return out
}

func fieldsOf(name string) []string {
	for _, o := range ops {
		if o.name == name {
			return o.fields
		}
	}
	return nil
}

// has reports whether a view has one of some fields of Spec.
func has(s Spec, fields []string) bool {
	return slices.ContainsFunc(fields, func(f string) bool { return !field(reflect.ValueOf(s), f).IsZero() })
}
