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

func TestMethodIsChosenByTheImagesByDefault(t *testing.T) {
	t.Parallel()
	data, run := images(t, 16), filepath.Join(t.TempDir(), "run")
	args := append([]string{"pretrain", "--data", data, "--out", run}, tiny...)
	if said := ok(t, args...); !strings.Contains(said, "without --method or --recipe: byol, which suits views of 16 px") || strings.Contains(said, "DINO ") {
		t.Errorf("printed %q", said)
	}
	configHas(t, run, `method = "byol" # automatic`, "epochs = 1 # flag", "options.momentum = 0.9 # automatic")
	ok(t, append(args, "--resume")...)
	run = filepath.Join(t.TempDir(), "run")
	said := ok(t, append([]string{"pretrain", "--data", pictures(t, 8), "--size", "72", "--out", run, "--momentum", "0.8"}, tiny...)...)
	if !strings.Contains(said, "dino, which suits views of 72 px (up to 64: byol); for 16 images prototypes 16, teacher temperature 0.02") {
		t.Errorf("printed %q", said)
	}
	configHas(t, run, `method = "dino" # automatic`, "options.prototypes = 16 # automatic", "options.momentum = 0.8 # flag", "clip_each = 3 # automatic", "base_lr = 0.0005 # automatic")
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
