package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/marr-ssl/marr/bench"
	"github.com/marr-ssl/marr/kernels/rng"
)

// onMPI is a command line of marr under mpirun with n ranks on this machine.
func onMPI(t *testing.T, n int, args ...string) *exec.Cmd {
	t.Helper()
	one := marr(t, []string{"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"}, args...)
	c := exec.Command("mpirun", append([]string{"--oversubscribe", "--bind-to", "none", "-n", fmt.Sprint(n)}, one.Args...)...)
	c.Env = one.Env
	return c
}

// interrupt starts a command, calls f after it printed a number of steps, and returns the output that it then ends with.
func interrupt(t *testing.T, steps int, c *exec.Cmd, f func() error) (output string) {
	t.Helper()
	var all bytes.Buffer
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = c.Stdout
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(out)
	in.Split(func(b []byte, end bool) (int, []byte, error) { // lines of mpirun's terminal may end in a carriage return
		if i := bytes.IndexAny(b, "\r\n"); i >= 0 {
			return i + 1, b[:i], nil
		}
		return bufio.ScanLines(b, end)
	})
	for in.Scan() {
		fmt.Fprintln(&all, in.Text())
		if strings.Contains(in.Text(), " step ") {
			if steps--; steps == 0 {
				if err := f(); err != nil {
					t.Error(err)
				}
			}
		}
	}
	_ = c.Wait() // the caller judges by the status
	return all.String()
}

// children returns the processes that a process started.
func children(parent int) (pids []int) {
	entries, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range entries {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		var pid, ppid int
		var state string
		rest := string(b[bytes.LastIndexByte(b, ')')+1:])
		if _, err := fmt.Sscanf(rest, "%s %d", &state, &ppid); err != nil || ppid != parent {
			continue
		}
		if _, err := fmt.Sscan(filepath.Base(filepath.Dir(path)), &pid); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Two ranks of mpirun train. At ten random moments one of them is killed, and the run is resumed. It ends with the files of a single process.
func TestKilledRanksResumeToTheSameBytes(t *testing.T) {
	long(t)
	data, dir := images64(t), t.TempDir()
	whole, broken := filepath.Join(dir, "whole"), filepath.Join(dir, "broken")
	ok(t, small(data, whole, "--accumulate", "2", "--save-every", "2")...)
	seed := uint64(time.Now().UnixNano())
	t.Logf("ranks and times of the kills: seed %d", seed)
	src := rng.New(seed)
	args := small(data, broken, "--save-every", "2")
	for range 10 { // of 32 steps, at most 30 are saved
		c := onMPI(t, 2, args...)
		said := interrupt(t, 1+src.Intn(3), c, func() error {
			time.Sleep(time.Duration(src.Intn(30)) * time.Millisecond)
			pids := children(c.Process.Pid)
			if len(pids) != 2 {
				return fmt.Errorf("mpirun has the processes %v, want 2 ranks", pids)
			}
			return syscall.Kill(pids[src.Intn(2)], syscall.SIGKILL)
		})
		if c.ProcessState.ExitCode() == 0 {
			t.Fatalf("the run with a killed rank ended well:\n%s", said)
		}
		args = small(data, broken, "--resume", "--save-every", "2")
	}
	if out, err := onMPI(t, 2, args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, name := range []string{"checkpoint.ckpt", "metrics.jsonl"} {
		a, err := os.ReadFile(filepath.Join(whole, name))
		b, errB := os.ReadFile(filepath.Join(broken, name))
		if err := errors.Join(err, errB); err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs: %v", name, err)
		}
	}
}

// mpirun forwards SIGUSR1 to all ranks. The first saves, and all end.
func TestRanksSaveAfterASignal(t *testing.T) {
	long(t)
	data, dir := images64(t), filepath.Join(t.TempDir(), "run")
	c := onMPI(t, 4, small(data, dir, "--accumulate", "4")...)
	said := interrupt(t, 5, c, func() error { return c.Process.Signal(syscall.SIGUSR1) })
	if status := c.ProcessState.ExitCode(); status != 138 || !strings.Contains(said, "saved in "+dir) || strings.Count(said, "marr: stopped") != 1 {
		t.Errorf("status %d, want 138, one line with where it was saved:\n%s", status, said)
	}
	ok(t, small(data, dir, "--accumulate", "4", "--resume")...)
}

// All ranks measure one step. The first prints it, and writes it with the command that repeats it.
func TestBenchMeasuresAStepOfRanks(t *testing.T) {
	long(t)
	path := filepath.Join(t.TempDir(), "step.json")
	out, err := onMPI(t, 2, "bench", "step", "--arch", "resnet10", "--width", "4", "--batch", "8", "--size", "16", "--steps", "2", "--json", path).CombinedOutput()
	if err != nil || strings.Count(string(out), "2 over MPI") != 1 {
		t.Errorf("%v: two ranks print\n%s", err, out)
	}
	r, err := bench.ReadResults(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Ranks) != 1 || r.Ranks[0].Ranks != 2 || r.Ranks[0].Reduce <= 0 || !strings.HasPrefix(r.Command, "mpirun -n 2 marr bench step --arch resnet10") {
		t.Errorf("%+v", r)
	}
}

// Each error is printed once, with the status of a wrong command line or a failure.
func TestErrorsOfRanksArePrintedOnce(t *testing.T) {
	long(t)
	data, dir := images64(t), t.TempDir()
	plan, err := onMPI(t, 2, small(data, filepath.Join(dir, "plan"), "--dry-run")...).CombinedOutput()
	if err != nil || strings.Count(string(plan), "plan for") != 1 || strings.Contains(string(plan), "lost") {
		t.Errorf("%v: a plan of two ranks prints\n%s", err, plan)
	}
	for want, args := range map[string][]string{
		"--accumulate 3 on 2 devices":        small(data, filepath.Join(dir, "a"), "--accumulate", "3"),
		"Open MPI started marr eval 2 times": {"eval", "knn", "--run", dir, "--train", data, "--test", data},
		"marr bench kernels 2 times":         {"bench", "kernels"},
		"--ranks [1 2]":                      {"bench", "step", "--ranks", "1,2"},
		"start --peer and --plan alone":      {"bench", "step", "--plan"},
		"device 9: no such index":            small(data, filepath.Join(dir, "a"), "--device", "9"),
		"open nowhere.json":                  {"bench", "step", "--against", "nowhere.json"},
		"unknown flag --bogus":               small(data, filepath.Join(dir, "a"), "--bogus"),
		"usage: marr pretrain":               {"pretrain", "--help"},
		"it has no MPI_Init_thread":          {"pretrain", "--data", data, "--out", dir},
	} {
		c := onMPI(t, 2, args...)
		if strings.Contains(want, "MPI_Init_thread") {
			c.Env = append(c.Env, "MARR_MPI=libc.so.6")
		}
		out, _ := c.CombinedOutput()
		if n := strings.Count(string(out), want); n != 1 {
			t.Errorf("%q is printed %d times:\n%s", want, n, out)
		}
	}
}
