package ssl

import (
	"cmp"
	"errors"
	"strings"
	"testing"

	"marr/kernels"
	"marr/net"
	"marr/ssl/views"
	"marr/ssl/watch"
)

// herd draws every embedding, of a head without batch norm, to that of the next image: all become one.
type herd struct{}

func (herd) Views(in views.Input) ([]views.Spec, error) { return []views.Spec{{Size: in.Size}}, nil }

func (herd) Loss(s *Step) *kernels.Tensor {
	z := net.NewHead(s.Store, "head", s.Dim, 32, 32, s.Seed).Forward(s.Backbone.Forward(s.Views[0], net.Train), net.Train)
	s.Observe(z, nil)
	next := kernels.Concat(kernels.Slice(z, 1, s.N), kernels.Slice(z, 0, 1))
	return kernels.NegativeCosine(z, kernels.StopGrad(next))
}

// collapsing runs a method for 80 steps that may end where it collapses.
func collapsing(t *testing.T, m Method, stop bool) (notices []string, err error) {
	t.Helper()
	return watched(t, &Run{Method: m, Set: noise(64, 16, 1), StopOnCollapse: stop})
}

// watched runs r for 40 epochs at a rate of 2e-2, unless it says otherwise, in batches of 32, and returns what the watch said.
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

func TestACollapseIsNamedAndEndsTheRunWhereThatIsAskedFor(t *testing.T) {
	notices, err := collapsing(t, herd{}, false)
	if err != nil || len(notices) == 0 || !strings.HasPrefix(notices[0], string(watch.Constant)) && !strings.HasPrefix(notices[0], string(watch.LowRank)) {
		t.Errorf("notices %q, %v", notices, err)
	}
	_, err = collapsing(t, herd{}, true)
	var collapse *CollapseError
	if !errors.As(err, &collapse) {
		t.Errorf("%v, want a CollapseError", err)
	}
}

func TestASoundRunRaisesNoAlarm(t *testing.T) {
	m, err := New("simclr")
	if err != nil {
		t.Fatal(err)
	}
	if notices, err := collapsing(t, m, true); err != nil || len(notices) > 0 {
		t.Errorf("notices %q, %v", notices, err)
	}
}
