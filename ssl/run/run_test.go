package run

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/data/datatest"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/vk"
	"github.com/marr-ssl/marr/vk/vktest"
)

// device is shared by all tests of the package.
var device *vk.Device

// TestMain makes lavapipe work in the calling thread with -short: for networks this small, waking its threads costs a third of the time.
func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		os.Setenv("LP_NUM_THREADS", "0")
	}
	vktest.Main(m, &device)
}

func smallConfig() Config {
	c := DefaultConfig()
	c.Arch, c.Backbone, c.Batch, c.Epochs, c.LR = "resnet10", map[string]any{"stem": "strided", "width": 4}, 8, 4, 2e-3
	return c
}

// setNetwork gives a configuration a small network that the method works with.
func setNetwork(c *Config, m ssl.Method) {
	if n, ok := m.(ssl.NetworkChooser); ok {
		c.Arch, c.Backbone = n.Network()
		c.Backbone["embed-dim"], c.Backbone["depth"] = 16, 1
	}
}

// runConfig returns a run of 2 epochs of 6 steps on 24 images.
func runConfig() Config {
	c := smallConfig()
	c.Epochs, c.Batch = 2, 4
	return c
}

// pretrain trains on 24 random images and stops after a step, or at the end for 0.
func pretrain(t *testing.T, dir string, c Config, resume bool, stop int) error {
	t.Helper()
	return pretrainOn(t, datatest.Noise(24, 16, 1), dir, c, resume, stop)
}

func pretrainOn(t *testing.T, set *data.Set, dir string, c Config, resume bool, stop int) error {
	t.Helper()
	m, err := ssl.New(c.Method)
	if err != nil {
		t.Fatal(err)
	}
	return pretrainMethod(t, m, set, dir, c, resume, stop)
}

func pretrainMethod(t *testing.T, m ssl.Method, set *data.Set, dir string, c Config, resume bool, stop int) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := &Run{Dir: dir, Resume: resume, Config: c, Method: taught(m, set), Set: set, SaveEvery: set.Len() / c.Batch}
	r.OnStep = func(p Progress) {
		if p.Step == stop {
			cancel()
		}
	}
	r.AfterEpoch = func(_ context.Context, x *train.Trainer) (map[string]any, error) {
		return map[string]any{"seen": x.Step()}, nil
	}
	x, err := r.Pretrain(ctx, device)
	if x != nil {
		x.Free()
	}
	return err
}

// taught returns a method after it got the features of a teacher for the images of a set, if it learns from one.
func taught(m ssl.Method, set *data.Set) ssl.Method {
	if d, ok := m.(*ssl.Distill); ok {
		d.Teacher = &ssl.TeacherFeatures{Dim: 6, Values: datatest.Numbers(6 * set.Len())}
	}
	return m
}

func content(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The run is stopped after each of its steps, also the last of an epoch.
func TestRunStoppedAnywhereResumesToTheSameBytes(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "whole")
	if err := pretrain(t, whole, runConfig(), false, 0); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(content(t, whole, MetricsFile)), `"seen"`); n != 2 {
		t.Fatalf("%d lines of AfterEpoch, want one for each epoch", n)
	}
	if n := strings.Count(string(content(t, whole, MetricsFile)), `"grad_norm"`); n != 12 {
		t.Fatalf("%d lines have the norm of the gradients, want one for each step", n)
	}
	for stop := 1; stop <= 12; stop++ {
		dir := filepath.Join(t.TempDir(), "run")
		err := pretrain(t, dir, runConfig(), false, stop)
		// Up to two steps are in flight at the stop, and the run completes them: near the end it may finish.
		if stop < 9 && !errors.Is(err, ErrStopped) || err != nil && !errors.Is(err, ErrStopped) {
			t.Fatalf("stop after step %d: %v, want ErrStopped", stop, err)
		}
		// A process that is killed after it flushed lines and before it saved leaves this.
		torn := append(content(t, dir, MetricsFile), []byte("{\"epoch\":9,\"loss\":1,\"step\":99}\n{\"epoch\":9,\"lo")...)
		if err := os.WriteFile(filepath.Join(dir, MetricsFile), torn, 0o666); err != nil {
			t.Fatal(err)
		}
		if err := pretrain(t, dir, runConfig(), true, 0); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{CheckpointFile, MetricsFile, TableFile, ConfigFile} {
			if !bytes.Equal(content(t, dir, name), content(t, whole, name)) {
				t.Errorf("stopped after step %d: %s differs", stop, name)
			}
		}
	}
}

