package run

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data/datatest"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/ssl/views"
	"github.com/marr-ssl/marr/vk"
	"github.com/marr-ssl/marr/vk/vktest"
)

// spiked divides by zero in one op of one step.
type spiked struct{ at int }

func (m spiked) At(step, _ int) float64 {
	if step == m.at {
		return 0
	}
	return 1
}

func (spiked) Views(in views.Input) ([]views.Spec, error) { return []views.Spec{{Size: in.Size}}, nil }

func (m spiked) Loss(s *ssl.Step) *kernels.Tensor {
	z := s.Heads.Linear("head", s.Backbone.Dim(), 8).Forward(s.Backbone.Forward(s.Views[0], net.Train), net.Train)
	center := s.Heads.Store.State("center", 0, 8)
	mean := kernels.ColumnMean(z)
	s.AfterUpdate(func(g *kernels.Graph) { center.UpdateAverage(g, mean, 0.9) })
	return kernels.SoftCrossEntropy(z, kernels.CenteredSoftmax(z, center, s.Scalar("temperature", m)), 1)
}

// halting trains a method for two epochs of 6 steps, and stops it after a step.
func halting(t *testing.T, dir string, c Config, m ssl.Method, resume bool, stop int) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := &Run{Dir: dir, Resume: resume, Config: c, Method: m, Set: datatest.Noise(24, 16, 1), SaveEvery: 24 / c.Batch}
	r.OnStep = func(p Progress) {
		if p.Step == stop {
			cancel()
		}
	}
	x, err := r.Pretrain(ctx, device)
	if x != nil {
		x.Free()
	}
	return err
}

// A run with a non-finite value at step 11 names the op and goes back to the checkpoint of step 6. It keeps the state of step 10, with the bytes of
// a run that was stopped there.
func TestNonFiniteStepIsTracedToItsOpAndRolledBack(t *testing.T) {
	sound := filepath.Join(t.TempDir(), "sound")
	if err := halting(t, sound, runConfig(), spiked{-1}, false, 8); !errors.Is(err, ErrStopped) { // two more steps are in flight then
		t.Fatal(err)
	}
	for _, eager := range []bool{false, true} {
		vktest.Configure(t, device, func(s *vk.Settings) { s.Eager = eager })
		dir := filepath.Join(t.TempDir(), "run")
		for _, resume := range []bool{false, true} { // a resumed run does the same, from step 6
			err := halting(t, dir, runConfig(), spiked{10}, resume, 0)
			var bad *HaltError
			if !errors.As(err, &bad) || bad.Step != 11 || bad.Back != 6 {
				t.Fatalf("%v, want a halt at step 11, back to step 6", err)
			}
			for _, want := range []string{"step 11 of simclr: CenteredSoftmax#", "made by centered_softmax ", "back to step 6: resume with a lower --lr"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %[2]q in %[1]q", err, want)
				}
			}
			for name, same := range map[string]string{haltedFile: CheckpointFile, CheckpointFile: "checkpoint.prev.ckpt"} {
				if !bytes.Equal(content(t, dir, name), content(t, sound, same)) {
					t.Errorf("%s is not %s of a run that was stopped after step 10", name, same)
				}
			}
			lines := bytes.SplitAfter(content(t, sound, MetricsFile), []byte("\n"))
			if !bytes.Equal(content(t, dir, MetricsFile), bytes.Join(lines[:6], nil)) {
				t.Errorf("metrics are not those of the first 6 steps:\n%s", content(t, dir, MetricsFile))
			}
		}
	}
}

// exploding returns settings that multiply all weights by about −100 a step. Their squares overflow in the second epoch; after step 6, a small step
// is still possible.
func exploding() Config {
	c := runConfig()
	c.LR, c.Warmup, c.Optimizer, c.Decay = 1e2, 0, "sgd", 1
	return c
}

// The advice of the error works.
func TestHaltedRunGoesOnWithALowerRate(t *testing.T) {
	m, err := ssl.New("simclr")
	if err != nil {
		t.Fatal(err)
	}
	dir, c := filepath.Join(t.TempDir(), "run"), exploding()
	c.BaseLR, c.LR = c.LR*train.ReferenceBatch/float64(c.Batch), 0 // the base rate that most runs give; --lr replaces it
	var bad *HaltError
	if err := halting(t, dir, c, m, false, 0); !errors.As(err, &bad) || bad.Back != 6 || bad.First == "" {
		t.Fatalf("%v, want a halt in the second epoch that names a tensor", err)
	}
	c.LR = 1e-3
	if err := halting(t, dir, c, m, true, 0); err != nil {
		t.Fatalf("resumed with a lower rate: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, haltedFile)); err == nil {
		t.Error("the state of the halt was not removed")
	}
	if saved, err := ReadConfig(filepath.Join(dir, ConfigFile)); err != nil || saved.LR != c.LR {
		t.Errorf("rate %g in %s, want %g (%v)", saved.LR, ConfigFile, c.LR, err)
	}
	c.LR = 2e-3
	if err := halting(t, dir, c, m, true, 0); err == nil || !strings.Contains(err.Error(), "it was started with lr") {
		t.Errorf("another rate without a halt: %v, want it refused", err)
	}
}

// The step after the overflow finds it, but the error must not blame an op of that step.
func TestOverflowOfAnUpdateIsBlamedOnTheParameter(t *testing.T) {
	vktest.Configure(t, device, func(s *vk.Settings) { s.Eager = false }) // an eager run finds the update itself
	m, err := ssl.New("byol")
	if err != nil {
		t.Fatal(err)
	}
	c := exploding()
	c.Method, c.LR = "byol", 1e300
	var bad *HaltError
	if err := halting(t, filepath.Join(t.TempDir(), "run"), c, m, false, 0); !errors.As(err, &bad) || bad.Step != 2 || bad.Back != 0 || !strings.HasSuffix(bad.First, "conv1.weight has not been finite since the step before") {
		t.Errorf("%v, want a parameter named at step 2", err)
	}
}
