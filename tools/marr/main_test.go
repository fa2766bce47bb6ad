package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"marr/kernels/rng"
	"marr/ssl/data/idx"
)

// TestMain lets the test binary stand in for the command: a child process with MARR_TEST_COMMAND=1 runs marr on its arguments.
func TestMain(m *testing.M) {
	if os.Getenv("MARR_TEST_COMMAND") == "1" {
		os.Exit(execute(os.Args[1:]))
	}
	os.Setenv("MARR_CACHE", "off")
	os.Exit(m.Run())
}

// marr is the command as a child process.
func marr(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, args...)
	c.Env = append(append(os.Environ(), "MARR_TEST_COMMAND=1"), env...)
	return c
}

// result is what a finished command left on the screen.
type result struct {
	out, err string
	status   int
}

func call(t *testing.T, env []string, args ...string) result {
	t.Helper()
	c := marr(t, env, args...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		t.Fatal(err)
	}
	return result{out.String(), errs.String(), c.ProcessState.ExitCode()}
}

// ok runs a command that must succeed and returns what it printed.
func ok(t *testing.T, args ...string) string {
	t.Helper()
	r := call(t, nil, args...)
	if r.status != 0 {
		t.Fatalf("marr %s: status %d: %s", strings.Join(args, " "), r.status, r.err)
	}
	return r.out
}

// images writes an IDX file of n noisy images of 16 × 16 pixels in two classes, labels beside it, and returns its path.
func images(t *testing.T, n int) string {
	t.Helper()
	dir, src := t.TempDir(), rng.New(5)
	pixels, labels := make([]byte, n*16*16), make([]byte, n)
	for i := range pixels {
		label := i / 256 % 2
		labels[i/256] = byte(label)
		pixels[i] = byte(src.Intn(128) + 100*label*(i%16/8)) // class 1 is brighter on its right
	}
	write := func(name string, a idx.Array) {
		var b bytes.Buffer
		if err := idx.Write(&b, a); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("train-images-idx3-ubyte", idx.Array{Dims: []int{n, 16, 16}, Data: pixels})
	write("train-labels-idx1-ubyte", idx.Array{Dims: []int{n}, Data: labels})
	return filepath.Join(dir, "train-images-idx3-ubyte")
}

// small is a run of 4 epochs of 8 steps.
func small(data, out string, more ...string) []string {
	return append([]string{"pretrain", "--data", data, "--out", out, "--method", "simclr", "--arch", "resnet10", "--width", "4", "--batch", "8", "--epochs", "4", "--lr", "1e-3"}, more...)
}
