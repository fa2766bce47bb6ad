package methods

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	sslrun "github.com/marr-ssl/marr/ssl/run"
	"github.com/marr-ssl/marr/ssl/train"
)

// pretrain trains a case in its folder, from its last checkpoint if there is one, and evaluates it.
func (c *comparer) pretrain(ctx context.Context, x Case, dir string) (Run, error) {
	m, err := x.method()
	if err != nil {
		return Run{}, err
	}
	run := Run{Name: x.Name, Group: x.Group}
	start, fromStart := time.Now(), false
	var notices []string
	r := &sslrun.Run{Dir: dir, Resume: true, Config: x.Config, Method: m, Views: x.Views, Set: c.Train, Tuner: c.Tuner,
		Notice:  func(format string, args ...any) { notices = append(notices, fmt.Sprintf(format, args...)) },
		OnStart: func(t *train.Trainer) { fromStart = t.Step() == 0 },
		OnStep: func(p sslrun.Progress) {
			c.log("%s: step %d of %d, loss %.3f, %.0f images/s", x.Name, p.Step, p.Steps, p.Loss, p.ImagesPerSecond)
		}}
	t, err := r.Pretrain(ctx, c.dev)
	if t != nil {
		defer t.Free()
	}
	var nonFinite *train.NonFiniteError
	if errors.As(err, &nonFinite) {
		run.Config, run.Alarms = r.Config, append(notices, err.Error()) // the metrics file lost the alarms when the run went back to its checkpoint
		return run, nil
	}
	if err != nil {
		return run, err
	}
	if fromStart {
		run.Seconds = time.Since(start).Seconds()
	}
	run.Config, run.Steps = r.Config, t.Steps()
	if err := run.readMetrics(filepath.Join(dir, sslrun.MetricsFile)); err != nil {
		return run, err
	}
	c.log("%s: evaluating", x.Name)
	return run, c.evaluate(ctx, &run, t.Store, t.ExportBranch(), t.Config.Size)
}

// readMetrics sets the mean loss and accuracy of the last epoch, the last measured std of the embeddings, and all alarms.
func (run *Run) readMetrics(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var losses, accuracies []float64
	for lines := json.NewDecoder(bytes.NewReader(text)); ; {
		var m struct {
			Step, Epoch    int
			Loss, Accuracy *float64
			Std            float64 `json:"embedding_std"`
			Alarm          string
		}
		if err := lines.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("bench: %s: %w", path, err)
		}
		run.EmbeddingStd = cmp.Or(m.Std, run.EmbeddingStd)
		if m.Alarm != "" {
			run.Alarms = append(run.Alarms, fmt.Sprintf("step %d: %s", m.Step, m.Alarm))
		}
		if m.Epoch == run.Config.Epochs && m.Loss != nil {
			losses = append(losses, *m.Loss)
			if m.Accuracy != nil {
				accuracies = append(accuracies, 100**m.Accuracy)
			}
		}
	}
	run.Loss = mean(losses)
	if len(accuracies) > 0 {
		accuracy := mean(accuracies)
		run.Pretext = &accuracy
	}
	return nil
}

func mean(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}