// A signal stops the first measurement, and the last, of the finished run. The resumed run makes each first, and its line is where it belongs.
func TestStoppedMeasurementIsMadeByTheResumedRun(t *testing.T) {
	dir := t.TempDir()
	whole, stopped := filepath.Join(dir, "whole"), filepath.Join(dir, "stopped")
	if err := pretrain(t, whole, runConfig(), false, 0); err != nil {
		t.Fatal(err)
	}
	for _, stop := range []int{6, 12} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		m, err := ssl.New("simclr")
		if err != nil {
			t.Fatal(err)
		}
		r := &Run{Dir: stopped, Resume: stop > 6, Config: runConfig(), Method: m, Set: datatest.Noise(24, 16, 1)}
		r.AfterEpoch = func(ctx context.Context, x *train.Trainer) (map[string]any, error) {
			if x.Step() == stop {
				cancel()
				return nil, ctx.Err()
			}
			return map[string]any{"seen": x.Step()}, nil
		}
		x, err := r.Pretrain(ctx, device)
		if x != nil {
			x.Free()
		}
		if !errors.Is(err, ErrStopped) {
			t.Fatalf("stopped while measuring at step %d: %v", stop, err)
		}
	}
	if err := pretrain(t, stopped, runConfig(), true, 0); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{CheckpointFile, MetricsFile, TableFile} {
		if !bytes.Equal(content(t, stopped, name), content(t, whole, name)) {
			t.Errorf("%s differs from that of a run whose measurements were not stopped", name)
		}
	}
}

// The run reports each failure and ends with the same checkpoint.
func TestFailedMeasurementDoesNotStopTheRun(t *testing.T) {
	dir := t.TempDir()
	whole, run := filepath.Join(dir, "whole"), filepath.Join(dir, "run")
	if err := pretrain(t, whole, runConfig(), false, 0); err != nil {
		t.Fatal(err)
	}
	m, err := ssl.New("simclr")
	if err != nil {
		t.Fatal(err)
	}
	var reported []string
	r := &Run{Dir: run, Config: runConfig(), Method: m, Set: datatest.Noise(24, 16, 1), Notice: func(format string, args ...any) {
		if strings.HasPrefix(format, "epoch ") {
			reported = append(reported, fmt.Sprintf(format, args...))
		}
	}}
	r.AfterEpoch = func(context.Context, *train.Trainer) (map[string]any, error) {
		return nil, errors.New("the disk is full")
	}
	x, err := r.Pretrain(t.Context(), device)
	if err != nil {
		t.Fatal(err)
	}
	x.Free()
	if want := []string{"epoch 1 was not measured: the disk is full", "epoch 2 was not measured: the disk is full"}; !slices.Equal(reported, want) {
		t.Errorf("reported %q, want %q", reported, want)
	}
	if !bytes.Equal(content(t, run, CheckpointFile), content(t, whole, CheckpointFile)) {
		t.Error("the checkpoint differs")
	}
}

// A resumed run overflows in its first step.
func TestNonFiniteStepDoesNotChangeTheCheckpoint(t *testing.T) {
	vktest.Configure(t, device, func(s *vk.Settings) { s.Eager = false }) // an eager run stops earlier, at the op
	c := runConfig()
	c.Batch, c.Epochs = 24, 3 // one step an epoch
	c.LR, c.Warmup, c.Optimizer, c.Decay = 1e30, 0, "sgd", 1
	dir := filepath.Join(t.TempDir(), "run")
	var bad *train.NonFiniteError
	if err := pretrain(t, dir, c, false, 0); !errors.As(err, &bad) || bad.Step != 2 {
		t.Fatalf("got %v, want a train.NonFiniteError at step 2", err)
	}
	want := content(t, dir, CheckpointFile)
	if err := pretrain(t, dir, c, true, 0); !errors.As(err, &bad) || bad.Step != 2 {
		t.Fatalf("resumed: got %v, want a train.NonFiniteError at step 2", err)
	}
	if !bytes.Equal(content(t, dir, CheckpointFile), want) {
		t.Error("the non-finite step changed the checkpoint")
	}
}

