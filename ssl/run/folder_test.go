package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/net/registry"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data/datatest"
)

// noted starts or resumes a run of runConfig with more settings by flags, and returns its notices.
func noted(t *testing.T, dir string, resume bool, change func(*Run)) (notices []string, err error) {
	t.Helper()
	m, err := ssl.New("simclr")
	if err != nil {
		t.Fatal(err)
	}
	c := runConfig()
	c.Epochs, c.Data = 1, "photos"
	r := &Run{Dir: dir, Resume: resume, Config: c, Method: m, Set: datatest.Noise(24, 16, 1), Origin: map[string]string{}}
	r.Notice = func(format string, args ...any) { notices = append(notices, fmt.Sprintf(format, args...)) }
	if change != nil {
		change(r)
	}
	x, err := r.Pretrain(t.Context(), device)
	if x != nil {
		x.Free()
	}
	return notices, err
}

func TestFolderOfARunningProcessIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ hasRun, resume bool }{"two starts": {false, false}, "start": {true, false}, "resume": {true, true}} {
		dir := t.TempDir()
		if c.hasRun {
			if _, err := noted(t, dir, false, nil); err != nil {
				t.Fatal(err)
			}
		}
		other := &Run{Dir: dir}
		if err := other.acquire(); err != nil {
			t.Fatal(err)
		}
		if training, err := Training(dir); err != nil || !training {
			t.Errorf("%s: trained: %v, %v, want true", name, training, err)
		}
		_, err := noted(t, dir, c.resume, nil)
		var busy *BusyError
		if !errors.As(err, &busy) || busy.Process != os.Getpid() || !strings.Contains(err.Error(), fmt.Sprint("process ", os.Getpid())) {
			t.Errorf("%s: %v, want a BusyError that names process %d", name, err, os.Getpid())
		}
		other.release()
		if _, err := noted(t, dir, c.hasRun, nil); err != nil {
			t.Errorf("%s, after the end of the other process: %v", name, err)
		}
		if training, err := Training(dir); err != nil || training {
			t.Errorf("%s: trained after the end: %v, %v, want false", name, training, err)
		}
		if _, err := os.Stat(filepath.Join(dir, lockFile)); err == nil {
			t.Errorf("%s: the lock was left", name)
		}
	}
}

// A process that was killed leaves the file, but not the lock.
func TestLockOfAKilledProcessDoesNotCount(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, lockFile), []byte("4194303000\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if training, err := Training(dir); err != nil || training {
		t.Errorf("trained: %v, %v, want false", training, err)
	}
	if notices, err := noted(t, dir, false, nil); err != nil || len(notices) > 1 {
		t.Errorf("notices %q, %v", notices, err)
	}
}

// A new run in a folder with other files says so, and overwrites none.
func TestFilesOfOthersAreKept(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.jpg", "a\u202e2J", "notes.txt", "more", "c"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	notices, err := noted(t, dir, false, nil)
	if want := dir + ` holds other files ("a\u202e2J", b.jpg, c, 2 more): those of the run are written beside them`; err != nil || !slices.Contains(notices, want) {
		t.Errorf("notices %q, %v, want %q", notices, err, want)
	}
	for _, name := range files {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, name), []byte("mine"), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := noted(t, dir, false, nil)
		if err == nil || !strings.Contains(err.Error(), name+", but no config.toml of a run") || string(content(t, dir, name)) != "mine" {
			t.Errorf("%s: %v", name, err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
			t.Errorf("%s: the refused run left %v (%v)", name, left, err)
		}
	}
}

