package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/vk"
)

// Training is a short SimCLR run. It shows that the step that was measured also learns.
type Training struct {
	StepOptions
	Seconds    float64 `json:"seconds"`
	ImagesPerS float64 `json:"images_per_s"`
	FirstLoss  float64 `json:"first_loss"` // mean over the first tenth of the steps
	LastLoss   float64 `json:"last_loss"`  // mean over the last tenth of the steps
}

// String describes the run on one line.
func (t *Training) String() string {
	return fmt.Sprintf("\ntraining: %v: %d steps, %s s, %s images/s, loss %.3f → %.3f (first, last tenth)", t.StepOptions, t.Steps,
		formatNumber(t.Seconds), formatNumber(t.ImagesPerS), t.FirstLoss, t.LastLoss)
}

// MeasureTraining trains for o.Steps steps.
func MeasureTraining(ctx context.Context, dev *vk.Device, o StepOptions) (*Training, error) {
	set, err := data.Open(ctx, trainingImages, data.Options{})
	if err != nil {
		return nil, err
	}
	t, _, err := o.train(ctx, dev, set, func(*kernels.Store) error { return nil })
	return t, err
}

// train trains for o.Steps steps, and then calls f with the trained state. It returns the loss of each step.
func (o StepOptions) train(ctx context.Context, dev *vk.Device, set *data.Set, f func(st *kernels.Store) error) (*Training, []float64, error) {
	t, err := o.trainer(dev, set, o.Steps, &train.Timing{}, nil)
	if err != nil {
		return nil, nil, err
	}
	defer t.Free()
	var losses []float64
	start := time.Now()
	if err := t.Train(ctx, o.Steps, func(r train.StepResult) { losses = append(losses, r.Loss) }); err != nil {
		return nil, nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	seconds, tenth := time.Since(start).Seconds(), (len(losses)+9)/10
	done := &Training{o, seconds, float64(o.Batch*o.Steps) / seconds, mean(losses[:tenth]), mean(losses[len(losses)-tenth:])}
	return done, losses, f(t.Store)
}
