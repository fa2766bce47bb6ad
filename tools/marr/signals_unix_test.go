//go:build unix

package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// stopSignals are the signals that stop a run, and the exit status after each. stopSignal is the usual one.
var stopSignals = map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143, syscall.SIGHUP: 129, syscall.SIGUSR1: 128 + int(syscall.SIGUSR1)}

const stopSignal = syscall.SIGTERM

func send(p *os.Process, s syscall.Signal) error { return p.Signal(s) }

// inOwnGroup does nothing: a signal has one receiver.
func inOwnGroup(*exec.Cmd) {}

// The reader takes some lines and goes, as head does.
func TestRunWhoseOutputNobodyReadsIsSaved(t *testing.T) {
	t.Parallel()
	data, stopped := images64(t), filepath.Join(t.TempDir(), "run")
	whole, _ := trained(t)
	c := marr(t, nil, small(data, stopped)...)
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for in := bufio.NewScanner(out); in.Scan() && !strings.Contains(in.Text(), " step "); {
	}
	out.Close()
	_ = c.Wait() // the status is checked below
	if status := c.ProcessState.ExitCode(); status != 141 || !strings.Contains(last(errs.String()), "saved in "+stopped) {
		t.Errorf("status %d, stderr %q, want 141 and where the run was saved", status, errs.String())
	}
	resumesTo(t, whole, data, stopped)
}

// srun sends each rank SIGINT and at once SIGTERM if the user presses Ctrl-C twice.
func TestSIGTERMAfterCtrlCDoesNotKillARankThatSaves(t *testing.T) {
	t.Setenv("SLURM_PROCID", "0")
	t.Setenv("SLURM_STEP_NUM_TASKS", "2")
	terminated := make(chan os.Signal, 1) // so that no later test gets the signal
	signal.Notify(terminated, syscall.SIGTERM)
	defer signal.Stop(terminated)
	ctx, status, release := stopOnSignal(t.Context())
	defer release()
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-terminated
	if s := <-status; s != 130 {
		t.Errorf("status %d, want that of the first signal", s)
	}
}

// The terminal closes: the kernel and the shell each send SIGHUP, and stdout is gone.
func TestSecondHangupDoesNotKillTheRunThatSaves(t *testing.T) {
	t.Parallel()
	ctx, status, release := stopOnSignal(t.Context())
	defer release()
	for range 3 {
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		<-ctx.Done()
	}
	if got := <-status; got != 129 {
		t.Errorf("status %d, want 129", got)
	}
}

// A run under nohup outlives its terminal.
func TestIgnoredHangupDoesNotStopTheRun(t *testing.T) {
	t.Parallel()
	data, out := images64(t), filepath.Join(t.TempDir(), "run")
	c := marr(t, nil, small(data, out)...)
	c.Args = append([]string{"sh", "-c", `trap "" HUP; exec "$0" "$@"`}, c.Args...)
	c.Path = "/bin/sh"
	if status, said := signalAfter(t, 3, syscall.SIGHUP, c); status != 0 {
		t.Errorf("status %d, stderr %q, want a finished run", status, said)
	}
}

func TestFilesThatNeverEndAreRefused(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe.onnx")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"views", "--print", "--views", pipe}, {"views", "--print", "--views", "/dev/zero"}, {"pretrain", "--data", pipe, "--out", t.TempDir()},
		{"data", "inspect", "/dev/zero"},
	} {
		if r := call(t, nil, args...); r.status == 0 || !strings.Contains(r.err, "not a regular file") {
			t.Errorf("marr %s: status %d: %s", strings.Join(args, " "), r.status, r.err)
		}
	}
}
