package run

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/data/datatest"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/ssl/views"
	"github.com/marr-ssl/marr/ssl/watch"
)

// attracted pulls every embedding, of a head without batch norm, to that of the next image, until all are equal.
type attracted struct{}

func (attracted) Views(in views.Input) ([]views.Spec, error) {
	return []views.Spec{{Size: in.Size}}, nil
}

func (attracted) Loss(s *ssl.Step) *kernels.Tensor {
	z := s.Heads.MLP("head", s.Backbone.Dim(), 32, 32).Forward(s.Backbone.Forward(s.Views[0], net.Train), net.Train)
	s.Observe(z, nil)
	next := kernels.Concat(kernels.Slice(z, 1, s.N), kernels.Slice(z, 0, 1))
	return kernels.NegativeCosine(z, kernels.StopGrad(next))
}

// collapsing trains a method for 80 steps and returns the alarms. With stop, the run ends at the first one.
func collapsing(t *testing.T, m ssl.Method, stop bool) (notices []string, err error) {
	t.Helper()
	return watched(t, &Run{Method: m, Set: datatest.Noise(64, 16, 1), StopOnCollapse: stop})
}

// long skips a test that trains for long under -short. make check runs it.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("trains for long")
	}
}

// watched trains r in batches of 32, by default for 40 epochs at a learning rate of 2e-2, and returns the alarms.
func watched(t *testing.T, r *Run) (notices []string, err error) {
	t.Helper()
	c := smallConfig()
	c.Batch, c.Epochs, c.LR = 32, cmp.Or(r.Config.Epochs, 40), cmp.Or(r.Config.LR, 2e-2)
	r.Dir, r.Config = t.TempDir(), c
	r.Notice = func(format string, args ...any) {
		if strings.HasPrefix(format, "step ") {
			notices = append(notices, args[len(args)-1].(string))
		}
	}
	x, err := r.Pretrain(t.Context(), device)
	if x != nil {
		x.Free()
	}
	return notices, err
}

func TestCollapseRaisesAnAlarmAndStopsTheRunIfConfigured(t *testing.T) {
	long(t)
	notices, err := collapsing(t, attracted{}, false)
	if err != nil || len(notices) == 0 || !strings.HasPrefix(notices[0], string(watch.Constant)) && !strings.HasPrefix(notices[0], string(watch.LowRank)) {
		t.Errorf("notices %q, %v", notices, err)
	}
	_, err = collapsing(t, attracted{}, true)
	var collapse *CollapseError
	if !errors.As(err, &collapse) {
		t.Errorf("%v, want a CollapseError", err)
	}
}

// The run is stopped between the measurements before its alarm, and again after the alarm.
func TestAlarmIsRaisedAtTheSameStepAfterAResume(t *testing.T) {
	long(t)
	c := smallConfig()
	c.Batch, c.Epochs, c.LR = 32, 40, 2e-2
	set := datatest.Noise(64, 16, 1)
	run := func(dir string, resume bool, stop int) (alarms []int) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r := &Run{Dir: dir, Resume: resume, Config: c, Method: attracted{}, Set: set}
		r.OnStep = func(p Progress) {
			if p.Alarm != nil {
				if alarms = append(alarms, p.Step); p.Alarm.Step != p.Step {
					t.Errorf("the alarm of step %d has step %d", p.Step, p.Alarm.Step)
				}
			}
			if p.Step == stop {
				cancel()
			}
		}
		x, err := r.Pretrain(ctx, device)
		if x != nil {
			x.Free()
		}
		if err != nil && !errors.Is(err, ErrStopped) {
			t.Fatal(err)
		}
		return alarms
	}
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole")
	want := run(whole, false, 0)
	if len(want) == 0 {
		t.Fatal("no alarm was raised")
	}
	for _, before := range []int{4, 3} { // up to two more steps are in flight
		stopped := filepath.Join(dir, fmt.Sprint(before))
		got := run(stopped, false, want[0]-before)
		if len(got) > 0 {
			t.Fatalf("stopped at %d: alarms at %v already", want[0]-before, got)
		}
		got = append(run(stopped, true, want[0]+3), run(stopped, true, 0)...)
		if !slices.Equal(got, want) {
			t.Errorf("stopped at %d and %d: alarms at steps %v, want %v", want[0]-before, want[0]+3, got, want)
		}
		for _, name := range []string{CheckpointFile, MetricsFile} {
			if !bytes.Equal(content(t, stopped, name), content(t, whole, name)) {
				t.Errorf("stopped at %d: %s differs", want[0]-before, name)
			}
		}
	}
}

func TestHealthyRunRaisesNoAlarm(t *testing.T) {
	long(t)
	m, err := ssl.New("simclr")
	if err != nil {
		t.Fatal(err)
	}
	set := stripes(66, 16).Limit(64) // from noise, nothing can be learned
	if notices, err := watched(t, &Run{Method: m, Set: set, StopOnCollapse: true, Config: Config{Config: train.Config{LR: 2e-3}}}); err != nil || len(notices) > 0 {
		t.Errorf("notices %q, %v", notices, err)
	}
}

// Without augmentation both views are equal, so every positive is the nearest from the first step.
func TestContrastOfEqualViewsIsTooEasy(t *testing.T) {
	long(t)
	m, err := ssl.New("simclr")
	if err != nil {
		t.Fatal(err)
	}
	notices, err := watched(t, &Run{Method: m, Set: datatest.Noise(64, 16, 1), Views: "from = \"none\"\n[[view]]\ncount = 2\n"})
	if err != nil || len(notices) != 1 || !strings.HasPrefix(notices[0], string(watch.TooEasy)) {
		t.Errorf("notices %q, %v, want one that says too easy", notices, err)
	}
}

// High accuracy and low rank are normal for supervised training. Every step reports the accuracy.
func TestSupervisedTrainingRaisesNoAlarm(t *testing.T) {
	long(t)
	m, err := ssl.New("supervised")
	if err != nil {
		t.Fatal(err)
	}
	best, steps := 0.0, 0
	r := &Run{Method: m, Set: shades(64), Views: "from = \"none\"\n[[view]]\n"}
	r.OnStep = func(p Progress) {
		if steps++; p.Step < p.Steps/5 {
			best = max(best, p.Accuracy)
		}
		if math.IsNaN(p.Accuracy) {
			t.Errorf("step %d reports no accuracy", p.Step)
		}
	}
	notices, err := watched(t, r)
	if err != nil || len(notices) > 0 || best < 0.99 || steps != 80 {
		t.Errorf("%d steps, accuracy %g in the first fifth, notices %q, %v", steps, best, notices, err)
	}
}

// shades returns n images of noise. Those of class 1 are brighter.
func shades(n int) *data.Set {
	set := datatest.Noise(n, 16, 1)
	set.Labels, set.Classes = make([]int32, n), []string{"0", "1"}
	for i := range n {
		pix := set.Image(i).Pix
		for k := range pix {
			pix[k] = pix[k]/2 + byte(127*(i%2))
		}
		set.Labels[i] = int32(i % 2)
	}
	return set
}
