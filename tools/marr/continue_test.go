package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The run's own config.toml has its settings and its flags.
func TestResumeNeedsOnlyTheFolder(t *testing.T) {
	t.Parallel()
	long(t)
	data := images64(t)
	flags := []string{"--eval-data", data, "--eval-every", "2", "--eval-share", "9", "--temperature", "0.3", "--stem", "cifar", "--device", "0"}
	whole, _ := trained(t, flags...)
	if lines, err := os.ReadFile(filepath.Join(whole, "metrics.jsonl")); err != nil || strings.Count(string(lines), "knn20") != 2 {
		t.Fatalf("the run was not measured twice: %v", err)
	}
	out := filepath.Join(t.TempDir(), "run")
	if status, said := stopAfter(t, 9, stopSignal, small(data, out, flags...)); status != stopSignals[stopSignal] {
		t.Fatalf("status %d: %s", status, said)
	}
	ok(t, "pretrain", "--resume", "--out", out)
	for _, name := range []string{"checkpoint.ckpt", "metrics.jsonl", "config.toml"} {
		x, err := os.ReadFile(filepath.Join(whole, name))
		if err != nil {
			t.Fatal(err)
		}
		if y, err := os.ReadFile(filepath.Join(out, name)); err != nil || string(x) != string(y) {
			t.Errorf("%s differs (%v):\n%s", name, err, y)
		}
	}
}

func TestResumeRefusesWhatTheRunIsNot(t *testing.T) {
	t.Parallel()
	whole, _ := trained(t)
	empty := t.TempDir()
	for _, c := range []struct {
		name   string
		status int
		want   string
		args   []string
	}{
		{"rate", 1, "--lr 0.01: it was started with 0.001: leave --lr out", []string{"--out", whole, "--lr", "1e-2"}},
		{"longer", 1, "begin a new one from its weights, in another folder, with --init " + whole, []string{"--out", whole, "--epochs", "9"}},
		{"method", 1, "--method byol: it was started with simclr: leave --method out", []string{"--out", whole, "--method", "byol"}},
		{"option", 1, "--temperature 0.7: it was started with 0.2: leave", []string{"--out", whole, "--temperature", "0.7"}},
		{"size", 1, "--size 8: it was started with 16: leave", []string{"--out", whole, "--size", "8"}},
		{"architecture", 1, "--arch resnet18: it was started with resnet10: leave", []string{"--out", whole, "--arch", "resnet18"}},
		{"recipe", 1, "cannot resume: it was started with ", []string{"--out", whole, "--recipe", "cifar10-simclr-r18-200ep"}},
		{"no run", 2, "holds no run: give the folder of a run, or start one with --data", []string{"--out", empty}},
		{"no folder", 2, "--resume: --out is required", nil},
	} {
		r := call(t, nil, append([]string{"pretrain", "--resume"}, c.args...)...)
		if r.status != c.status || !strings.Contains(r.err, c.want) {
			t.Errorf("%s: status %d, want %d; stderr %q, want %q", c.name, r.status, c.status, r.err, c.want)
		}
	}
}

