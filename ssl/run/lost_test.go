package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data/datatest"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/vk"
	"github.com/marr-ssl/marr/vk/vktest"
)

// ownDevice returns a device that a test may lose.
func ownDevice(t *testing.T) *vk.Device {
	t.Helper()
	dev, err := vk.Open("", vk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dev.Close() })
	vktest.Configure(t, dev, func(s *vk.Settings) { s.Eager = false }) // it submits each op by itself
	return dev
}

// losingRun returns a run of 2 epochs of 6 steps that starts from given weights and saves after each epoch, and its notices about losses.
func losingRun(t *testing.T, dir, method string) (r *Run, lost *[]string) {
	t.Helper()
	m, err := ssl.New(method)
	if err != nil {
		t.Fatal(err)
	}
	c := runConfig()
	c.Method = method
	r, lost = &Run{Dir: dir, Config: c, Method: m, Set: datatest.Noise(24, 16, 1), SaveEvery: 6}, new([]string)
	r.Notice = func(format string, args ...any) {
		if text := fmt.Sprintf(format, args...); strings.Contains(text, "lost") {
			*lost = append(*lost, text)
		}
	}
	r.Config.Init = &Init{Weights: "given", Mean: []float64{0.5}, Std: []float64{0.2}}
	r.Start = func(st *kernels.Store) error {
		p := st.Params()[0]
		v, err := p.Read()
		if err != nil {
			return err
		}
		for i := range v {
			v[i] *= 2
		}
		return p.Write(v)
	}
	r.AfterEpoch = func(_ context.Context, x *train.Trainer) (map[string]any, error) { // it uses the device
		v, err := x.Store.Params()[0].Read()
		if err != nil {
			return nil, err
		}
		return map[string]any{"seen": float64(v[0])}, nil
	}
	return r, lost
}

func finish(t *testing.T, r *Run, dev *vk.Device) error {
	t.Helper()
	x, err := r.Pretrain(t.Context(), dev)
	if x != nil {
		x.Free()
	}
	return err
}

func wantSameFiles(t *testing.T, what, dir, whole string) {
	t.Helper()
	for _, name := range []string{CheckpointFile, MetricsFile, TableFile, ConfigFile} {
		if !bytes.Equal(content(t, dir, name), content(t, whole, name)) {
			t.Errorf("%s: %s differs from that of a run that lost no device", what, name)
		}
	}
}

// The device is lost at submissions all over the run: while its first values are uploaded, in steps, measurements and checkpoints.
func TestRunThatLosesItsDeviceEndsWithTheSameBytes(t *testing.T) {
	methods, growth := []string{"simclr", "byol"}, 1.5 // without and with a moving average
	if testing.Short() {
		methods, growth = methods[:1], 7
	}
	dev := ownDevice(t)
	for _, method := range methods {
		dir := t.TempDir()
		whole := filepath.Join(dir, "whole")
		r, lost := losingRun(t, whole, method)
		if err := finish(t, r, dev); err != nil || len(*lost) > 0 {
			t.Fatalf("%s: %v, %q", method, err, *lost)
		}
		step := map[string]bool{} // that the runs continued from
		for at := 1; ; at = int(growth*float64(at)) + 1 {
			run := filepath.Join(dir, fmt.Sprint(at))
			r, lost := losingRun(t, run, method)
			dev.SimulateLoss(at)
			if err := finish(t, r, dev); err != nil {
				t.Fatalf("%s: lost at submission %d: %v", method, at, err)
			}
			wantSameFiles(t, fmt.Sprintf("%s, lost at submission %d", method, at), run, whole)
			if len(*lost) == 0 {
				dev.SimulateLoss(0)
				break // there are fewer submissions
			}
			if len(*lost) > 1 {
				t.Errorf("%s: lost at submission %d: notices %q, want one", method, at, *lost)
			}
			step[(*lost)[0][strings.LastIndex((*lost)[0], " ")+1:]] = true
		}
		if !step["0"] || !step["6"] {
			t.Errorf("%s: the runs continued from steps %v, want 0 and 6", method, step)
		}
		t.Run(method+" three times", func(t *testing.T) { loseThreeTimes(t, dev, method, whole) })
		if !testing.Short() {
			t.Run(method+" with progress", func(t *testing.T) { loseWithProgress(t, dev, method, whole) })
		}
	}
}

// The device is lost in each attempt to train the second epoch.
func loseThreeTimes(t *testing.T, dev *vk.Device, method, whole string) {
	dir := t.TempDir()
	r, lost := losingRun(t, dir, method)
	r.OnStep = func(p Progress) {
		if p.Step == 8 {
			dev.SimulateLoss(1)
		}
	}
	err := finish(t, r, dev)
	var stopped *LostError
	if !errors.As(err, &stopped) || !errors.Is(err, vk.ErrDeviceLost) || stopped.Step != 6 || len(*lost) != 2 {
		t.Fatalf("%v after %q, want a *LostError of step 6 after two notices", err, *lost)
	}
	if want := "lost 3 times (VK_ERROR_DEVICE_LOST) between step 6 and the next checkpoint"; !strings.Contains(err.Error(), want) {
		t.Errorf("%v: want %q", err, want)
	}
	if err := dev.Reopen(); err != nil {
		t.Fatal(err)
	}
	r, _ = losingRun(t, dir, method)
	r.Resume = true
	if err := finish(t, r, dev); err != nil {
		t.Fatal(err)
	}
	wantSameFiles(t, "resumed after three losses", dir, whole)
}

// The device is lost more often than maxLosses, but after a checkpoint each time.
func loseWithProgress(t *testing.T, dev *vk.Device, method, whole string) {
	dir := t.TempDir()
	r, lost := losingRun(t, dir, method)
	r.SaveEvery = 1
	last := 0
	r.OnStep = func(p Progress) {
		if p.Step > last+2 { // two checkpoints after the last loss
			last = p.Step
			dev.SimulateLoss(1)
		}
	}
	if err := finish(t, r, dev); err != nil || len(*lost) < maxLosses {
		t.Fatalf("%v after %q, want no error after at least %d losses", err, *lost, maxLosses)
	}
	wantSameFiles(t, "many losses", dir, whole)
}
