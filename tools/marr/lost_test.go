package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/eval"
	"github.com/marr-ssl/marr/ssl/run"
	"github.com/marr-ssl/marr/vk"
)

// losing is the environment of a command whose device is lost at this submission. The eager twin would make more of them.
func losing(submission string) []string {
	return []string{"MARR_TEST_LOSE=" + submission, "MARR_EAGER=0"}
}

// losingMetric loses the device soon after its first measurement.
type losingMetric struct {
	metric
	dev      *vk.Device
	measured int
}

func (m *losingMetric) measure(ctx context.Context, step int, f []*eval.Features) (map[string]any, string, error) {
	if m.measured++; m.measured == 1 {
		m.dev.SimulateLoss(9)
	}
	return m.metric.measure(ctx, step, f)
}

// The encoder of the measurements is on the device that is lost.
func TestRunThatLosesItsDeviceIsMeasuredAgain(t *testing.T) {
	t.Parallel()
	ctx, dir := t.Context(), t.TempDir()
	dev, err := vk.Open("", vk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	set, err := openSet(ctx, images64(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	measured := map[string]int{}
	for _, name := range []string{"whole", "lost"} {
		c := run.DefaultConfig()
		c.Arch, c.Backbone, c.Batch, c.Epochs = "resnet10", map[string]any{"width": 4}, 16, 2
		m, err := ssl.New(c.Method)
		if err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(dir, name)
		q, err := newQuality(ctx, dev, qualityOptions{every: 1, share: 1e6}, out, set, 16)
		if err != nil {
			t.Fatal(err)
		}
		losing := &losingMetric{metric: q.metric, dev: dev}
		if q.metric = losing; name == "whole" {
			losing.measured = 1
		}
		if _, err := pretrain(ctx, dev, &run.Run{Dir: out, Config: c, Method: m, Set: set}, q); err != nil {
			t.Fatal(err)
		}
		measured[name] = losing.measured
	}
	if measured["whole"] != 3 || measured["lost"] != 3 { // whole counts from 1, and lost repeats one
		t.Errorf("measurements %v, want 3", measured)
	}
	sameRun(t, filepath.Join(dir, "whole"), filepath.Join(dir, "lost"))
}

func TestPlanIsMadeInSpiteOfALoss(t *testing.T) {
	t.Parallel()
	r := call(t, losing("20"), small(images64(t), filepath.Join(t.TempDir(), "run"), "--dry-run")...)
	if want := "was lost (VK_ERROR_DEVICE_LOST) while a step was measured: it was opened again\n"; r.status != 0 || strings.Count(r.err, want) != 1 {
		t.Errorf("status %d, said %q, want one %q", r.status, r.err, want)
	}
}

func TestLostDeviceIsNamed(t *testing.T) {
	t.Parallel()
	run, _ := trained(t, "--eval-every", "0")
	set := images64(t)
	r := call(t, losing("20"), "eval", "knn", "--run", run, "--train", set, "--test", set)
	if want := "VK_ERROR_DEVICE_LOST: the driver has reset the device, or lost it: update the driver if this happens again\n"; r.status != 1 || !strings.HasSuffix(r.err, want) {
		t.Errorf("status %d, said %q, want %q", r.status, r.err, want)
	}
}
