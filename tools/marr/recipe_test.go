package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// configHas checks that a run's config.toml has these lines.
func configHas(t *testing.T, run string, want ...string) {
	t.Helper()
	config, err := os.ReadFile(filepath.Join(run, "config.toml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range want {
		if !strings.Contains(string(config), line+"\n") {
			t.Errorf("config.toml lacks %q:\n%s", line, config)
		}
	}
}

// tiny are flags for a run of two or more steps on a small network.
var tiny = []string{"--arch", "resnet10", "--width", "4", "--batch", "8", "--epochs", "1"}

func TestFlagsOverrideARecipe(t *testing.T) {
	t.Parallel()
	data, run, file := images(t, 16), filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "mine.toml")
	recipe := "about = 'x'\nsource = 'y'\nmethod = 'simsiam'\nepochs = 9\nbase_lr = 0.64\noptimizer = 'sgd'\nviews = '''\n[all]\nhorizontal_flip = 0.25\n'''\n" +
		"[options]\nembedding = 32\npredictor-hidden = 12\n"
	if err := os.WriteFile(file, []byte(recipe), 0o666); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"pretrain", "--data", data, "--out", run, "--recipe", file, "--predictor-hidden", "8"}, tiny...)
	if said := ok(t, args...); !strings.Contains(said, "learning rate 0.02 = 0.64 × 8/256, cosine") {
		t.Errorf("printed %q", said)
	}
	configHas(t, run, `method = "simsiam" # recipe`, "epochs = 1 # flag", "base_lr = 0.64 # recipe", "lr = 0.02 # default", "warmup = 0.1 # default",
		"options.embedding = 32 # recipe", "options.predictor-hidden = 8 # flag", "horizontal_flip = 0.25", "''' # recipe")
	ok(t, append(args, "--resume")...)
}

// The settings of a method that is chosen are those of the method when it is named.
func TestSettingsAreChosenForTheRun(t *testing.T) {
	t.Parallel()
	data, dir := images(t, 16), t.TempDir()
	pretrain := func(name string, more ...string) (said, run string) {
		run = filepath.Join(dir, name)
		return ok(t, append(append([]string{"pretrain", "--data", data, "--out", run}, tiny...), more...)...), run
	}
	said, run := pretrain("chosen")
	for _, want := range []string{"plan for 16 images on ", "method   simclr    ", "views    16 px     ", "the size of the images", "batch    8 ", "as given"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in %q", want, said)
		}
	}
	configHas(t, run, `method = "simclr" # automatic`, "epochs = 1 # flag", "options.embedding = 128 # automatic", `random_resized_crop = { scale = [0.4, 1], ratio = [0.75, 1.3333333333333333], interpolation = "bilinear" }`)
	_, named := pretrain("named", "--method", "simclr")
	sameCheckpoint(t, run, named)
	pretrain("chosen", "--resume")
	_, run = pretrain("dino", "--method", "dino", "--momentum", "0.8", "--size", "72")
	configHas(t, run, `method = "dino" # flag`, "options.prototypes = 16 # automatic", "options.momentum = 0.8 # flag")
}

// The time limit gives whole epochs, which config.toml records, and a dry run trains nothing.
func TestTimeLimitSetsTheEpochs(t *testing.T) {
	t.Parallel()
	long(t)
	data, run := images(t, 16), filepath.Join(t.TempDir(), "run")
	args := []string{"pretrain", "--data", data, "--arch", "resnet10", "--width", "4", "--batch", "8", "--time", "2s"}
	said := ok(t, append(args, "--dry-run")...)
	for _, want := range []string{"what ends within 2 s", "MiB", "per epoch", "half the time: --"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in %q", want, said)
		}
	}
	ok(t, append(args, "--out", run)...)
	configHas(t, run, " # automatic")
	if r := call(t, nil, append(args, "--out", run, "--resume")...); r.status != 0 || !strings.Contains(r.err, "--time is ignored: a resumed run keeps its length") {
		t.Errorf("--time with --resume: status %d, %q", r.status, r.err)
	}
	if r := call(t, nil, append(args, "--out", run, "--epochs", "3")...); r.status != 2 || !strings.Contains(r.err, "--time and --epochs: give one") {
		t.Errorf("--time with --epochs: status %d, %q", r.status, r.err)
	}
}

func TestRecipesAreListedWithTheirSources(t *testing.T) {
	t.Parallel()
	said := ok(t, "pretrain", "--recipe", "list")
	for _, want := range []string{"cifar10-byol-r18\n", "    source: vturrisi/solo-learn, scripts/pretrain/cifar/byol.yaml\n", "    target: 92.58 %, linear probe trained along for 1000 epochs (vturrisi/solo-learn, README.md)\n"} {
		if !strings.Contains(said, want) {
			t.Errorf("the list lacks %q", want)
		}
	}
}

// Its views, options and backbone are those of its file.
func TestEmbeddedRecipeTrains(t *testing.T) {
	t.Parallel()
	run := filepath.Join(t.TempDir(), "run")
	ok(t, "pretrain", "--recipe", "fashion-placed-dino-r10", "--data", images(t, 16), "--size", "32", "--out", run, "--epochs", "1", "--batch", "8", "--width", "4")
	configHas(t, run, "count = 2", "options.prototypes = 256 # recipe", "options.norm-in-head = true # recipe", "width = 4 # flag", `arch = "resnet10" # recipe`)
}
