package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/marr-ssl/marr/export"
)

// colors is the run of tests of fine-tuning, on pictures32.
func colors(t *testing.T) (run, set string) {
	t.Helper()
	set = pictures32(t)
	run, _ = trainedOn(t, set, "--size", "16", "--epochs", "1")
	return run, set
}

// finetune returns the command line of 8 epochs of 3 steps: a fifth of the 32 pictures is held out.
func finetune(set, out string, more ...string) []string {
	return append([]string{"finetune", "--train", set, "--out", out, "--epochs", "8", "--batch", "8", "--lr", "1e-2"}, more...)
}

func results(t *testing.T, dir string) (r finetuneResults) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, resultsFile))
	if err == nil {
		err = json.Unmarshal(raw, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestFineTunedAlikeFromARunAndFromItsFiles(t *testing.T) {
	t.Parallel()
	long(t)
	run, set := colors(t)
	dir := t.TempDir()
	first := filepath.Join(dir, "run")
	said := ok(t, finetune(set, first, "--run", run)...)
	for _, want := range []string{"without --test, 6 of 32 images are held out", "onnx-go agrees with the device on 26 images",
		"output probabilities [N 2]", "class   a   b  <- predicted     images  correct", "a ash     3   .", "6 images of " + set + " (held out), one seed: --seeds 3 ", "fine-tuned   accuracy 100.0 %, balanced accuracy 100.0 %"} {
		if !strings.Contains(said, want) {
			t.Errorf("said %q, want %q", said, want)
		}
	}
	r := results(t, first)
	if r.TrainImages != 26 || r.TestImages != 6 || !slices.Equal(r.FineTuned.Accuracy, []float64{100}) || !slices.Equal(r.Confusion.Classes, []string{"ash", "oak"}) || r.Confusion.Counts[1][1] != 3 {
		t.Errorf("results.json has %+v", r)
	}
	for _, file := range exported(t, run) {
		out := filepath.Join(dir, filepath.Ext(file)[1:])
		ok(t, finetune(set, out, "--init", file)...)
		sameRun(t, first, out)
		sameFile(t, first, out, classifierFile)
	}
}

// The files hold all that fine-tuning depends on, for each norm and each branch that a method exports.
func TestFineTuningFromONNXDependsOnNothingElse(t *testing.T) {
	t.Parallel()
	set := pictures32(t)
	cases := [][]string{{"--norm", "group"}, {"--norm", "moving-mean"}, {"--norm", "none"}, {"--method", "dino", "--arch", "resnet18", "--stem", "cifar"}}
	if testing.Short() {
		cases = cases[:1]
	}
	for _, flags := range cases {
		dir := t.TempDir()
		run, first, second := filepath.Join(dir, "pretrained"), filepath.Join(dir, "run"), filepath.Join(dir, "onnx")
		ok(t, small(set, run, append([]string{"--size", "16", "--epochs", "1", "--eval-every", "0"}, flags...)...)...)
		ok(t, finetune(set, first, "--run", run, "--epochs", "2", "--test", "none")...)
		ok(t, finetune(set, second, "--init", exported(t, run)[0], "--epochs", "2", "--test", "none")...)
		sameRun(t, first, second)
		sameFile(t, first, second, classifierFile)
	}
}

func TestKilledFineTuningResumesToTheSameBytes(t *testing.T) {
	t.Parallel()
	run, set := colors(t)
	dir := t.TempDir()
	file := exported(t, run)[0]
	whole, broken := filepath.Join(dir, "whole"), filepath.Join(dir, "broken")
	args := func(out string, more ...string) []string {
		return finetune(set, out, append([]string{"--init", file, "--labels-per-class", "8", "--epochs", "12", "--freeze", "--head-hidden", "5,4"}, more...)...)
	}
	ok(t, args(whole)...)
	stopAfter(t, 9, syscall.SIGKILL, args(broken))
	if status, said := stopAfter(t, 4, syscall.SIGINT, args(broken, "--resume")); status != 130 || !strings.Contains(said, "--resume") {
		t.Fatalf("status %d, said %q", status, said)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	ok(t, args(broken, "--resume")...)
	for _, name := range []string{"checkpoint.ckpt", "metrics.jsonl", classifierFile} {
		sameFile(t, whole, broken, name)
	}
	ok(t, args(broken, "--resume")...) // a completed run is measured and exported again
	sameFile(t, whole, broken, classifierFile)
}

// A frozen backbone is that of the run, bit for bit, under the names of torchvision.
func TestFrozenBackboneStays(t *testing.T) {
	t.Parallel()
	run, set := colors(t)
	out := filepath.Join(t.TempDir(), "run")
	ok(t, finetune(set, out, "--run", run, "--freeze", "--head-hidden", "0", "--weight-decay", "0.5", "--test", "none")...)
	if _, err := os.Stat(filepath.Join(out, resultsFile)); err == nil {
		t.Error("--test none wrote results")
	}
	before, err := export.ReadFile(exported(t, run)[0])
	if err != nil {
		t.Fatal(err)
	}
	after, err := export.ReadFile(filepath.Join(out, classifierFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range before.Initializers {
		if got, ok := after.Initializer(w.Name); !ok || !slices.Equal(got.Float32, w.Float32) {
			t.Errorf("%s has changed", w.Name)
		}
	}
	if w, ok := after.Initializer("fc.weight"); !ok || !slices.Equal(w.Dims, []int{2, 32}) {
		t.Errorf("fc.weight is %v, want [2 32]", w.Dims)
	}
	if got := after.Metadata[classesKey]; got != `["ash","oak"]` {
		t.Errorf("the metadata name the classes %s", got)
	}
}

func TestFineTuningComparesSeedsAndABaseline(t *testing.T) {
	t.Parallel()
	run, set := colors(t)
	out := filepath.Join(t.TempDir(), "run")
	said := ok(t, finetune(set, out, "--run", run, "--baseline", "--seeds", "2", "--epochs", "2", "--backbone-lr", "0.5", "--test", set)...)
	if strings.Count(said, " ± ") < 4 || !strings.Contains(said, "mean ± std of 2 seeds") || !strings.Contains(said, "\nfrom scratch accuracy ") {
		t.Errorf("said %q", said)
	}
	r := results(t, out)
	if r.TrainImages != 32 || r.TestImages != 32 || r.Scratch == nil || !slices.Equal(r.Scratch.Seeds, []uint64{1, 2}) || len(r.FineTuned.Balanced) != 2 {
		t.Errorf("results.json has %+v", r)
	}
	configHas(t, out, "options.backbone-lr = 0.5 # flag", "seed = 1 # default")
	configHas(t, filepath.Join(out, "seed2"), "options.backbone-lr = 0.5 # flag", "seed = 2 # default")
	configHas(t, filepath.Join(out, "scratch-seed2"), `init.weights = "random" # baseline`, "options.backbone-lr = 1 # flag", "seed = 2 # default")
}

func TestWrongFineTuningIsRefused(t *testing.T) {
	t.Parallel()
	run, set := colors(t)
	out, single := filepath.Join(t.TempDir(), "out"), t.TempDir()
	for _, class := range []string{"ash", "oak"} {
		one, err := filepath.Glob(filepath.Join(set, class, "*.png"))
		if err != nil || len(one) == 0 {
			t.Fatal(one, err)
		}
		if err := errors.Join(os.Mkdir(filepath.Join(single, class), 0o777), os.Link(one[0], filepath.Join(single, class, "one.png"))); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		status int
		want   string
		args   []string
	}{
		{2, "give either --run DIR or --init FILE", finetune(set, out)},
		{2, "give either --run DIR or --init FILE", finetune(set, out, "--run", run, "--init", run)},
		{2, "--train and --out are required", []string{"finetune", "--run", run, "--out", out}},
		{2, "holds no run: give --run DIR", finetune(set, out, "--resume")},
		{2, "holds no run: give the folder of a run", []string{"finetune", "--resume", "--out", out}},
		{2, "want a number of at least 1, or all", finetune(set, out, "--run", run, "--labels-per-class", "0")},
		{1, `only 13 images of class "ash"`, finetune(set, out, "--run", run, "--labels-per-class", "14")},
		{2, "--time and --epochs: give one", finetune(set, out, "--run", run, "--time", "1m")},
		{2, "--time 10ms: want at least a second", []string{"finetune", "--train", set, "--out", out, "--run", run, "--time", "10ms"}},
		{2, "--lr 0: want it above 0", finetune(set, out, "--run", run, "--lr", "0")},
		{2, "--seeds 0", finetune(set, out, "--run", run, "--seeds", "0")},
		{2, "want widths of 1 to 65536", finetune(set, out, "--run", run, "--head-hidden", "8,-1")},
		{2, "--backbone-lr 0: want it above 0", finetune(set, out, "--run", run, "--backbone-lr", "0")},
		{2, "unknown flag --base-lr", finetune(set, out, "--run", run, "--base-lr", "1")},
		{2, "unknown flag --head-norm", finetune(set, out, "--run", run, "--head-norm", "none")},
		{1, "has no labels", finetune(noLabels(t), out, "--run", run)},
		{1, "different classes", finetune(set, out, "--run", run, "--test", images64(t))},
		{1, "--run: ", finetune(set, out, "--run", filepath.Join(out, "typo"))},
		{2, "only a run has branches", finetune(set, out, "--init", filepath.Join(out, "x.onnx"), "--branch", "teacher")},
		{1, "one image of each class: none can be held out", []string{"finetune", "--train", single, "--out", out, "--run", run}},
		{2, "those of a resnet10", finetune(set, out, "--run", run, "--arch", "resnet18")},
	} {
		r := call(t, nil, c.args...)
		if r.status != c.status || !strings.Contains(r.err, c.want) {
			t.Errorf("%v: status %d, said %q, want %d and %q", c.args, r.status, r.err, c.status, c.want)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a refused run left its folder")
	}
}
