package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"marr/kernels/rng"
	"marr/ssl/eval"
)

// TestMeasuringWithoutLabelsDecidesNothing: also where the run is killed, and what the last measurement found is asked of the run folder.
func TestMeasuringWithoutLabelsDecidesNothing(t *testing.T) {
	t.Parallel()
	set, dir := images64(t), t.TempDir()
	plain, _ := trained(t, "--eval-every", "0")
	watched := filepath.Join(dir, "watched")
	said := ok(t, small(set, watched, everything...)...)
	if strings.Count(said, ": features have an effective rank ") != 5 || !strings.Contains(said, "without labels, on 64 of 64 images") {
		t.Errorf("want a line an epoch and the last one, got %q", said)
	}
	sameCheckpoint(t, plain, watched)
	all := measurements(t, watched)
	if len(all) != 4 {
		t.Fatalf("%d measurements, want 4", len(all))
	}
	for i, m := range all {
		if m.Epoch != i+1 || m.Rank == nil || *m.Rank < 1 || *m.Rank > 32 || (m.Kept == nil) != (i == 0) {
			t.Errorf("measurement %d: %+v", i, m)
		}
		if m.Kept != nil && (*m.Kept < 0.3 || *m.Kept > 1) {
			t.Errorf("measurement %d: %v of the neighbors stayed", i, *m.Kept)
		}
	}
	for _, steps := range []int{5, 13, 25} {
		broken := filepath.Join(dir, "broken"+string(rune('a'+steps)))
		stopAfter(t, steps, syscall.SIGKILL, small(set, broken, everything...))
		ok(t, small(set, broken, append(everything, "--resume")...)...)
		sameRun(t, watched, broken)
	}
}

// TestARunIsStoppedBetweenMeasurementsAndGoesOnWithTheSameLines: there is more than one checkpoint for each of them.
func TestARunIsStoppedBetweenMeasurementsAndGoesOnWithTheSameLines(t *testing.T) {
	t.Parallel()
	set, dir := images64(t), t.TempDir()
	whole, stopped := filepath.Join(dir, "whole"), filepath.Join(dir, "stopped")
	often := slices.Concat(everything, []string{"--eval-every", "2", "--epochs", "6"})
	ok(t, small(set, whole, often...)...)
	stopAfter(t, 26, syscall.SIGTERM, small(set, stopped, often...)) // in epoch 4
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

// TestNeighboursThatCannotBeKeptLoseNothing: neither where they cannot be written, nor where what is read is none.
func TestNeighboursThatCannotBeKeptLoseNothing(t *testing.T) {
	t.Parallel()
	set, dir := images64(t), t.TempDir()
	run := filepath.Join(dir, "run")
	if err := os.MkdirAll(filepath.Join(run, neighborsFile, "in the way"), 0o777); err != nil {
		t.Fatal(err)
	}
	r := call(t, nil, small(set, run, everything...)...)
	if m := measurements(t, run); r.status != 0 || len(m) != 4 || m[3].Kept == nil || !strings.Contains(r.err, neighborsFile) {
		t.Errorf("status %d, measured %+v, said %q", r.status, m, r.err)
	}
	other := filepath.Join(dir, "other")
	stopAfter(t, 19, syscall.SIGTERM, small(set, other, everything...))
	if err := os.WriteFile(filepath.Join(other, neighborsFile), []byte("none"), 0o666); err != nil {
		t.Fatal(err)
	}
	r = call(t, nil, small(set, other, append(everything, "--resume")...)...)
	if m := measurements(t, other); r.status != 0 || len(m) != 4 || !strings.Contains(r.err, "no neighbors to compare with") {
		t.Errorf("status %d, measured %+v, said %q", r.status, m, r.err)
	}
	sameCheckpoint(t, run, other)
}

// TestNeighboursReachBackToTheCheckpointBeforeTheNewest: a process dies after the third measurement and before it saves, and the newest checkpoint is
// damaged, so that the run goes on from the first.
func TestNeighboursReachBackToTheCheckpointBeforeTheNewest(t *testing.T) {
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
			values, _, err := s.measure(step, features(step))
			if err != nil {
				t.Fatal(err)
			}
			last = values["neighbours_kept"]
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
		back.dir = s.dir // what lies in dir stays
		if got := kept(back, steps...); got != fresh {
			t.Errorf("from step %d: %v stayed, want %v", from, got, fresh)
		}
	}
	fresh := &stability{dir: dir}
	fresh.start(0)
	if got := kept(fresh, 8); got != nil {
		t.Errorf("a run from its start compares with another's: %v", got)
	}
	if got := kept(fresh, 16); got != want {
		t.Errorf("%v stayed, want %v", got, want)
	}
}