func TestRefusedRunLeavesNoFolder(t *testing.T) {
	c := runConfig()
	c.Batch = 25
	dir := filepath.Join(t.TempDir(), "run")
	var wrong *train.ConfigError
	if err := pretrain(t, dir, c, false, 0); !errors.As(err, &wrong) {
		t.Errorf("got %v, want a train.ConfigError", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the run left its folder")
	}
}

// Epochs are shorter than the smallest number of steps between checkpoints, and one of them is kept.
func TestShortEpochsShareACheckpoint(t *testing.T) {
	m, err := ssl.New("simclr")
	if err != nil {
		t.Fatal(err)
	}
	c := runConfig()
	c.Epochs = 9 // of 6 steps
	r := &Run{Dir: filepath.Join(t.TempDir(), "run"), Config: c, Method: m, Set: datatest.Noise(24, 16, 1), KeepEvery: 5}
	var saved []int
	r.AfterEpoch = func(_ context.Context, x *train.Trainer) (map[string]any, error) {
		if r.saved > 0 && !slices.Contains(saved, r.saved) {
			saved = append(saved, r.saved)
		}
		return nil, nil
	}
	x, err := r.Pretrain(t.Context(), device)
	if err != nil {
		t.Fatal(err)
	}
	x.Free()
	if want := []int{24, 30, 42, 54}; !slices.Equal(append(saved, r.saved), want) {
		t.Errorf("checkpoints of steps %v, want %v", append(saved, r.saved), want)
	}
}

// A run that saves within its epochs is killed after such a checkpoint, before the next one, and resumes without that flag.
func TestRunKilledWithinAnEpochResumesToTheSameBytes(t *testing.T) {
	dir := t.TempDir()
	saving := func(run string, resume bool, every int, at func(Progress)) error {
		m, err := ssl.New("simclr")
		if err != nil {
			t.Fatal(err)
		}
		c := runConfig()
		c.Epochs = 3
		r := &Run{Dir: filepath.Join(dir, run), Resume: resume, Config: c, Method: m, Set: datatest.Noise(24, 16, 1), SaveEvery: every, KeepEvery: 2, OnStep: at}
		x, err := r.Pretrain(t.Context(), device)
		if x != nil {
			x.Free()
		}
		return err
	}
	if err := saving("whole", false, 0, nil); err != nil {
		t.Fatal(err)
	}
	saved := map[int][]byte{} // the checkpoint before a step
	if err := saving("saving", false, 4, func(p Progress) { saved[p.Step], _ = os.ReadFile(filepath.Join(dir, "saving", CheckpointFile)) }); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{CheckpointFile, MetricsFile, TableFile, ConfigFile, Snapshot(2)} {
		if !bytes.Equal(content(t, filepath.Join(dir, "saving"), name), content(t, filepath.Join(dir, "whole"), name)) {
			t.Errorf("%s differs if checkpoints are written within epochs", name)
		}
	}
	for _, step := range []int{5, 9, 14, 17} { // after the checkpoints of steps 4, 8, 12 (an epoch) and 16
		killed := filepath.Join(dir, "killed")
		if err := os.RemoveAll(killed); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(killed, os.DirFS(filepath.Join(dir, "saving"))); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.WriteFile(filepath.Join(killed, CheckpointFile), saved[step], 0o666), os.Remove(filepath.Join(killed, Snapshot(2)))); err != nil {
			t.Fatal(err)
		}
		if c, err := net.LoadCheckpoint(filepath.Join(killed, CheckpointFile)); err != nil || c.Meta.Step != (step-1)/4*4 {
			t.Fatalf("killed at step %d: %v, want the checkpoint of step %d", step, err, (step-1)/4*4)
		}
		if err := saving("killed", true, 0, nil); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{CheckpointFile, MetricsFile, TableFile} {
			if !bytes.Equal(content(t, killed, name), content(t, filepath.Join(dir, "whole"), name)) {
				t.Errorf("killed at step %d: %s differs", step, name)
			}
		}
		if _, err := os.Stat(filepath.Join(killed, Snapshot(2))); (err == nil) != (step <= 14) {
			t.Errorf("killed at step %d: the snapshot of epoch 2: %v", step, err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*", "checkpoint-*.ckpt")); err != nil || len(left) != 2 {
		t.Errorf("snapshots %v, want those of epoch 2 of two runs", left)
	}
}