func TestPathsOfWindowsNeedNoQuotationMarks(t *testing.T) {
	for name, want := range map[string]string{`C:\my photos`: `C:\my photos`, "a\nb": `"a\nb"`} {
		if got := printable(name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}

// Reading a device would never end. /dev/null ends, so that the test does without the mend.
func TestFoldersAndDevicesInARunAreRefused(t *testing.T) {
	for _, name := range []string{CheckpointFile, MetricsFile} {
		dir := t.TempDir()
		if _, err := noted(t, dir, false, nil); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		makers := []func() error{func() error { return os.Mkdir(path, 0o777) }}
		if runtime.GOOS != "windows" { // whose folders have no devices
			makers = append(makers, func() error { return os.Symlink(os.DevNull, path) })
		}
		for _, make := range makers {
			if err := errors.Join(os.Remove(path), make()); err != nil {
				t.Fatal(err)
			}
			if _, err := noted(t, dir, true, nil); !errors.Is(err, net.ErrNotRegular) {
				t.Errorf("%s: %v, want net.ErrNotRegular", name, err)
			}
		}
	}
}

// Without a checkpoint, config.toml has the settings.
func TestResumeRefusesFlagsThatDiffer(t *testing.T) {
	base := func(r *Run) { r.Config.LR, r.Config.BaseLR = 0, 0.25 }
	for _, saved := range []bool{true, false} {
		dir := t.TempDir()
		if _, err := noted(t, dir, false, base); err != nil {
			t.Fatal(err)
		}
		if !saved {
			for _, name := range []string{CheckpointFile, previousFile} {
				if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
					t.Fatal(err)
				}
			}
		}
		for _, c := range []struct {
			flag   string
			change func(*Run)
			want   string
		}{
			{"lr", func(r *Run) { r.Config.LR = 0.01 }, "--lr 0.01: it was started with 0.00390625: leave --lr out"},
			{"base_lr", func(r *Run) { r.Config.BaseLR = 0.5 }, "--base-lr 0.5: it was started with 0.25: leave --base-lr out"},
			{"batch", func(r *Run) { r.Config.Batch = 8 }, "--batch 8: it was started with 4: leave"},
			{"epochs", func(r *Run) { r.Config.Epochs = 7 }, "--epochs 7: it was started with 1: the schedule of a run is fixed at its start; to train for longer, begin a new one from its weights, in another folder, with --init " + dir},
			{"wire", func(r *Run) { r.Config.Wire = "fp16" }, "--wire fp16: it was started with fp32: leave --wire out"},
			{"stem", func(r *Run) { r.Config.Backbone = map[string]any{"stem": "cifar", "width": 4} }, "--stem cifar: it was started with strided"},
			{"", func(r *Run) { r.Config.Warmup = 0.5 }, "it was started with warmup = 0.1, now it is 0.5 (default)"},
			{"init", func(r *Run) {
				r.Config.Init = &Init{Weights: "others", Mean: []float64{0}, Std: []float64{1}}
				r.Start = func(*kernels.Store) error { return nil }
			}, "it was started from other weights"},
			{"views", func(r *Run) { r.Views = "[[view]]\ncount = 2\ngrayscale = 0.75" }, "it was started with other views"},
		} {
			_, err := noted(t, dir, true, func(r *Run) {
				base(r)
				c.change(r)
				r.Origin[c.flag] = "flag"
			})
			if err == nil || !strings.Contains(err.Error(), "cannot resume: "+c.want) {
				t.Errorf("saved %t, %s: %v, want %q", saved, c.flag, err, c.want)
			}
		}
		if _, err := noted(t, dir, true, base); err != nil {
			t.Errorf("saved %t, the same settings: %v", saved, err)
		}
	}
}

// The fingerprint of the images decides whether a run can be resumed.
func TestMovedImagesDoNotEndTheRun(t *testing.T) {
	dir := t.TempDir()
	if _, err := noted(t, dir, false, nil); err != nil {
		t.Fatal(err)
	}
	moved := func(r *Run) { r.Config.Data = "/elsewhere/pho\atos" }
	notices, err := noted(t, dir, true, moved)
	if want := `the images are read from "/elsewhere/pho\atos" now: the run was started with photos, which had the same`; err != nil || !slices.Contains(notices, want) {
		t.Errorf("notices %q, %v, want %q", notices, err, want)
	}
	if c, err := ReadConfig(filepath.Join(dir, ConfigFile)); err != nil || c.Data != "/elsewhere/pho\atos" {
		t.Errorf("recorded %q, %v", c.Data, err)
	}
	_, err = noted(t, dir, true, func(r *Run) {
		moved(r)
		r.Set = datatest.Noise(25, 16, 1)
	})
	if err == nil || !strings.Contains(err.Error(), "it was started with the images of photos, and those of") {
		t.Errorf("other images at another path: %v", err)
	}
}

// A recipe of a run's config.toml gives the same settings, and config.toml returns who chose them and its flags.
func TestConfigFileIsARecipe(t *testing.T) {
	for _, method := range ssl.Methods() {
		for _, lr := range []float64{0, 0.125} {
			m, err := ssl.New(method)
			if err != nil {
				t.Fatal(err)
			}
			c, set := runConfig(), films(4, 32)
			c.Data, c.Method, c.Options, c.LR, c.Size = "photos\x01", method, registry.Values(m), lr, 32
			c.Resolve(set)
			if err := c.SetViews("", m, set); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), ConfigFile)
			origin, flags := map[string]string{"batch": "flag", "stem": "recipe", "epochs": "automatic", "views": "flag"}, map[string]string{"eval-data": "a\n\"b\""}
			if err := c.write(path, origin, flags); err != nil {
				t.Fatal(err)
			}
			saved, err := ReadSaved(path)
			if err != nil {
				t.Fatal(err)
			}
			if got := saved.Origin(); fmt.Sprint(got) != fmt.Sprint(origin) || saved.Flags["eval-data"] != flags["eval-data"] {
				t.Errorf("%s: chosen by %v, flags %q, want %v and %q", method, got, saved.Flags, origin, flags)
			}
			recipe, err := OpenRecipe(path)
			if err != nil {
				t.Errorf("%s: %v", method, err)
				continue
			}
			got := DefaultConfig()
			recipe.Apply(&got, never)
			got.Data, got.Options = c.Data, recipe.Options
			got.Resolve(set)
			if err := got.SetViews(recipe.Views, m, set); err != nil {
				t.Errorf("%s: %v", method, err)
			} else if !slices.Equal(got.settings(), c.settings()) {
				t.Errorf("%s: the recipe gives %v, want %v", method, got.settings(), c.settings())
			}
		}
	}
}

// A run of a version whose method had fewer options continues with the defaults of the others.
func TestRunResumesWithoutTheOptionsThatAreNewerThanIt(t *testing.T) {
	m, err := ssl.New("simclr")
	if err != nil {
		t.Fatal(err)
	}
	c := runConfig()
	c.Options = registry.Values(m)
	delete(c.Options, "projector-output-norm")
	written, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for outputNorm, want := range map[bool]string{false: "", true: "it was started with options.projector-output-norm = false, now it is true"} {
		r := &Run{Dir: t.TempDir(), Config: c, Set: datatest.Noise(24, 16, 1)}
		r.Config.Options = registry.Values(m)
		r.Config.Options["projector-output-norm"] = outputNorm
		r.Config.Resolve(r.Set)
		switch err := r.compare(&net.Checkpoint{Meta: net.Meta{Config: written}}); {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("output norm %t: %v, want %q", outputNorm, err, want)
		}
	}
}
