package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/export/ort"
	"github.com/marr-ssl/marr/ssl/data/datatest"
	"github.com/marr-ssl/marr/ssl/npy"
)

// features writes values as an .npy file of a shape and returns its path.
func features(t *testing.T, values []float32, shape ...int) string {
	t.Helper()
	var out bytes.Buffer
	path := filepath.Join(t.TempDir(), "features.npy")
	if err := errors.Join(npy.Write(&out, values, shape...), os.WriteFile(path, out.Bytes(), 0o666)); err != nil {
		t.Fatal(err)
	}
	return path
}

// distilled returns the command line of a run that learns from a teacher.
func distilled(data, out, teacher string, more ...string) []string {
	return small(data, out, append([]string{"--method", "distill", "--teacher", teacher}, more...)...)
}

func TestDistillationResumesFromTheFolder(t *testing.T) {
	t.Parallel()
	long(t)
	set, teacher, dir := images64(t), features(t, datatest.Numbers(64*5), 64, 5), t.TempDir()
	whole, run := filepath.Join(dir, "whole"), filepath.Join(dir, "run")
	ok(t, distilled(set, whole, teacher)...)
	if status, said := stopAfter(t, 9, stopSignal, distilled(set, run, teacher)); status != stopSignals[stopSignal] {
		t.Fatalf("status %d: %s", status, said)
	}
	other := features(t, datatest.Numbers(64*5 + 1)[1:], 64, 5)
	if r := call(t, nil, "pretrain", "--resume", "--out", run, "--teacher", other); r.status != 1 || !strings.Contains(r.err, "cannot resume: it was started with other features of a teacher") {
		t.Errorf("other features: status %d, said %q", r.status, r.err)
	}
	moved := filepath.Join(dir, "moved.npy")
	if err := os.Rename(teacher, moved); err != nil {
		t.Fatal(err)
	}
	if r := call(t, nil, "pretrain", "--resume", "--out", run); r.status != 1 || !strings.Contains(r.err, "--teacher: ") || !strings.Contains(r.err, noFile) {
		t.Errorf("without the features: status %d, said %q", r.status, r.err)
	}
	ok(t, "pretrain", "--resume", "--out", run, "--teacher", moved)
	sameRun(t, whole, run)
	ok(t, "export", "--run", run, "--out", filepath.Join(dir, "student.onnx"), "--verify")
}

// The features of a network are computed once, are kept, and give the same run as a file that holds them.
func TestTeacherMayBeANetwork(t *testing.T) {
	t.Parallel()
	_, files := pictureRun(t)
	dir := t.TempDir()
	cache := []string{"MARR_CACHE=" + filepath.Join(dir, "cache")}
	train := func(name, teacher string) string {
		r := call(t, cache, distilled(pictures32(t), filepath.Join(dir, name), teacher, "--size", "16", "--epochs", "1")...)
		if r.status != 0 {
			t.Fatalf("%s: status %d: %s", name, r.status, r.err)
		}
		return r.err
	}
	train("first", files[0])
	if said := train("again", files[0]); !strings.Contains(said, "were computed before") {
		t.Errorf("the second run said %q", said)
	}
	kept, err := filepath.Glob(filepath.Join(dir, "cache", "features", "*.npy"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("%v, %v: want one file of features", kept, err)
	}
	train("of a file", kept[0])
	for _, name := range []string{"again", "of a file"} {
		a, errA := os.ReadFile(filepath.Join(dir, "first", "checkpoint.ckpt"))
		b, errB := os.ReadFile(filepath.Join(dir, name, "checkpoint.ckpt"))
		if err := errors.Join(errA, errB); err != nil || !bytes.Equal(a, b) {
			t.Errorf("the run %q ends with other bytes (%v)", name, err)
		}
	}
	if err := os.WriteFile(kept[0], []byte("damaged"), 0o666); err != nil {
		t.Fatal(err)
	}
	if said := train("damaged", files[0]); !strings.Contains(said, "the features are computed again") {
		t.Errorf("with damaged features, the run said %q", said)
	}
	if _, err := ort.Open(); errors.As(err, new(*ort.NotPresentError)) {
		println("marr: the test of a teacher in ONNX Runtime did not run:", err.Error())
		return
	}
	if said := train("foreign", foreign(t, files[0], 7, nil)); !strings.Contains(said, "it is evaluated in ONNX Runtime") {
		t.Errorf("another network's run said %q", said)
	}
}

func TestTeachersThatCannotTeachAreRefused(t *testing.T) {
	t.Parallel()
	set, out := images64(t), filepath.Join(t.TempDir(), "run")
	text := filepath.Join(t.TempDir(), "text.npy")
	if err := os.WriteFile(text, []byte("1 2 3\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		status int
		want   string
		args   []string
	}{
		"none":           {2, "--method distill: it learns from a teacher: give its features or its network by --teacher FILE", small(set, out, "--method", "distill")},
		"another method": {2, "only --method distill learns from a teacher: add it, or omit --teacher", small(set, out, "--teacher", text)},
		"another suffix": {2, "give a file that ends in .npy, .onnx or .safetensors", distilled(set, out, "features.csv")},
		"no file":        {1, "--teacher: stat nowhere.npy: " + noFile, distilled(set, out, "nowhere.npy")},
		"text":           {1, "it is no .npy file: write one with numpy.save", distilled(set, out, text)},
		"too few rows":   {1, "have 63 rows of 5 numbers, and there are 64 images: want a row for each image", distilled(set, out, features(t, datatest.Numbers(63*5), 63, 5))},
	} {
		r := call(t, nil, c.args...)
		if r.status != c.status || !strings.Contains(r.err, c.want) || strings.Count(r.err, "\n") != 1 {
			t.Errorf("%s: status %d, said %q, want %d and %q in one line", name, r.status, r.err, c.status, c.want)
		}
		if _, err := os.Stat(out); err == nil {
			t.Fatalf("%s: the command left its output folder", name)
		}
	}
}

func TestDataListsTheFilesInOrder(t *testing.T) {
	t.Parallel()
	list := filepath.Join(t.TempDir(), "order.txt")
	said := ok(t, "data", "inspect", pictures32(t), "--files", list)
	text, err := os.ReadFile(list)
	if err != nil || !strings.Contains(said, "paths of the images, in order: "+list) {
		t.Fatalf("%v, said %q", err, said)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	for i, name := range lines {
		if _, err := os.Stat(filepath.Join(pictures32(t), name)); err != nil || i > 0 && filepath.Dir(name) < filepath.Dir(lines[i-1]) {
			t.Errorf("line %d is %q: %v", i, name, err)
		}
	}
	if !strings.Contains(said, fmt.Sprintf(": %d images", len(lines))) {
		t.Errorf("%d lines, said %q", len(lines), said)
	}
	if r := call(t, nil, "data", "inspect", images64(t), "--files", list); r.status != 2 || !strings.Contains(r.err, "its images are in the order of the file") {
		t.Errorf("status %d, said %q", r.status, r.err)
	}
}
