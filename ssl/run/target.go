package run

import (
	"fmt"
	"reflect"
	"strings"
)

// Target is a published result of a recipe's settings, with the protocol that measured it. The tags are the keys in recipes.
type Target struct {
	Accuracy    float64 `toml:"accuracy" want:"above 0, at most 100"` // top-1, percent
	Protocol    string  `toml:"protocol"`                             // one of Protocols
	K           int     `toml:"k" want:"at least 1"`                  // neighbors of knn
	Temperature float64 `toml:"temperature" want:"above 0"`           // T of knn, whose neighbors vote with exp(cosine/T); 0: with equal weights
	ProbeEpochs int     `toml:"probe_epochs" want:"at least 1"`       // training of a linear probe; 0: the source does not state it
	Epochs      int     `toml:"epochs" want:"at least 1"`             // training of the backbone
	BestEpoch   bool    `toml:"best_epoch"`                           // the best of all epochs, chosen on the test images; else the last
	Data        string  `toml:"data"`                                 // other images than those that the recipe names
	Source      string  `toml:"source"`                               // paper or repository
}

// Protocols lists the ways in which targets were measured: k nearest neighbors on frozen features; a linear probe on frozen features; a linear probe that was
// trained along with the backbone, without passing gradients to it.
var Protocols = []string{"knn", "linear", "online-linear"}

// String returns the target as a line of text.
func (t Target) String() string {
	text := fmt.Sprintf("%g %%", t.Accuracy)
	if t.Data != "" {
		text += " on " + t.Data
	}
	switch t.Protocol {
	case "knn":
		votes := "equal votes"
		if t.Temperature > 0 {
			votes = fmt.Sprintf("T = %g", t.Temperature)
		}
		text += fmt.Sprintf(", kNN (k = %d, %s) after %d epochs", t.K, votes, t.Epochs)
	case "online-linear":
		text += fmt.Sprintf(", linear probe trained along for %d epochs", t.Epochs)
	default:
		text += ", linear probe"
		if t.ProbeEpochs > 0 {
			text += fmt.Sprintf(" of %d epochs", t.ProbeEpochs)
		}
		text += fmt.Sprintf(" after %d epochs", t.Epochs)
	}
	if t.BestEpoch {
		text += ", best epoch"
	}
	return fmt.Sprintf("%s (%s)", text, t.Source)
}

// targets reads the published results of a recipe.
func (f *recipeFile) targets() error {
	list, ok := f.Keys["target"].([]any)
	if f.Keys["target"] != nil && !ok {
		return f.fail("target", "target: want tables [[target]] with accuracy, protocol, epochs and source")
	}
	for i, x := range list {
		keys, ok := x.(map[string]any)
		if !ok {
			return f.fail("target", "target: want tables [[target]] with accuracy, protocol, epochs and source")
		}
		t, err := f.target(fmt.Sprintf("target.%d", i), keys)
		if err != nil {
			return err
		}
		f.out.Targets = append(f.out.Targets, t)
	}
	return nil
}

// target reads the target at a path from its keys.
func (f *recipeFile) target(path string, keys map[string]any) (t Target, err error) {
	v, known := reflect.ValueOf(&t).Elem(), map[string]bool{}
	var names []string
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name := field.Tag.Get("toml")
		names, known[name] = append(names, name), true
		value, given := keys[name]
		if !given {
			continue
		}
		if err := f.check(path+"."+name, value, field.Type.Kind(), field.Tag.Get("want")); err != nil {
			return t, err
		}
		v.Field(i).Set(reflect.ValueOf(value).Convert(field.Type))
	}
	for key := range keys {
		if !known[key] {
			return t, f.fail(path+"."+key, "target: %s is not known: want %s", key, strings.Join(names, ", "))
		}
	}
	return t, f.complete(path, keys, t)
}

// complete returns an error for a target that lacks a key, or has one of another protocol.
func (f *recipeFile) complete(path string, keys map[string]any, t Target) error {
	required, alien := []string{"accuracy", "protocol", "epochs", "source"}, []string{"k", "temperature", "probe_epochs"}
	switch t.Protocol {
	case "knn":
		required, alien = append(required, "k"), []string{"probe_epochs"}
	case "linear":
		alien = []string{"k", "temperature"}
	}
	for _, key := range required {
		if keys[key] == nil || keys[key] == "" {
			return f.fail(path, "target: %s is missing: a target has %s", key, strings.Join(required, ", "))
		}
	}
	for _, key := range alien {
		if keys[key] != nil {
			return f.fail(path+"."+key, "target: %s is not part of the protocol %s: remove it", key, t.Protocol)
		}
	}
	return nil
}