// The images are missing: an error about the folder is found before they are opened.
func TestUsedFolderIsRefusedBeforeTheImagesAreOpened(t *testing.T) {
	t.Parallel()
	whole, _ := trained(t)
	dir := t.TempDir()
	foreign, later := filepath.Join(dir, "foreign"), filepath.Join(dir, "later")
	for _, run := range []string{foreign, filepath.Join(later, "scratch-seed2")} {
		if err := errors.Join(os.MkdirAll(run, 0o777), os.WriteFile(filepath.Join(run, "metrics.jsonl"), nil, 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	missing := filepath.Join(dir, "missing")
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"pretrain":               {small(missing, whole), whole + ": the folder already holds a run"},
		"pretrain, foreign file": {small(missing, foreign), "it has a file metrics.jsonl, but no config.toml"},
		"finetune":               {finetune(missing, whole, "--run", whole), whole + ": the folder already holds a run"},
		"finetune, baseline":     {finetune(missing, later, "--run", whole, "--seeds", "2", "--baseline"), "scratch-seed2: it has a file metrics.jsonl"},
	} {
		if r := call(t, nil, c.args...); r.status != 1 || r.out != "" || !strings.Contains(r.err, c.want) {
			t.Errorf("%s: status %d, stdout %q, stderr %q, want %q", name, r.status, r.out, r.err, c.want)
		}
	}
}

// A bell in the path is a character that TOML and Go write differently.
func TestMovedRunGoesOnAndIsExported(t *testing.T) {
	t.Parallel()
	long(t)
	dir := filepath.Join(t.TempDir(), "b\aell")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	data, out := writeImages(t, dir, 64), filepath.Join(t.TempDir(), "run")
	if status, said := stopAfter(t, 9, stopSignal, small(data, out)); status != stopSignals[stopSignal] {
		t.Fatalf("status %d: %s", status, said)
	}
	moved := dir + "\x7f2"
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	r := call(t, nil, "pretrain", "--resume", "--out", out)
	if r.status != 1 || !strings.Contains(r.err, "if the images of the run were moved, give their new path with --data") {
		t.Errorf("without the images: status %d, stderr %q", r.status, r.err)
	}
	r = call(t, nil, "pretrain", "--resume", "--out", out, "--data", filepath.Join(moved, imagesFile))
	if r.status != 0 || !strings.Contains(r.err, "the images are read from \"") || strings.Contains(r.err, "\a") {
		t.Fatalf("moved: status %d, stderr %q", r.status, r.err)
	}
	onnx := filepath.Join(out, "backbone.onnx")
	if said := ok(t, "export", "--run", out, "--out", onnx, "--verify"); !strings.Contains(said, "agrees with the device") {
		t.Errorf("export printed %q", said)
	}
}

// The config.toml of a run is a recipe for another.
func TestConfigOfARunIsARecipe(t *testing.T) {
	t.Parallel()
	whole, _ := trained(t)
	out := filepath.Join(t.TempDir(), "run")
	ok(t, "pretrain", "--data", images64(t), "--recipe", filepath.Join(whole, "config.toml"), "--out", out)
	for _, name := range []string{"checkpoint.ckpt", "metrics.jsonl"} {
		x, err := os.ReadFile(filepath.Join(whole, name))
		if err != nil {
			t.Fatal(err)
		}
		if y, err := os.ReadFile(filepath.Join(out, name)); err != nil || string(x) != string(y) {
			t.Errorf("%s differs (%v)", name, err)
		}
	}
	configHas(t, out, "batch = 8 # recipe", "lr = 0.001 # recipe")
}

// Commands read the newest checkpoint of a folder, or one that is named.
func TestSnapshotIsMeasuredAndExported(t *testing.T) {
	t.Parallel()
	long(t)
	data, out := images64(t), filepath.Join(t.TempDir(), "run")
	ok(t, small(data, out, "--keep-every", "3", "--save-every", "5")...)
	configHas(t, out, `flags.keep-every = "3" # flag`, `flags.save-every = "5" # flag`)
	snapshot := filepath.Join(out, "checkpoint-epoch0003.ckpt")
	x, err := os.ReadFile(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	weights := map[string]string{}
	for _, from := range []string{out, snapshot} {
		file := filepath.Join(out, "x.safetensors")
		ok(t, "export", "--run", from, "--out", file, "--verify")
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		weights[from] = string(b)
		ok(t, "eval", "knn", "--run", from, "--train", data, "--test", data)
	}
	if weights[out] == weights[snapshot] {
		t.Error("the snapshot of epoch 3 has the weights of epoch 4")
	}
	if y, err := os.ReadFile(snapshot); err != nil || string(x) != string(y) {
		t.Error("the snapshot changed")
	}
	for path, want := range map[string]string{
		filepath.Join(out, "checkpoint-epoch0002.ckpt"):         "no such checkpoint: give the folder",
		filepath.Join(t.TempDir(), "checkpoint-epoch0002.ckpt"): "the folder holds no run",
	} {
		if r := call(t, nil, "export", "--run", path, "--out", filepath.Join(out, "y.onnx")); r.status != 1 || !strings.Contains(r.err, want) {
			t.Errorf("%s: status %d, stderr %q, want %q", path, r.status, r.err, want)
		}
	}
}

// ssl/report reads the files back; here the flag reaches them, also in a resumed run.
func TestTensorBoardGetsScalarsAndViews(t *testing.T) {
	if testing.Short() {
		t.Skip("stops and resumes a training")
	}
	t.Parallel()
	data, out := images64(t), filepath.Join(t.TempDir(), "run")
	if status, said := stopAfter(t, 9, stopSignal, small(data, out, "--tensorboard")); status != stopSignals[stopSignal] {
		t.Fatalf("status %d: %s", status, said)
	}
	ok(t, "pretrain", "--resume", "--out", out)
	found, err := filepath.Glob(filepath.Join(out, "events.out.tfevents.*"))
	if err != nil || len(found) != 2 {
		t.Fatalf("event files %v, %v, want one of each process", found, err)
	}
	for _, path := range found {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"brain.Event:2", "train/loss", "train/grad_norm", "views", "\x89PNG"} {
			if !strings.Contains(string(raw), want) {
				t.Errorf("%s lacks %q", path, want)
			}
		}
	}
}

func TestTwoRunsInOneFolderAreRefused(t *testing.T) {
	t.Parallel()
	data, out := images64(t), filepath.Join(t.TempDir(), "run")
	c := marr(t, nil, small(data, out, "--epochs", "400")...)
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 1<<16)
	for text := ""; strings.Count(text, "epoch ") < 3; {
		n, err := stdout.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		text += string(buffer[:n])
	}
	go func() { // until the run ends
		for err == nil {
			_, err = stdout.Read(buffer)
		}
	}()
	for _, args := range [][]string{small(data, out), {"pretrain", "--resume", "--out", out}} {
		if r := call(t, nil, args...); r.status != 1 || !strings.Contains(r.err, fmt.Sprintf("process %d is training in this folder", c.Process.Pid)) {
			t.Errorf("status %d, stderr %q, want one that names process %d", r.status, r.err, c.Process.Pid)
		}
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // killed
	r := call(t, nil, "pretrain", "--resume", "--out", out, "--epochs", "3")
	if r.status != 1 || !strings.Contains(r.err, "--epochs 3: it was started with 400") {
		t.Errorf("after a crash: status %d, stderr %q, want the lock gone", r.status, r.err)
	}
}
