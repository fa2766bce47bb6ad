package eval_test

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/eval"
)

// frozen returns the untrained network of colors on the device.
func frozen(t *testing.T, set *data.Set) eval.Frozen {
	t.Helper()
	n := colors(t, set)
	network, err := n.Config.Network(3)
	if err != nil {
		t.Fatal(err)
	}
	st := kernels.NewStore(device)
	t.Cleanup(st.Free)
	m, err := network.New(st, 1)
	if err != nil {
		t.Fatal(err)
	}
	return eval.Frozen{Store: st, Module: m, Inputs: n.Inputs}
}

// shuffledLabels returns a set with the labels of other images.
func shuffledLabels(s *data.Set) *data.Set {
	t := *s
	t.Labels = append(slices.Clone(s.Labels[1:]), s.Labels[0])
	return &t
}

func TestLinearSGDSeparatesColorsAndRepeats(t *testing.T) {
	trainSet, test := flatColors(1, 60), flatColors(2, 45)
	f, steps := frozen(t, trainSet), 0
	o := eval.SGDOptions{Epochs: 15, Batch: 16, Rates: []float64{1e-9, 3, 1e300}, Seed: 3, Progress: func(epoch, step, all int) {
		if steps++; step != (steps-1)%4+1 || all != 4 || epoch != (steps-1)/4 {
			t.Errorf("call %d of the progress: epoch %d, step %d of %d", steps, epoch, step, all)
		}
	}}
	r, err := eval.LinearSGD(t.Context(), f, trainSet, test, o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Percent < 85 || r.Rate != 3 || r.HeldOut != 6 || len(r.Rates) != 3 || r.Rates[1].Percent != 100 || !math.IsNaN(r.Rates[2].Percent) || steps != 60 {
		t.Errorf("%+v after %d steps, want 85 %% or more at the rate 3, and NaN at 1e300", r, steps)
	}
	o.Progress, o.Rates = nil, o.Rates[:2]
	a, err := eval.LinearSGD(t.Context(), f, trainSet, test, o)
	if err != nil {
		t.Fatal(err)
	}
	b, err := eval.LinearSGD(t.Context(), f, trainSet, shuffledLabels(test), o)
	if err != nil {
		t.Fatal(err)
	}
	if a.Percent != r.Percent || !reflect.DeepEqual(a.Rates, b.Rates) || a.Rate != b.Rate || b.Percent == a.Percent {
		t.Errorf("with the labels of the test set %+v, with other ones %+v: only the accuracy should change", a, b)
	}
}

func TestLinearSGDRefusesWhatItCannotTrain(t *testing.T) {
	set := flatColors(1, 30)
	f := frozen(t, set)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := eval.LinearSGD(canceled, f, set, set, eval.SGDOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("with a canceled context: %v", err)
	}
	for name, x := range map[string]struct {
		train *data.Set
		o     eval.SGDOptions
		want  string
	}{
		"one image per class": {flatColors(1, 3), eval.SGDOptions{}, "one image per class"},
		"a class is missing":  {set.Subset([]int{0, 1, 3, 4}), eval.SGDOptions{}, "image 2 has label 2"},
		"no rate":             {set, eval.SGDOptions{Rates: []float64{0}}, "learning rate 0"},
		"negative epochs":     {set, eval.SGDOptions{Epochs: -1}, "-1 epochs"},
		"only too large":      {set, eval.SGDOptions{Epochs: 2, Rates: []float64{1e300}}, "diverges at all learning rates from 1e+300"},
	} {
		if _, err := eval.LinearSGD(t.Context(), f, x.train, set, x.o); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v, want %q in it", name, err, x.want)
		}
	}
	f.Runtime = func(x []float32, n int) ([]float32, error) {
		x[0] = float32(math.NaN())
		return x, nil
	}
	if _, err := eval.LinearSGD(t.Context(), f, set, set, eval.SGDOptions{}); err == nil || !strings.Contains(err.Error(), "feature 0 of image 0 is NaN") {
		t.Errorf("features that are not finite: %v", err)
	}
}
