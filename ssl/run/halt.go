package run

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/marr-ssl/marr/ssl/train"
)

// haltedFile is the state of the store when a step was not finite. It exists until the run has continued beyond its last checkpoint.
const haltedFile = "halted.ckpt"

// mayChange are the settings that may be changed when a halted run is resumed: they affect only updates, and the saved state stays valid.
var mayChange = []string{"base_lr", "lr", "clip", "clip_each"}

// HaltError is a NonFiniteError after which the run's folder is rolled back to the last checkpoint. A checkpoint of the step before the bad one would not
// help: the same batch would meet the same weights at any learning rate.
type HaltError struct {
	*train.NonFiniteError
	Back int // step of the last checkpoint
}

func (e *HaltError) Error() string {
	return fmt.Sprintf("%s: back to step %d: resume with a lower --lr, or --clip (%s has the state before it)", e.What(), e.Back, haltedFile)
}

// Unwrap returns the NonFiniteError.
func (e *HaltError) Unwrap() error { return e.NonFiniteError }

// halt rolls the folder back to the last checkpoint and saves the state of the store as halted.ckpt.
func (r *Run) halt(bad *train.NonFiniteError) error {
	path := filepath.Join(r.Dir, haltedFile)
	if err := removeFile(path); err != nil {
		return errors.Join(bad, err)
	}
	if err := errors.Join(r.checkpoint(path), r.metrics.close(), r.openMetrics(r.saved)); err != nil {
		return errors.Join(bad, err)
	}
	if bad.First == "" {
		var err error
		if bad.First, err = r.trainer.FindNonFinite(bad.Step - 1); err != nil {
			r.Notice("the first bad tensor was not found: %v", err)
		}
	}
	return &HaltError{bad, r.saved}
}
