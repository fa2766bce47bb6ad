package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/bench"
	"github.com/marr-ssl/marr/ssl/ablate"
	"github.com/marr-ssl/marr/ssl/views"
)

// ablation64 is the command line of an ablation of the smallest network on images64.
func ablation64(t *testing.T, out string, more ...string) []string {
	return append([]string{"ablate", "--data", images64(t), "--out", out, "--method", "simclr", "--arch", "toy", "--features", "8", "--toy-patch", "2", "--size", "16",
		"--epochs", "1"}, more...)
}

func TestAblateTrainsJudgesAndContinues(t *testing.T) {
	t.Parallel()
	long(t)
	out := filepath.Join(t.TempDir(), "map")
	args := ablation64(t, out, "--ops", "cutout,crop", "--batch", "16")
	c := marr(t, nil, args...)
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var said []byte
	for buf := make([]byte, 1000); !strings.Contains(string(said), "2/4 "); {
		n, err := stdout.Read(buf)
		if said = append(said, buf[:n]...); err != nil {
			t.Fatalf("%v after %s", err, said)
		}
	}
	c.Process.Signal(syscall.SIGKILL)
	c.Wait()
	before, err := readAblation(out)
	if err != nil || len(before.Results) < 1 {
		t.Fatalf("after a kill: %v, %d results", err, len(before.Results))
	}
	text := ok(t, args...)
	for _, part := range []string{"then alone crop, cutout, then pairs", "4/4 crop+cutout, seed 1: linear probe ", "The best pair is crop+cutout with", "There is one seed"} {
		if !strings.Contains(text, part) {
			t.Errorf("lacks %q:\n%s", part, text)
		}
	}
	ok(t, append(args, "--seeds", "2")...)
	after, err := readAblation(out)
	if err != nil {
		t.Fatal(err)
	}
	if len(after.Results) != 8 || after.Results[0].Seconds != before.Results[0].Seconds || after.Results[7].Seed != 2 {
		t.Errorf("%d results, the first in %g s instead of %g", len(after.Results), after.Results[0].Seconds, before.Results[0].Seconds)
	}
	if x := after.Table(ablate.Linear).Cells[0][1]; x.N != 2 || x != after.Table(ablate.Linear).Cells[1][0] || x.Mean < 10 {
		t.Errorf("crop and cutout: %+v", x)
	}
	for _, name := range []string{"linear.png", "rank.png", "views/crop+cutout.toml"} {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(out, "runs")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("folders of runs were kept: %v", err)
	}
	r := call(t, nil, append(args, "--lr", "0.1")...)
	if r.status != 1 || !strings.Contains(r.err, "--lr: the ablation in "+out+" was started without it, and now it is 0.1") {
		t.Errorf("another configuration: status %d, said %q", r.status, r.err)
	}
}

// A file of values makes a map of two settings, whose runs have those settings.
func TestAblateSweepsFlagsOfAFile(t *testing.T) {
	t.Parallel()
	long(t)
	dir := t.TempDir()
	file, out := filepath.Join(dir, "values.toml"), filepath.Join(dir, "map")
	if err := os.WriteFile(file, []byte("temperature = [0.1, 1]\nbatch = [8, 16]\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	ok(t, ablation64(t, out, "--by", file, "--keep-runs")...)
	configHas(t, filepath.Join(out, "runs", "temperature=0.1,batch=8-1"), "batch = 8 # flag", "options.temperature = 0.1 # flag")
	configHas(t, filepath.Join(out, "runs", "temperature=1,batch=16-1"), "batch = 16 # flag", "options.temperature = 1 # flag")
}

func TestAblateRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	damaged := filepath.Join(dir, "damaged")
	if err := errors.Join(os.Mkdir(damaged, 0o777), os.WriteFile(filepath.Join(damaged, ablationJSON), []byte("{"), 0o666)); err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		args []string
		want string
	}{
		"no data":        {[]string{"--out", out}, "--data and --out are required"},
		"unknown":        {[]string{"--by", "colors"}, "--by colors: not known"},
		"seeds":          {[]string{"--seeds", "0"}, "--seeds 0: want 1 to 1000"},
		"images":         {[]string{"--images", "-1"}, "--images -1: want at least 1"},
		"ops elsewhere":  {[]string{"--by", "batch", "--ops", "crop"}, "--ops: it belongs to --by augmentations"},
		"no file":        {[]string{"--by", filepath.Join(dir, "none.toml")}, "none.toml"},
		"three keys":     {[]string{"--by", file("a.toml", "batch = [8, 16]\nlr = [1, 2]\nclip = [1, 2]")}, "it has 3 keys: want one or two flags"},
		"no flag":        {[]string{"--by", file("b.toml", "bach = [8, 16]")}, "line 1: bach is no flag: did you mean batch?"},
		"same for all":   {[]string{"--by", file("c.toml", "seed = [8, 16]")}, "line 1: seed is the same for all runs"},
		"no list":        {[]string{"--by", file("d.toml", "batch = 8")}, "line 1: batch = 8: want a list of at least two values"},
		"twice":          {[]string{"--by", file("e.toml", "batch = [8, 8]")}, "line 1: batch lists 8 twice"},
		"also given":     {[]string{"--batch", "4", "--by", file("f.toml", "batch = [8, 16]")}, "line 1: batch is listed, and given by a flag"},
		"no TOML":        {[]string{"--by", file("g.toml", "batch = [")}, "line 1: "},
		"damaged folder": {[]string{"--out", damaged}, "ablation.json"},
	} {
		args := []string{"--data", images64(t), "--out", out}
		if name == "no data" {
			args = nil
		}
		a := newAblation(pflag.NewFlagSet("ablate", pflag.ContinueOnError))
		if err := a.fs.Parse(append(args, x.args...)); err != nil {
			t.Fatal(err)
		}
		err := a.check(nil)
		if err == nil {
			_, err = a.open()
		}
		if err == nil || !strings.Contains(explain(err), x.want) || strings.Contains(explain(err), "\n") {
			t.Errorf("%s: %v, want %q", name, err, x.want)
		}
	}
	if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
		t.Error("a folder was made")
	}
}

