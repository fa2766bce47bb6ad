package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/marr-ssl/marr/ssl/data"
)

// measurement is the part of a line of metrics.jsonl that tests read.
type measurement struct {
	Step, Epoch         int
	KNN1, KNN20, Linear *float64
	Rank                *float64 `json:"feature_rank"`
	Kept                *float64 `json:"neighbors_kept"`
}

// measurements returns the measurements in a run's metrics.jsonl.
func measurements(t *testing.T, run string) (out []measurement) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(run, "metrics.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		var m measurement
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		if m.KNN20 != nil || m.Rank != nil {
			out = append(out, m)
		}
	}
	return out
}

// sameCheckpoint compares the final checkpoints of two runs.
func sameCheckpoint(t *testing.T, a, b string) {
	t.Helper()
	x, err := os.ReadFile(filepath.Join(a, "checkpoint.ckpt"))
	if err != nil {
		t.Fatal(err)
	}
	if y, err := os.ReadFile(filepath.Join(b, "checkpoint.ckpt")); err != nil || !bytes.Equal(x, y) {
		t.Errorf("the checkpoints differ (%v)", err)
	}
}

// measureAlways are flags for a measurement on all images after each epoch, however long it takes.
var measureAlways = []string{"--eval-share", "1e6"}

// The checkpoint has the same bytes with and without --eval-data, and a killed run resumes to the same metrics. The last measurement is what
// marr eval prints.
func TestMeasuringWithLabelsDoesNotChangeTraining(t *testing.T) {
	t.Parallel()
	long(t)
	data, test, dir := images64(t), images(t, 40), t.TempDir()
	labels := append([]byte{0, 0, 8, 1, 0, 0, 0, 40}, make([]byte, 40)...) // one class: half of the test labels contradict their images
	if err := os.WriteFile(filepath.Join(filepath.Dir(test), labelsFile), labels, 0o666); err != nil {
		t.Fatal(err)
	}
	plain, _ := trained(t, "--eval-every", "0")
	measured, broken := filepath.Join(dir, "measured"), filepath.Join(dir, "broken")
	said := ok(t, small(data, measured, append(measureAlways, "--eval-data", test)...)...)
	if strings.Count(said, ": kNN k=1 ") != 5 || !strings.Contains(said, "last measurement, epoch 4: kNN k=1 ") ||
		!strings.Contains(said, "fitted on 64 of 64 images of "+data+", tested on 40 of 40 of "+test) {
		t.Errorf("printed %q, want the sizes of the sets, a line for each epoch and the last measurement", said)
	}
	sameCheckpoint(t, plain, measured)
	stopAfter(t, 19, syscall.SIGKILL, small(data, broken, append(measureAlways, "--eval-data", test)...))
	ok(t, small(data, broken, append(measureAlways, "--eval-data", test, "--resume")...)...)
	sameRun(t, measured, broken)
	all := measurements(t, measured)
	if len(all) != 4 {
		t.Fatalf("%d measurements in metrics.jsonl, want 4", len(all))
	}
	for i, m := range all {
		if m.Epoch != i+1 || m.Step != 8*m.Epoch || m.KNN1 == nil || m.Linear == nil || *m.KNN20 < 0 || *m.KNN20 > 100 {
			t.Errorf("measurement %d: %+v, want epoch %d, step %d", i, m, i+1, 8*(i+1))
		}
	}
	var alone struct{ KNN1, KNN20, Linear float64 }
	for _, protocol := range []string{"knn", "linear"} {
		if err := json.Unmarshal([]byte(ok(t, "eval", protocol, "--run", measured, "--train", data, "--test", test, "--json")), &alone); err != nil {
			t.Fatal(err)
		}
	}
	if last := all[3]; alone.KNN1 != *last.KNN1 || alone.KNN20 != *last.KNN20 || alone.Linear != *last.Linear {
		t.Errorf("the last epoch has %v, %v, %v, marr eval prints %v", *last.KNN1, *last.KNN20, *last.Linear, alone)
	}
}

// With --eval-data, a run that is too short for --eval-share is measured after its last epoch; without it, never.
func TestShortRunIsMeasuredOnceWithEvalData(t *testing.T) {
	t.Parallel()
	data, measured := images64(t), filepath.Join(t.TempDir(), "measured")
	said := ok(t, small(data, measured, "--eval-data", data)...)
	if m := measurements(t, measured); len(m) != 1 || m[0].Epoch != 4 || !strings.Contains(said, "because the run is short") {
		t.Errorf("measured %+v, printed %q", m, said)
	}
	plain, r := trained(t)
	if m := measurements(t, plain); len(m) != 0 || !strings.Contains(r.out, "the run is too short to measure it in at most 5 % of the time") {
		t.Errorf("measured %+v, printed %q", m, r.out)
	}
	sameCheckpoint(t, measured, plain)
}

// If the training images have no labels, two of three images of --eval-data fit the probe and every third tests it.
func TestRunWithoutLabelsIsMeasuredOnASplitOfEvalData(t *testing.T) {
	t.Parallel()
	set, labeled, run := images(t, 32), images(t, 60), filepath.Join(t.TempDir(), "run")
	if err := os.Remove(filepath.Join(filepath.Dir(set), labelsFile)); err != nil {
		t.Fatal(err)
	}
	said := ok(t, small(set, run, append(measureAlways, "--eval-data", labeled, "--eval-every", "3")...)...)
	if !strings.Contains(said, "fitted on 40 of 40 images of "+labeled+" (two of three), tested on 20 of 20 of "+labeled+" (every third)") {
		t.Errorf("printed %q", said)
	}
	if m := measurements(t, run); len(m) != 2 || m[0].Epoch != 3 || m[1].Epoch != 4 {
		t.Errorf("measured %+v, want epochs 3 and 4", m)
	}
}

// A class with few images between the evenly spaced ones is sampled too.
func TestSubsampleKeepsEveryClass(t *testing.T) {
	t.Parallel()
	pictures, labels := make([]data.Image, 100), make([]int32, 100)
	for i := range pictures {
		pictures[i] = data.Image{H: 1, W: 1, C: 1, Pix: []byte{byte(i)}}
	}
	labels[33], labels[34] = 1, 1
	got := subsampleClasses(data.FromImages("set", pictures, labels), 10)
	if got.Len() != 11 || !slices.Contains(got.Labels, 1) || got.Image(1).Pix[0] != 10 || got.Image(4).Pix[0] != 33 || got.Image(10).Pix[0] != 90 {
		t.Errorf("%d images with labels %v", got.Len(), got.Labels)
	}
}
