package eval

import (
	"context"
	"errors"
	"testing"

	"github.com/marr-ssl/marr/ssl/data/datatest"
)

func TestEvaluationsStopWhenTheirContextIsDone(t *testing.T) {
	train, test := clusters(2, 40, 4, 5, 0.1), clusters(3, 20, 4, 5, 0.1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, run := range map[string]func() error{
		"kNN":         func() error { _, err := KNN(ctx, train, test, []int{1}, Temperature); return err },
		"neighbors":   func() error { _, err := Nearest(ctx, train, 3); return err },
		"stability":   func() error { _, err := NeighborStability(ctx, train, train, 3); return err },
		"linear":      func() error { _, err := Linear(ctx, train, test, LinearOptions{}); return err },
		"few labels":  func() error { _, _, err := LinearFewShot(ctx, train, test, 2, 3, 1); return err },
		"all of them": func() error { _, err := EvaluateFrozen(ctx, train, test); return err },
		"raw pixels": func() error {
			_, err := RawPixels(ctx, datatest.Noise(4, 8, 1), 8, []float64{0}, []float64{1})
			return err
		},
	} {
		if err := run(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", name, err)
		}
	}
}

// The third evaluation of the objective cancels the context.
func TestFitStopsWithinAnIteration(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	train := clusters(2, 40, 4, 5, 0.1)
	evaluations := 0
	p := probe{x: normalized(train, 10), d: train.D, labels: train.Labels, classes: 5, penalty: 1e-4, each: func(n int, f func(int)) {
		if evaluations++; evaluations == 3 {
			cancel()
		}
		serial(n, f)
	}}
	if _, err := p.fit(ctx, 100); !errors.Is(err, context.Canceled) || evaluations != 3 {
		t.Errorf("%v after %d evaluations, want context.Canceled after 3", err, evaluations)
	}
}
