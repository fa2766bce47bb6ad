package main

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/marr-ssl/marr/kernels/rng"
)

const previous = "checkpoint.prev.ckpt"

// runFiles are the files that have the same bytes in equal runs.
var runFiles = []string{"checkpoint.ckpt", previous, "metrics.jsonl", "metrics.csv", "config.toml"}

// backboneLines matches the lines of config.toml with the path of the backbone that a run started from. Equal runs may have found it elsewhere.
var backboneLines = regexp.MustCompile(`(?m)^flags\.(run|init|teacher) = .*\n`)

// sameRun compares the files of two runs.
func sameRun(t *testing.T, a, b string) {
	t.Helper()
	for _, name := range runFiles {
		x, err := os.ReadFile(filepath.Join(a, name))
		y, errB := os.ReadFile(filepath.Join(b, name))
		if name == previous && errors.Is(err, os.ErrNotExist) && errors.Is(errB, os.ErrNotExist) {
			continue // a short run has one checkpoint
		}
		if err := errors.Join(err, errB); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(backboneLines.ReplaceAll(x, nil), backboneLines.ReplaceAll(y, nil)) {
			t.Errorf("%s differs", name)
		}
	}
}

func TestSameSeedSameBytes(t *testing.T) {
	t.Parallel()
	data, dir := images64(t), t.TempDir()
	a, _ := trained(t)
	b, c := filepath.Join(dir, "b"), filepath.Join(dir, "c")
	ok(t, small(data, b)...)
	sameRun(t, a, b)
	ok(t, small(data, c, "--seed", "2")...)
	x, err := os.ReadFile(filepath.Join(a, "checkpoint.ckpt"))
	if err != nil {
		t.Fatal(err)
	}
	y, err := os.ReadFile(filepath.Join(c, "checkpoint.ckpt"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(x, y) {
		t.Error("another seed gave the same checkpoint")
	}
}

// stopAfter starts a run, sends it a signal after it printed a number of steps, and returns its exit status and its stderr. The run waits after each op,
// which changes no bit, so that it has not ended when a slow system delivers the signal.
func stopAfter(t *testing.T, steps int, s syscall.Signal, args []string) (status int, stderr string) {
	t.Helper()
	return signalAfter(t, steps, s, marr(t, []string{"MARR_EAGER=1"}, args...))
}

// signalAfter is stopAfter for a prepared command.
func signalAfter(t *testing.T, steps int, s syscall.Signal, c *exec.Cmd) (status int, stderr string) {
	t.Helper()
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	inOwnGroup(c)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for in := bufio.NewScanner(out); in.Scan(); {
		if strings.Contains(in.Text(), " step ") {
			if steps--; steps == 0 {
				if err := send(c.Process, s); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if err := c.Wait(); err == nil && steps > 0 {
		t.Fatalf("the run ended %d steps before the signal", steps)
	}
	return c.ProcessState.ExitCode(), errs.String()
}

func TestKilledRunResumesToTheSameBytes(t *testing.T) {
	t.Parallel()
	data, broken := images64(t), filepath.Join(t.TempDir(), "broken")
	whole, _ := trained(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("times of the kills: seed %d", seed)
	src := rng.New(seed)
	args := small(data, broken)
	for range 3 { // at most 30 of 32 steps
		stopAfter(t, 1+src.Intn(10), syscall.SIGKILL, args)
		args = small(data, broken, "--resume")
	}
	ok(t, args...)
	sameRun(t, whole, broken)
}

func TestSignalSavesAndPrintsHowToResume(t *testing.T) {
	t.Parallel()
	data, dir := images64(t), t.TempDir()
	whole, _ := trained(t)
	for s, want := range stopSignals {
		if testing.Short() && s != os.Interrupt {
			continue
		}
		stopped := filepath.Join(dir, s.String())
		status, said := stopAfter(t, 11, s, small(data, stopped))
		if status != want || !strings.Contains(last(said), "--resume") {
			t.Errorf("%v: status %d, want %d, stderr %q", s, status, want, said)
		}
		resumesTo(t, whole, data, stopped)
	}
}

// resumesTo resumes a run that was stopped and compares its newest checkpoint and metrics with those of a whole run. The checkpoint before it may be of the
// step that the run was stopped at.
func resumesTo(t *testing.T, whole, data, stopped string) {
	t.Helper()
	ok(t, small(data, stopped, "--resume")...)
	for _, name := range []string{"checkpoint.ckpt", "metrics.jsonl", "metrics.csv"} {
		x, err := os.ReadFile(filepath.Join(whole, name))
		if err != nil {
			t.Fatal(err)
		}
		if y, err := os.ReadFile(filepath.Join(stopped, name)); err != nil || !bytes.Equal(x, y) {
			t.Errorf("%s differs (%v)", name, err)
		}
	}
}
