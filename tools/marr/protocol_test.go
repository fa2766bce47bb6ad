package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/ssl/run"
)

// numbersOf runs marr eval on raw pixels with --json and returns its numbers and what it printed on stderr.
func numbersOf(t *testing.T, set string, args ...string) (numbers map[string]any, notes string) {
	t.Helper()
	args = append([]string{"eval", args[0], "--train", set, "--test", set, "--json"}, args[1:]...)
	if !slices.Contains(args, "--model") && !slices.Contains(args, "--run") {
		args = append(args, "--model", "raw")
	}
	r := call(t, nil, args...)
	if r.status != 0 {
		t.Fatalf("marr %s: status %d: %s", strings.Join(args, " "), r.status, r.err)
	}
	if err := json.Unmarshal([]byte(r.out), &numbers); err != nil {
		t.Fatalf("%v: %s", err, r.out)
	}
	return numbers, r.err
}

// Sets with few images give the numbers that they allow, and say which they do not.
func TestSmallSetsAreEvaluatedAsFarAsTheyAllow(t *testing.T) {
	t.Parallel()
	few := pictures(t, 4) // 2 classes of 4 images
	unequal := pictures(t, 12)
	if err := os.Remove(filepath.Join(unequal, "oak", "0.png")); err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		set      string
		args     []string
		has, not []string // keys
		note     string
	}{
		"knn, fewer images than k":      {set: few, args: []string{"knn"}, has: []string{"knn1", "knn8"}, not: []string{"knn20"}, note: "k = 20 is more than the 8 training images: k = 8"},
		"knn, a list of k":              {set: few, args: []string{"knn", "--k", "5,2", "--temperature", "0.1"}, has: []string{"knn2", "knn5", "temperature"}, not: []string{"knn1"}},
		"knn, all votes alike":          {set: few, args: []string{"knn", "--k", "3", "--temperature", "inf"}, has: []string{"knn3"}},
		"linear, small classes":         {set: few, args: []string{"linear"}, has: []string{"linear"}, not: []string{"linear10", "linear10_std"}, note: `class "ash"`},
		"linear, one small class":       {set: unequal, args: []string{"linear", "--per-class", "12"}, has: []string{"linear"}, not: []string{"linear12"}, note: `class "oak" of`},
		"linear, few labels":            {set: few, args: []string{"linear", "--per-class", "2", "--draws", "3"}, has: []string{"linear", "linear2", "linear2_std", "linear2_n"}, not: []string{"linear10"}},
		"linear, as many as there are":  {set: few, args: []string{"linear", "--per-class", "4"}, has: []string{"linear4"}},
		"finetune, fewer labels, draws": {set: few, args: []string{"finetune", "--per-class", "1", "--draws", "1", "--model", "random", "--arch", "resnet10", "--width", "4", "--size", "16"}, has: []string{"finetune1", "finetune1_n"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, said := numbersOf(t, x.set, x.args...)
			for _, key := range x.has {
				if got[key] == nil {
					t.Errorf("%s is missing in %v", key, got)
				}
			}
			for _, key := range x.not {
				if got[key] != nil {
					t.Errorf("%s is %v", key, got[key])
				}
			}
			if !strings.Contains(said, x.note) || (x.note != "") != (got["notes"] != nil) {
				t.Errorf("said %q with the notes %v, want %q", said, got["notes"], x.note)
			}
		})
	}
}

func TestSettingsOfAnEvaluationAreChecked(t *testing.T) {
	t.Parallel()
	few := pictures(t, 3)
	network := []string{"--model", "random", "--arch", "resnet10", "--width", "4", "--size", "16"}
	for name, x := range map[string]struct {
		status int
		args   []string
		want   string
	}{
		"no neighbors":         {2, []string{"knn", "--k", "0,1"}, "--k [0 1]: want numbers of at least 1"},
		"no temperature":       {2, []string{"knn", "--temperature", "0"}, "--temperature 0: want a number above 0"},
		"no draws":             {2, []string{"linear", "--draws", "-1"}, "--draws -1: want at least 1"},
		"k of a linear probe":  {2, []string{"linear", "--k", "3"}, "--k: not a setting of eval linear, but of eval knn"},
		"draws of knn":         {2, []string{"knn", "--draws", "3"}, "--draws: not a setting of eval knn, but of eval"},
		"finetune, few images": {1, append([]string{"finetune"}, network...), `class "ash" of ` + few + ` has 3 images, fewer than 10 labels per class: give --per-class 3, or more images`},
	} {
		args := append([]string{"eval", x.args[0], "--train", few, "--test", few}, x.args[1:]...)
		if !slices.Contains(args, "--model") {
			args = append(args, "--model", "raw")
		}
		if r := call(t, nil, args...); r.status != x.status || !strings.Contains(r.err, x.want) {
			t.Errorf("%s: status %d, said %q, want %d and %q", name, r.status, r.err, x.status, x.want)
		}
	}
}

// The protocol of every target but those that were measured during the training is one of marr eval.
func TestTargetsOfRecipesCanBeMeasured(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, name := range run.Recipes() {
		r, err := run.OpenRecipe(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, target := range r.Targets {
			args := targetArgs(target)
			if args == nil {
				if target.Protocol != "online-linear" {
					t.Errorf("%s: %s is not a protocol of eval", name, target.Protocol)
				}
				continue
			}
			fs := pflag.NewFlagSet("eval", pflag.ContinueOnError)
			p := protocolFlags(fs)
			if err := fs.Parse(args); err != nil {
				t.Fatalf("%s: %v: %v", name, args, err)
			}
			if err := p.choose(fs, fs.Args()); err != nil {
				t.Errorf("%s: %v: %v", name, args, err)
			}
			if target.Protocol == "knn" && (!slices.Equal(p.ks, []int{target.K}) || p.temperature != target.Temperature && !math.IsInf(p.temperature, 1)) ||
				target.ProbeEpochs > 0 && p.epochs != target.ProbeEpochs {
				t.Errorf("%s: %v became %+v", name, args, p)
			}
			seen[target.Protocol] = true
		}
	}
	if !seen["knn"] || !seen["linear"] {
		t.Errorf("protocols of the recipes: %v", seen)
	}
}
