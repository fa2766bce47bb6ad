package run

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/data/datatest"
)

func never(string) bool { return false }

// films returns a set of n clips of three random images each.
func films(n, px int) *data.Set {
	set := datatest.Noise(3*n, px, 3)
	for i := range n {
		set.Clips = append(set.Clips, data.Clip{First: 3 * i, N: 3})
	}
	return set
}

// The settings, options and views of a recipe are accepted. Its name has that of its method.
func TestEveryEmbeddedRecipeIsValid(t *testing.T) {
	if len(Recipes()) < 30 {
		t.Fatalf("%d recipes", len(Recipes()))
	}
	for _, name := range Recipes() {
		r, err := OpenRecipe(name)
		if err != nil {
			t.Error(err)
			continue
		}
		c := DefaultConfig()
		r.Apply(&c, never)
		set := datatest.Noise(c.Batch, 8, 3)
		switch {
		case c.Method == "order":
			set, c.Size = films(c.Batch/3+1, 8), 32
		case strings.HasPrefix(name, "fashion"):
			set = datatest.Noise(c.Batch, 8, 1)
			c.Size = 32
		}
		c.Resolve(set)
		m, err := ssl.New(c.Method)
		if err == nil {
			err = c.Check(set)
		}
		if err == nil {
			err = c.SetViews(r.Views, m, set)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.Contains(name, c.Method) {
			t.Errorf("%s is for %s", name, c.Method)
		}
	}
}

const goodRecipe = "about = \"x\"\nsource = \"y\"\nmethod = \"byol\"\n"

func TestRecipeErrorsNameTheLineAndTheValue(t *testing.T) {
	for text, want := range map[string]string{
		goodRecipe + "epoch = 3\n":                                                                   "line 4: epoch is not known: want about, source, target, data, method",
		goodRecipe + "epochs = \"many\"\n":                                                           `line 4: epochs = "many": want a whole number at least 1`,
		goodRecipe + "epochs = 2.5\n":                                                                "line 4: epochs = 2.5: want a whole number",
		goodRecipe + "\n# epochs = 1\nbatch = 1\n":                                                   "line 6: batch = 1: want a whole number at least 2",
		goodRecipe + "warmup = 2\n":                                                                  "line 4: warmup = 2: want a number at least 0, at most 1",
		goodRecipe + "optimizer = \"lion\"\n":                                                        `line 4: optimizer = "lion": want adam, adamw`,
		goodRecipe + "data = 3\n":                                                                    "line 4: data = 3: want a string in quotes",
		goodRecipe + "lr = 1\nbase_lr = 1\n":                                                         "line 4: lr and base_lr: want one",
		goodRecipe + "options = 3\n":                                                                 "line 4: options: want a table [options]",
		goodRecipe + "epochs = 2\n\n[options]\nmomentum = 0.3\n":                                     "line 7: momentum = 0.3: want a number 0 or above 0.5, at most 1",
		goodRecipe + "options = { momentum = true }\n":                                               "line 4: momentum = true: want a number 0 or above 0.5",
		goodRecipe + "[options]\nembedding = 2.5\n":                                                  "line 5: embedding = 2.5: want a whole number",
		goodRecipe + "[options]\ntemperature = 1\n":                                                  "line 5: temperature is not a setting of byol: known are momentum, projector-hidden",
		goodRecipe + "views = '''\n[all]\nepochs = 3\n'''\nepochs = 0\n":                             "line 8: epochs = 0",
		goodRecipe + "views = '''\n[all]\n\nflip = 3\n'''\n":                                         "line 7: all: flip is not known",
		goodRecipe + "views = \"from = 'nope'\"\n":                                                   `line 4: from "nope" is not known`,
		goodRecipe + "stem = \"cifar\"\n":                                                            "line 4: stem is now backbone.stem",
		goodRecipe + "bn = \"off\"\n":                                                                "line 4: bn is now norm",
		goodRecipe + "norm = \"off\"\n":                                                              `line 4: norm = "off": want batch, none`,
		goodRecipe + "backbone.stem = \"big\"\n":                                                     `line 4: stem = "big": want one of cifar`,
		goodRecipe + "[backbone]\ndepth = 3\n":                                                       "line 5: depth is not a setting of resnet18: known are stem, width",
		goodRecipe + "target = \"93 %\"\n":                                                           "line 4: target: want tables [[target]] with accuracy, protocol, epochs and source",
		goodRecipe + "target = [3]\n":                                                                "line 4: target: want tables [[target]]",
		goodRecipe + "[[target]]\nepochs = 3\n":                                                      "line 4: target: accuracy is missing: a target has accuracy, protocol, epochs, source",
		goodRecipe + "[[target]]\naccuracy = 90\nprotocol = \"knn\"\nepochs = 3\nsource = \"z\"\n":   "line 4: target: k is missing: a target has accuracy, protocol, epochs, source, k",
		goodRecipe + "[[target]]\naccuracy = 90\nprotocol = \"linear\"\nepochs = 3\nsource = \"\"\n": "line 4: target: source is missing",
		goodRecipe + "[[target]]\naccuracy = 101\n":                                                  "line 5: accuracy = 101: want a number above 0, at most 100",
		goodRecipe + "[[target]]\nprotocol = \"svm\"\n":                                              `line 5: protocol = "svm": want knn, linear, online-linear`,
		goodRecipe + "[[target]]\nepochs = 1.5\n":                                                    "line 5: epochs = 1.5: want a whole number at least 1",
		goodRecipe + "[[target]]\nbest_epoch = 1\n":                                                  "line 5: best_epoch = 1: want true or false",
		goodRecipe + "[[target]]\n\nseeds = 3\n":                                                     "line 6: target: seeds is not known: want accuracy, protocol, k",
		goodRecipe + "[[target]]\naccuracy = 90\nprotocol = \"linear\"\nepochs = 3\nsource = \"z\"\nk = 20\n": "line 9: target: k is not part of the protocol linear: remove it",
		goodRecipe + "epochs = \n":                                                                 "line 4: ",
		strings.Replace(goodRecipe, `"byol"`, `"moco"`, 1):                                         "line 3: method = \"moco\": want ",
		strings.Replace(goodRecipe, `"y"`, `""`, 1):                                                "line 2: source: want a string in quotes",
		strings.Replace(goodRecipe, "source = \"y\"\n", "", 1):                                     "source is missing",
		strings.Replace(goodRecipe, "byol", "simsiam", 1) + "options = 1979-05-27":                 "line 4: options: want a table",
		strings.Replace(goodRecipe, "byol", "simsiam", 1) + "[options]\npredictor-scheduled = 1\n": "line 5: predictor-scheduled = 1: want true or false",
	} {
		file := filepath.Join(t.TempDir(), "mine.toml")
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenRecipe(file); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%q:\ngot  %v\nwant %s in it", text, err, want)
		}
	}
	if _, err := OpenRecipe("cifar10"); err == nil || !strings.Contains(err.Error(), "known are cifar10-barlow-r18") {
		t.Errorf("got %v", err)
	}
	if _, err := OpenRecipe("none.toml"); err == nil || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestGivenSettingsOverrideARecipe(t *testing.T) {
	r, err := parseRecipe(goodRecipe + "epochs = 7\nbatch = 512\nbase_lr = 1\n[options]\nmomentum = 0.9\nembedding = 8\n")
	if err != nil {
		t.Fatal(err)
	}
	c := DefaultConfig()
	c.Epochs, c.LR = 3, 0.5
	keys := r.Apply(&c, func(key string) bool { return key == "epochs" || key == "lr" || key == "embedding" })
	c.Resolve(datatest.Noise(4, 16, 1))
	if c.Epochs != 3 || c.LR != 0.5 || c.BaseLR != 0 || c.Batch != 512 || c.Method != "byol" {
		t.Errorf("%+v", c)
	}
	for key, want := range map[string]bool{"epochs": false, "base_lr": false, "batch": true, "method": true, "momentum": true, "embedding": false} {
		if got := strings.Contains(" "+strings.Join(keys, " ")+" ", " "+key+" "); got != want {
			t.Errorf("%s among the recipe's keys: %t", key, got)
		}
	}
	c = DefaultConfig()
	if r.Apply(&c, never); c.Epochs != 7 || c.BaseLR != 1 {
		t.Errorf("%+v", c)
	}
	if c.Resolve(datatest.Noise(4, 16, 1)); c.LR != 2 {
		t.Errorf("rate %g, want 1 × 512/256", c.LR)
	}
}
