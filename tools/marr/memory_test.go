//go:build !race

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/vk"
)

// The process has an address space of 3 GB, less than a batch of 1024 needs. That limits a CPU device alone. The race detector reserves
// terabytes of addresses, hence the build constraint.
func TestRunWithoutEnoughMemoryPrintsABatchThatFits(t *testing.T) {
	t.Parallel()
	long(t)
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
		t.Skip("no CPU device: the test cannot limit the memory of other devices")
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
	c.Run() // the status is checked below
	if said := errs.String(); c.ProcessState.ExitCode() != 1 || strings.Count(said, "\n") != 1 ||
		!strings.HasPrefix(said, "marr: batch of 1024: ") || !strings.Contains(said, "set --batch to about ") {
		t.Errorf("status %d, stderr %q", c.ProcessState.ExitCode(), said)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("the run left its output folder")
	}
}
