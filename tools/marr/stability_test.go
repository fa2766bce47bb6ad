package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/ssl/eval"
)

// A killed run resumes to the same metrics: it compares with the neighbors that the run folder holds.
func TestMeasuringWithoutLabelsDoesNotChangeTraining(t *testing.T) {
	long(t)
	t.Parallel()
	set, dir := images64(t), t.TempDir()
	plain, _ := trained(t, "--eval-every", "0")
	measured := filepath.Join(dir, "measured")
	said := ok(t, small(set, measured, measureAlways...)...)
	if strings.Count(said, ": features have an effective rank ") != 5 || !strings.Contains(said, "without labels, on 64 of 64 images") {
		t.Errorf("printed %q, want a line for each epoch and the last measurement", said)
	}
	sameCheckpoint(t, plain, measured)
	all := measurements(t, measured)
	if len(all) != 4 {
		t.Fatalf("%d measurements, want 4", len(all))
	}
	for i, m := range all {
		if m.Epoch != i+1 || m.Rank == nil || *m.Rank < 1 || *m.Rank > 32 || (m.Kept == nil) != (i == 0) {
			t.Errorf("measurement %d: %+v", i, m)
		}
		if m.Kept != nil && (*m.Kept < 0.3 || *m.Kept > 1) {
			t.Errorf("measurement %d: %v of the neighbors were kept", i, *m.Kept)
		}
	}
	for _, steps := range []int{5, 13, 25} {
		broken := filepath.Join(dir, "broken"+string(rune('a'+steps)))
		stopAfter(t, steps, syscall.SIGKILL, small(set, broken, measureAlways...))
		ok(t, small(set, broken, append(measureAlways, "--resume")...)...)
		sameRun(t, measured, broken)
	}
}

// Each measurement has more than one checkpoint after it.
func TestRunStoppedBetweenMeasurementsResumesToTheSameMetrics(t *testing.T) {
	t.Parallel()
	long(t)
	set, dir := images64(t), t.TempDir()
	whole, stopped := filepath.Join(dir, "whole"), filepath.Join(dir, "stopped")
	often := slices.Concat(measureAlways, []string{"--eval-every", "2", "--epochs", "6"})
	ok(t, small(set, whole, often...)...)
	stopAfter(t, 26, stopSignal, small(set, stopped, often...)) // in epoch 4
	if err := os.Truncate(filepath.Join(stopped, "checkpoint.ckpt"), 100); err != nil {
		t.Fatal(err)
	}
	ok(t, small(set, stopped, append(often, "--resume")...)...)
	for _, name := range []string{"checkpoint.ckpt", "metrics.jsonl"} {
		x, err := os.ReadFile(filepath.Join(whole, name))
		if err != nil {
			t.Fatal(err)
		}
		if y, err := os.ReadFile(filepath.Join(stopped, name)); err != nil || string(x) != string(y) {
			t.Errorf("%s differs (%v)", name, err)
		}
	}
	if m := measurements(t, whole); len(m) != 3 || m[1].Epoch != 4 || m[1].Kept == nil {
		t.Errorf("measured %+v, want epochs 2, 4 and 6", m)
	}
}

// A neighbors file that cannot be written or read costs a notice, not the run.
func TestRunContinuesWithoutItsNeighborsFile(t *testing.T) {
	t.Parallel()
	long(t)
	set, dir := images64(t), t.TempDir()
	run := filepath.Join(dir, "run")
	stopAfter(t, 1, stopSignal, small(set, run, measureAlways...))
	if err := os.MkdirAll(filepath.Join(run, neighborsFile, "in the way"), 0o777); err != nil {
		t.Fatal(err)
	}
	r := call(t, nil, small(set, run, append(measureAlways, "--resume")...)...)
	if m := measurements(t, run); r.status != 0 || len(m) != 4 || m[3].Kept == nil || !strings.Contains(r.err, neighborsFile) {
		t.Errorf("status %d, measured %+v, stderr %q", r.status, m, r.err)
	}
	other := filepath.Join(dir, "other")
	stopAfter(t, 19, stopSignal, small(set, other, measureAlways...))
	if err := os.WriteFile(filepath.Join(other, neighborsFile), []byte("none"), 0o666); err != nil {
		t.Fatal(err)
	}
	r = call(t, nil, small(set, other, append(measureAlways, "--resume")...)...)
	if m := measurements(t, other); r.status != 0 || len(m) != 4 || !strings.Contains(r.err, "no neighbors to compare with") {
		t.Errorf("status %d, measured %+v, stderr %q", r.status, m, r.err)
	}
	sameCheckpoint(t, run, other)
}

// A process dies after the third measurement, before it saves, and the newest checkpoint is damaged: the run resumes from the first measurement.
func TestNeighborsOfThePreviousCheckpointAreKept(t *testing.T) {
	t.Parallel()
	features := func(step int) []*eval.Features {
		src, f := rng.New(uint64(step)), &eval.Features{N: 30, D: 4, X: make([]float32, 120)}
		for i := range f.X {
			f.X[i] = float32(src.Normal())
		}
		return []*eval.Features{f}
	}
	dir := t.TempDir()
	kept := func(s *stability, steps ...int) (last any) {
		for _, step := range steps {
			values, _, err := s.measure(t.Context(), step, features(step))
			if err != nil {
				t.Fatal(err)
			}
			last = values["neighbors_kept"]
		}
		return last
	}
	want := kept(&stability{dir: dir}, 8, 16)
	again := &stability{dir: dir}
	again.start(16)
	kept(again, 24, 32)
	for from, steps := range map[int][]int{16: {24}, 24: {32}} {
		s := &stability{dir: t.TempDir()}
		fresh := kept(s, append([]int{from}, steps...)...)
		back := &stability{dir: dir}
		back.start(from)
		back.dir = s.dir // leaves dir as it is
		if got := kept(back, steps...); got != fresh {
			t.Errorf("from step %d: %v were kept, want %v", from, got, fresh)
		}
	}
	fresh := &stability{dir: dir}
	fresh.start(0)
	if got := kept(fresh, 8); got != nil {
		t.Errorf("a new run compares with the neighbors of another: %v", got)
	}
	if got := kept(fresh, 16); got != want {
		t.Errorf("%v were kept, want %v", got, want)
	}
}

// Earlier versions spelled the file's name differently.
func TestNeighborsOfAnEarlierVersionAreRead(t *testing.T) {
	t.Parallel()
	past := []neighborhood{{8, [][]int32{{1}, {0}}}}
	for _, name := range []string{neighborsFile, "neighbours.json"} {
		raw, err := json.Marshal(past)
		if err != nil {
			t.Fatal(err)
		}
		s := &stability{dir: t.TempDir()}
		if err := os.WriteFile(filepath.Join(s.dir, name), raw, 0o666); err != nil {
			t.Fatal(err)
		}
		if s.start(8); !reflect.DeepEqual(s.past, past) {
			t.Errorf("%s: read %v, want %v", name, s.past, past)
		}
	}
}
