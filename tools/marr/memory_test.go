//go:build !race

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"marr/vk"
)

// TestFullDeviceNamesABatch gives the process less address space (3 GB) than the activations of a batch of 1024 need beside all else. Only a
// CPU device lives in it, and the race detector reserves terabytes, hence the build constraint.
func TestFullDeviceNamesABatch(t *testing.T) {
	t.Parallel()
	all, err := vk.List()
	if err != nil {
		t.Fatal(err)
	}
	device := -1
	for _, d := range all {
		if d.Type == vk.CPU {
			device = d.Index
		}
	}
	if device < 0 {
		t.Skip("no CPU device: the memory of others cannot be taken away from here")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "run")
	c := exec.Command("sh", "-c", `ulimit -v 3000000; exec "$0" "$@"`, self, "pretrain", "--device", strconv.Itoa(device), "--out", out,
		"--data", "builtin:fashion-placed", "--method", "simclr", "--arch", "resnet10", "--width", "64", "--batch", "1024")
	c.Env = append(os.Environ(), "MARR_TEST_COMMAND=1", "MALLOC_ARENA_MAX=1", "LP_NUM_THREADS=2", "GOMAXPROCS=2")
	var errs strings.Builder
	c.Stderr = &errs
	c.Run() // the status is looked at below
	if said := errs.String(); c.ProcessState.ExitCode() != 1 || strings.Count(said, "\n") != 1 ||
		!strings.HasPrefix(said, "marr: batch of 1024: ") || !strings.Contains(said, "set --batch to about ") {
		t.Errorf("status %d, said %q", c.ProcessState.ExitCode(), said)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("an output folder was left behind")
	}
}
