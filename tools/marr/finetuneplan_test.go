package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/train"
)

func TestEpochsOfFineTuningFitTheTime(t *testing.T) {
	for _, c := range []struct {
		cost  finetuneCost
		limit time.Duration
		want  int
	}{
		{finetuneCost{epoch: time.Minute}, 10 * time.Minute, 10},
		{finetuneCost{epoch: time.Minute, tests: 30 * time.Second}, 10 * time.Minute, 9},
		{finetuneCost{epoch: time.Hour}, time.Minute, 1},
		{finetuneCost{epoch: time.Second, tests: time.Hour}, time.Minute, 1},
	} {
		if got := c.cost.fit(c.limit); got != c.want {
			t.Errorf("%+v in %v: %d epochs, want %d", c.cost, c.limit, got, c.want)
		}
	}
}

func TestBatchIsHalvedUntilItFits(t *testing.T) {
	other := errors.New("other")
	for _, c := range []struct {
		batch, fits int
		fixed       bool
		err         error // of a batch that fits
		want        []int // batches that are measured
	}{
		{batch: 256, fits: 64, want: []int{256, 128, 64}},
		{batch: 64, fits: 64, want: []int{64}},
		{batch: 64, fits: 64, err: other, want: []int{64}},
		{batch: 64, fits: 8, want: []int{64, 32}},
		{batch: 256, fits: 64, fixed: true, want: []int{256}},
	} {
		var measured []int
		err := fitBatch(c.batch, c.fixed, func(batch int) error {
			if measured = append(measured, batch); batch > c.fits {
				return fmt.Errorf("measuring: %w", &train.MemoryError{})
			}
			return c.err
		})
		if last := measured[len(measured)-1]; !slices.Equal(measured, c.want) || errors.As(err, new(*train.MemoryError)) != (last > c.fits) || last <= c.fits && err != c.err {
			t.Errorf("%+v: measured %v, %v", c, measured, err)
		}
	}
}

func TestPlanOfFineTuningSaysWhatChangesIt(t *testing.T) {
	for _, c := range []struct {
		epochs int
		args   []string
		want   string
	}{
		{20, nil, "half the time: --epochs 10"},
		{5, nil, "20 epochs are usual and take 20m: --epochs or --time changes the length; a smaller --size, or --freeze, makes an epoch faster"},
		{5, []string{"--time", "5m"}, "half the time: --epochs 2"},
		{1, []string{"--epochs", "1"}, "a smaller --size, or --freeze, makes an epoch faster"},
	} {
		fs := pflag.NewFlagSet("", pflag.ContinueOnError)
		fs.Int("epochs", 0, "")
		fs.Duration("time", 0, "")
		if err := fs.Parse(c.args); err != nil {
			t.Fatal(err)
		}
		f := &finetuning{settings: newSettings(fs), method: ssl.NewFinetune()}
		f.config.Epochs = c.epochs
		if got := f.advice(finetuneCost{epoch: time.Minute}, 20); got != c.want {
			t.Errorf("%d epochs, %v: %q, want %q", c.epochs, c.args, got, c.want)
		}
	}
}

// The plan's number of epochs stands in config.toml, and every run of the command has it.
func TestPlanOfFineTuning(t *testing.T) {
	t.Parallel()
	run, set := colors(t)
	out := filepath.Join(t.TempDir(), "run")
	said := ok(t, "finetune", "--run", run, "--train", set, "--out", out, "--time", "1s", "--seeds", "2", "--labels-per-class", "2", "--freeze", "--test", "none")
	found := regexp.MustCompile(`plan on .*: (\d+) epochs? of 1 step, .* per epoch of all 2 runs; .* in all, .*\nhalf the time: --epochs`).FindStringSubmatch(said)
	if found == nil || strings.Index(said, found[0]) > strings.Index(said, "seed 1") {
		t.Fatalf("said %q, want a plan before the training", said)
	}
	for _, dir := range []string{out, filepath.Join(out, "seed2")} {
		configHas(t, dir, "epochs = "+found[1]+" # automatic", "batch = 4 # automatic")
	}
	if said = ok(t, "finetune", "--resume", "--out", out); strings.Contains(said, "plan on") {
		t.Errorf("a resumed run has a plan: %q", said)
	}
	configHas(t, out, "epochs = "+found[1]+" # automatic", "batch = 4 # automatic")
}

// A frozen backbone raises the default rate of the head, but not that of the baseline, which trains the whole network.
func TestRateOfFineTuning(t *testing.T) {
	t.Parallel()
	long(t)
	run, set := colors(t)
	dir := t.TempDir()
	for i, c := range []struct {
		flags           []string
		tuned, baseline string
	}{
		{[]string{}, "lr = 0.001 # default", "lr = 0.001 # default"},
		{[]string{"--freeze"}, "lr = 0.01 # default", "lr = 0.001 # default"},
		{[]string{"--freeze", "--lr", "0.02"}, "lr = 0.02 # flag", "lr = 0.02 # flag"},
	} {
		out := filepath.Join(dir, string('a'+rune(i)))
		ok(t, append([]string{"finetune", "--run", run, "--train", set, "--out", out, "--epochs", "1", "--baseline", "--test", "none"}, c.flags...)...)
		ok(t, "finetune", "--resume", "--out", out)
		configHas(t, out, c.tuned)
		configHas(t, filepath.Join(out, "scratch-seed1"), c.baseline)
	}
}
