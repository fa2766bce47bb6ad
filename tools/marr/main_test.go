package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/ssl/data/idx"
	"github.com/marr-ssl/marr/vk"
)

// shared is the folder of the image sets and runs that several tests read and none changes.
var shared string

// TestMain makes the test binary usable as the command: a child process with MARR_TEST_COMMAND=1 runs marr on its arguments.
func TestMain(m *testing.M) {
	if os.Getenv("MARR_TEST_COMMAND") == "1" {
		if n, err := strconv.Atoi(os.Getenv("MARR_TEST_LOSE")); err == nil { // the submission that loses the device
			opened = func(d *vk.Device) { d.SimulateLoss(n) }
		}
		os.Exit(execute(os.Args[1:]))
	}
	os.Setenv("MARR_CACHE", "off")
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP) // under nohup, commands would inherit that it is ignored
	dir, err := os.MkdirTemp("", "marr-test")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	shared = dir
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// marr is the command as a child process. With -short, lavapipe works in the calling thread: for networks this small, waking its threads
// costs a third of the time.
func marr(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, args...)
	c.Env = append(os.Environ(), "MARR_TEST_COMMAND=1")
	if testing.Short() {
		c.Env = append(c.Env, "LP_NUM_THREADS=0")
	}
	c.Env = append(c.Env, env...)
	return c
}

// result is the output and the exit status of a finished command.
type result struct {
	out, err string
	status   int
}

// call runs the command with more environment variables and returns its result.
func call(t *testing.T, env []string, args ...string) result {
	t.Helper()
	c := marr(t, env, args...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		t.Fatal(err)
	}
	return result{out.String(), slow.ReplaceAllString(errs.String(), ""), c.ProcessState.ExitCode()}
}

// slow matches the lines that only a busy machine prints.
var slow = regexp.MustCompile(`(?m)^(compiling \d+ kernels|(features of|decoding) .*\d+ images  [\d.]+/s).*\n`)

// noFile is how the system says that a file is missing.
var noFile = strings.TrimSuffix(syscall.ENOENT.Error(), ".")

// ok runs a command that must succeed and returns its stdout.
func ok(t *testing.T, args ...string) string {
	t.Helper()
	r := call(t, nil, args...)
	if r.status != 0 {
		t.Fatalf("marr %s: status %d: %s", strings.Join(args, " "), r.status, r.err)
	}
	return r.out
}

// The names of an IDX file of images and of its labels.
const imagesFile, labelsFile = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"

// images writes n images to a folder of the test's own and returns their path.
func images(t *testing.T, n int) string {
	t.Helper()
	return writeImages(t, t.TempDir(), n)
}

// writeImages writes an IDX file of n noisy images of 16 × 16 pixels in two classes, and a file of their labels. It returns the path of the images.
func writeImages(t *testing.T, dir string, n int) string {
	t.Helper()
	src := rng.New(5)
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
	write(imagesFile, idx.Array{Dims: []int{n, 16, 16}, Data: pixels})
	write(labelsFile, idx.Array{Dims: []int{n}, Data: labels})
	return filepath.Join(dir, imagesFile)
}

// small returns the command line of a run: 4 epochs of 8 steps on 64 images.
func small(data, out string, more ...string) []string {
	return append([]string{"pretrain", "--data", data, "--out", out, "--method", "simclr", "--arch", "resnet10", "--width", "4", "--batch", "8", "--epochs", "4", "--lr", "1e-3"}, more...)
}

var sharedImages, sharedPictures sync.Once

// long skips a test that takes seconds in the short run.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes long")
	}
}

// images64 returns the path of 64 images that tests share. They must not change them.
func images64(t *testing.T) string {
	t.Helper()
	sharedImages.Do(func() { writeImages(t, shared, 64) })
	return filepath.Join(shared, imagesFile)
}

// pictures32 returns a folder of 16 pictures a class that tests share. They must not change it.
func pictures32(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(shared, "pictures")
	sharedPictures.Do(func() { writePictures(t, dir, 16) })
	return dir
}

// sharedRun is a run that tests share.
type sharedRun struct {
	once sync.Once
	dir  string
	said result
	done bool
}

var sharedRuns sync.Map // from the flags of a run to its *sharedRun

// trained returns the folder of a small run on images64, with more flags, and what the command printed. The first test that needs a run
// trains it. Tests must not change its folder: copyRun makes a copy.
func trained(t *testing.T, more ...string) (dir string, said result) {
	t.Helper()
	return trainedOn(t, images64(t), more...)
}

// trainedOn is trained on another set that tests share.
func trainedOn(t *testing.T, set string, more ...string) (dir string, said result) {
	t.Helper()
	v, _ := sharedRuns.LoadOrStore(strings.Join(append([]string{set}, more...), " "), &sharedRun{})
	r := v.(*sharedRun)
	r.once.Do(func() {
		parent, err := os.MkdirTemp(shared, "run")
		if err != nil {
			t.Fatal(err)
		}
		r.dir = filepath.Join(parent, "run")
		if r.said = call(t, nil, small(set, r.dir, more...)...); r.said.status != 0 {
			t.Fatalf("the shared run %v: status %d: %s", more, r.said.status, r.said.err)
		}
		r.done = true
	})
	if !r.done {
		t.Fatalf("the shared run %v failed in another test", more)
	}
	return r.dir, r.said
}

// copyRun returns a copy of a run's folder, which the test may change.
func copyRun(t *testing.T, run string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	if err := os.CopyFS(dir, os.DirFS(run)); err != nil {
		t.Fatal(err)
	}
	return dir
}
