package main

import (
	"encoding/csv"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/export"
	"github.com/marr-ssl/marr/export/ort"
)

func TestPredictionsAreThoseOfTheClassifier(t *testing.T) {
	t.Parallel()
	run, set := colors(t)
	dir := t.TempDir()
	ok(t, finetune(set, dir+"/run", "--run", run, "--test", "none")...)
	model, file := filepath.Join(dir, "run", classifierFile), filepath.Join(dir, "predictions.csv")
	r := call(t, nil, "predict", "--model", model, "--data", set, "--out", file)
	if r.status != 0 || !strings.Contains(r.out, "32 images classified, 1 skipped") || !strings.Contains(r.err, "broken.jpg") {
		t.Errorf("status %d, printed %q and %q", r.status, r.out, r.err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if said := ok(t, "predict", "--model", model, "--data", set); said != string(text) {
		t.Errorf("printed %q without --out, want the file's %q", said, text)
	}
	rows, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil || len(rows) != 33 || !slices.Equal(rows[0], []string{"file", "class", "probability"}) {
		t.Fatalf("%d rows that begin with %v (%v)", len(rows), rows[0], err)
	}
	for _, row := range rows[1:] {
		if p, err := strconv.ParseFloat(row[2], 64); err != nil || !(p > 0.5 && p <= 1) || !strings.HasPrefix(row[0], row[1]+"/") {
			t.Errorf("%v: want the class of the folder, and a probability above 0.5", row)
		}
	}
	top := strings.Split(ok(t, "predict", "--model", model, "--data", set, "--top", "5"), "\n")
	if top[0] != "file,class1,probability1,class2,probability2" || strings.Count(top[1], ",") != 4 {
		t.Errorf("--top 5 of two classes: %q", top[:2])
	}
	gray := strings.Split(ok(t, "predict", "--model", model, "--data", images64(t)), "\n")
	if len(gray) != 66 || !strings.HasPrefix(gray[1], "0,") {
		t.Errorf("gray images without files: %d lines, %q", len(gray), gray[1])
	}
	for _, c := range []struct {
		status int
		want   string
		args   []string
	}{
		{2, "--model and --data are required", []string{"predict", "--data", set}},
		{1, "name no classes", []string{"predict", "--model", exported(t, run)[0], "--data", set}},
		{1, "there is no folder", []string{"predict", "--model", model, "--data", set, "--out", filepath.Join(dir, "no", "x.csv")}},
		{2, "--top 0", []string{"predict", "--model", model, "--data", set, "--top", "0"}},
		{1, "no.onnx: " + noFile, []string{"predict", "--model", filepath.Join(dir, "no.onnx"), "--data", set}},
	} {
		if r := call(t, nil, c.args...); r.status != c.status || !strings.Contains(r.err, c.want) {
			t.Errorf("%v: status %d, said %q, want %d and %q", c.args, r.status, r.err, c.status, c.want)
		}
	}
}

func TestClassifiersOfOtherProgramsRunInONNXRuntime(t *testing.T) {
	t.Parallel()
	if _, err := ort.Open(); errors.As(err, new(*ort.NotPresentError)) {
		println("marr: the test of classifiers in ONNX Runtime did not run:", err.Error())
		return
	}
	run, set := colors(t)
	dir := t.TempDir()
	ok(t, finetune(set, dir+"/run", "--run", run, "--test", "none")...)
	model := filepath.Join(dir, "run", classifierFile)
	top := strings.Split(ok(t, "predict", "--model", model, "--data", set, "--top", "2"), "\n")
	for what, change := range map[string]func(*export.Model){"probabilities": nil, "logits": withoutSoftmax} {
		r := call(t, nil, "predict", "--model", foreign(t, model, 5, change), "--data", set, "--top", "2")
		if r.status != 0 || !strings.Contains(r.err, "ONNX Runtime") || strings.Contains(r.err, "taken for logits") != (change != nil) {
			t.Fatalf("%s: status %d, said %q", what, r.status, r.err)
		}
		rows, err := csv.NewReader(strings.NewReader(r.out)).ReadAll()
		if err != nil || len(rows) != 33 {
			t.Fatalf("%s: %d rows (%v)", what, len(rows), err)
		}
		for i, row := range rows[1:] {
			if want := strings.Split(top[i+1], ","); row[0] != want[0] || row[1] != want[1] || !near(t, row[2], want[2]) || !near(t, row[4], want[4]) {
				t.Errorf("%s in ONNX Runtime: %v, want %v", what, row, want)
			}
		}
	}
}

// withoutSoftmax makes the logits the output of a classifier.
func withoutSoftmax(m *export.Model) {
	last := m.Nodes[len(m.Nodes)-1]
	m.Nodes = m.Nodes[:len(m.Nodes)-1]
	for _, n := range m.Nodes {
		if n.Outputs[0] == last.Inputs[0] {
			n.Outputs[0] = m.Outputs[0].Name
		}
	}
}

// near compares probabilities of four decimals: both are rounded.
func near(t *testing.T, a, b string) bool {
	t.Helper()
	x, err := strconv.ParseFloat(a, 64)
	if err != nil {
		t.Fatal(err)
	}
	y, err := strconv.ParseFloat(b, 64)
	if err != nil {
		t.Fatal(err)
	}
	return math.Abs(x-y) < 3e-4
}
