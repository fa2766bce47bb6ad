package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Two devices, which here are one, train what one device trains in two parts.
func TestSeveralDevicesTrainWhatOneTrains(t *testing.T) {
	if testing.Short() {
		t.Skip("starts six commands")
	}
	t.Parallel()
	data, dir := images64(t), t.TempDir()
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	ok(t, small(data, one, "--accumulate", "2")...)
	out := ok(t, small(data, two, "--device", "0,0", "--accumulate", "2")...)
	if !strings.Contains(out, " on 2 × ") || !strings.Contains(out, "in 2 parts") {
		t.Errorf("the output does not name 2 devices and 2 parts:\n%s", out)
	}
	for _, name := range []string{"checkpoint.ckpt", "metrics.jsonl"} {
		a, err := os.ReadFile(filepath.Join(one, name))
		b, errB := os.ReadFile(filepath.Join(two, name))
		if err := errors.Join(err, errB); err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs: %v", name, err)
		}
	}
	configHas(t, two, `flags.device = "0,0" # flag`)
	plan := ok(t, small(data, filepath.Join(dir, "plan"), "--device", "0,0", "--dry-run")...)
	if !strings.Contains(plan, " in 2 parts") {
		t.Errorf("the plan of 2 devices does not divide the batch:\n%s", plan)
	}
	plan = ok(t, "pretrain", "--data", data, "--method", "simclr", "--arch", "resnet10", "--width", "4", "--epochs", "1", "--device", "0,0,0", "--dry-run")
	if !strings.Contains(plan, "15 in 3 parts") {
		t.Errorf("the batch that was chosen for 64 images on 3 devices is not 15:\n%s", plan)
	}
	more := call(t, nil, "pretrain", "--resume", "--out", two, "--device", "0,0,0")
	if more.status != 2 || !strings.Contains(more.err, "--resume on 3 devices: the run computes each batch in 2 parts") {
		t.Errorf("resumed on 3 devices: status %d, %q: want 2 and the numbers of parts and devices", more.status, more.err)
	}
	bad := call(t, nil, small(data, filepath.Join(dir, "bad"), "--device", "0,0,0", "--accumulate", "2")...)
	if bad.status != 2 || !strings.Contains(bad.err, "--accumulate 2 on 3 devices") {
		t.Errorf("status %d, %q: want 2 and the numbers of parts and devices", bad.status, bad.err)
	}
}

// A run with --sync-bn stays on as many devices, and its settings are a recipe for any number.
func TestSyncBNIsKept(t *testing.T) {
	if testing.Short() {
		t.Skip("starts six trainings")
	}
	t.Parallel()
	data, dir := images64(t), filepath.Join(t.TempDir(), "run")
	if out := ok(t, small(data, dir, "--device", "0,0", "--sync-bn")...); !strings.Contains(out, "in 2 parts, sync-bn") {
		t.Errorf("the plan does not name it:\n%s", out)
	}
	configHas(t, dir, "sync_bn = true # flag")
	configHas(t, dir, "synced_ranks = 2 # default")
	ok(t, "pretrain", "--resume", "--out", dir)
	for _, args := range [][]string{{"--device", "0"}, {"--device", "0", "--sync-bn"}} {
		x := call(t, nil, append([]string{"pretrain", "--resume", "--out", dir}, args...)...)
		if x.status == 0 || !strings.Contains(x.err, "over 2 devices together, and now the number of devices is 1") {
			t.Errorf("resumed with %v: status %d, %q, want both numbers", args, x.status, x.err)
		}
	}
	if x := call(t, nil, "pretrain", "--resume", "--out", dir, "--sync-bn=false"); x.status == 0 || !strings.Contains(x.err, "--sync-bn false: it was started with true") {
		t.Errorf("resumed without: status %d, %q, want the flag", x.status, x.err)
	}
	other := filepath.Join(t.TempDir(), "other")
	if x := call(t, nil, "pretrain", "--data", data, "--recipe", filepath.Join(dir, "config.toml"), "--device", "0", "--out", other); x.status != 0 ||
		!strings.Contains(x.err, "--sync-bn changes nothing on one device") {
		t.Errorf("its settings on one device: status %d, %q, want a notice", x.status, x.err)
	}
}

// The format of the gradients is a setting of a run. A resumed run keeps it.
func TestWireIsKept(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three trainings")
	}
	t.Parallel()
	data, dir := images64(t), filepath.Join(t.TempDir(), "run")
	ok(t, small(data, dir, "--device", "0,0", "--wire", "fp16")...)
	configHas(t, dir, `wire = "fp16" # flag`)
	ok(t, "pretrain", "--resume", "--out", dir)
	configHas(t, dir, `wire = "fp16" # flag`)
	if x := call(t, nil, "pretrain", "--resume", "--out", dir, "--device", "0"); x.status != 0 || !strings.Contains(x.err, "--wire fp16 changes nothing on one device") {
		t.Errorf("resumed on one device: status %d, %q, want a notice", x.status, x.err)
	}
	if x := call(t, nil, "pretrain", "--resume", "--out", dir, "--wire", "fp32"); x.status == 0 || !strings.Contains(x.err, "--wire fp32: it was started with fp16: leave --wire out") {
		t.Errorf("resumed on fp32: status %d, %q, want the flag", x.status, x.err)
	}
}

func TestDeviceListHasNumbersAlone(t *testing.T) {
	for list, want := range map[string]int{"": 1, "1": 1, "0,1": 2, "0,1,3": 3, "llvmpipe (LLVM 15.0.6, 256 bits)": 1, "1,": 1} {
		if got := selectors(list); len(got) != want {
			t.Errorf("%q: %q, want %d devices", list, got, want)
		}
	}
}
