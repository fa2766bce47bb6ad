package main

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Reasons become notes below the table, each once, in plain words where there are some and quoted elsewhere.
func TestTableNumbersItsReasons(t *testing.T) {
	good, odd := cell{differences: []float64{1.2e-7, 0}}, cell{reason: "a | strange\n`thing`"}
	fixed, without := good, cell{reason: "timm is not installed here"}
	fixed.fixed = "error: isDynamicShape"
	text := table([]row{{"one", "1.0", []cell{good, fixed, without, odd}}, {"two", "", []cell{without, without, good, good}}})
	for _, want := range []string{"| one | 1.0 | 1e-07, 0e+00 | 1e-07, 0e+00 [1] | no [2] | no [3] |\n", "| two |  | no [2] | no [2] |",
		"\n- [1] it has no dynamic shapes; this is the file of `--any-size=false`.\n- [2] timm, ", "\n- [3] it says `a strange 'thing'`.\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
}

func TestReadComparesEveryBatchWithTheDevice(t *testing.T) {
	f := files{features: map[int][]float32{}}
	for _, n := range batches {
		f.features[n] = make([]float32, 2*n)
	}
	for name, c := range map[string]struct {
		value float32
		more  int
		err   error
		want  string // beginning of the reason
	}{
		"close":   {value: 0.25},
		"failed":  {err: errors.New("it crashed"), want: "it crashed"},
		"short":   {more: -1, want: "1 images give 1 values, not 2"},
		"not one": {value: float32(math.NaN()), want: "a feature is not a number"},
	} {
		got := read("file", f, func(_ string, _ files, n int) ([]float32, error) {
			y := make([]float32, 2*n+c.more)
			y[0] = -c.value
			return y, c.err
		})
		if !strings.HasPrefix(got.reason, c.want) || (got.reason == "") != (c.want == "") {
			t.Errorf("%s: reason %q, want %q", name, got.reason, c.want)
		}
		if c.want == "" && (len(got.differences) != len(batches) || got.differences[0] != 0.25) {
			t.Errorf("%s: differences %v", name, got.differences)
		}
	}
}

func TestMessageIsWhatAProgramSaidLast(t *testing.T) {
	for said, want := range map[string]string{"": "exit status 1", "first\nlast \n": "last", "log\npanic: no op\n\ngoroutine 1": "no op", "OpenCV: error\n> ": "OpenCV: error"} {
		if got := message(said, errors.New("exit status 1")); got != want {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
}

func TestReplaceKeepsTheRestOfTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "README.md")
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	put("before\n" + begin + "old\n" + end + "after\n")
	if err := replace(path, "new\n"); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "before\n"+begin+"\nnew\n\n"+end+"after\n" {
		t.Errorf("%q, %v", got, err)
	}
	put("no marks")
	if err := replace(path, "new\n"); err == nil || !strings.Contains(err.Error(), "it lacks the marks") {
		t.Errorf("without marks: %v", err)
	}
}