// A folder with results accepts the same flags, more seeds and another place of the images, and refuses others.
func TestAblateComparesTheFlagsOfItsFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ablation := func(args ...string) *ablation {
		a := newAblation(pflag.NewFlagSet("ablate", pflag.ContinueOnError))
		if err := a.fs.Parse(append([]string{"--data", "d", "--out", dir}, args...)); err != nil {
			t.Fatal(err)
		}
		return a
	}
	a := ablation("--lr", "0.1", "--time", "1m")
	release, err := a.open()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ablation("--lr", "0.1").open(); err == nil || !strings.Contains(err.Error(), "another process trains in this folder") {
		t.Errorf("a second process: %v", err)
	}
	a.file.Chosen = map[string]string{"epochs": "3"}
	if err := bench.WriteJSON(filepath.Join(dir, ablationJSON), a.file); err != nil {
		t.Fatal(err)
	}
	release()
	same := ablation("--lr", "0.1", "--seeds", "3", "--data", "moved")
	if release, err = same.open(); err != nil || same.file.Chosen["epochs"] != "3" {
		t.Fatalf("the same flags: %v", err)
	}
	release()
	for want, args := range map[string][]string{
		"was started with 0.1, and now it is 0.2":     {"--lr", "0.2"},
		"was started with 0.1, and it is left out":    {},
		"was started without it, and now it is batch": {"--lr", "0.1", "--by", "batch"},
	} {
		if _, err := ablation(args...).open(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
}

func TestCropsBeginAtAPartOfTheImage(t *testing.T) {
	all, err := views.Preset("dino", views.Input{Size: 32, Channels: 3, Frames: 1})
	if err != nil {
		t.Fatal(err)
	}
	got := cropFrom(all, 32, 0.5)
	if got[0].RandomResizedCrop.Scale != [2]float64{0.5, 1} || got[2].RandomResizedCrop.Scale != all[2].RandomResizedCrop.Scale || all[0].RandomResizedCrop.Scale[0] == 0.5 {
		t.Errorf("crops from %v and %v", got[0].RandomResizedCrop.Scale, got[2].RandomResizedCrop.Scale)
	}
}

// An ablation without a result has no empty picture.
func TestAblationWithoutResultsHasNoPicture(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	a := &ablation{pretrainOptions: &pretrainOptions{out: out}, file: &ablationFile{Study: ablate.Study{Axes: []ablate.Axis{{Name: "batch", Values: []string{"8", "16"}}},
		Seeds: []uint64{1}, Score: ablate.Rank, Untrained: map[string]float64{ablate.Rank: 2}}}}
	for results, want := range []bool{false, true} {
		if results > 0 {
			a.file.Results = []ablate.Result{{Cell: a.file.Cells()[0], Scores: map[string]float64{ablate.Rank: 3}}}
		}
		if err := a.write(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(out, "rank.png")); (err == nil) != want {
			t.Errorf("with %d results: %v", results, err)
		}
	}
}

// The page quotes what the committed results say.
func TestAblationPageSaysWhatTheResultsSay(t *testing.T) {
	page, err := os.ReadFile("../../bench/ABLATION.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(strings.ReplaceAll(string(page), "\n>", "\n")), " ")
	dirs, err := filepath.Glob("../../bench/results/ablation/*")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("%d ablations, %v", len(dirs), err)
	}
	for _, dir := range dirs {
		a, err := readAblation(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{a.Study.Reading(), a.Command + " ", "results/ablation/" + filepath.Base(dir) + "/linear.png"} {
			if !strings.Contains(text, want) {
				t.Errorf("bench/ABLATION.md lacks %q", want)
			}
		}
	}
}
