package ssl

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"marr/kernels"
)

// haltedFile is what the store held when a run met a number that is not finite; it is there until the run has gone on beyond its last checkpoint.
const haltedFile = "halted.ckpt"

// eased are the settings that may be others when a halted run is resumed: they shape updates alone, and the store fits them all.
var eased = []string{"base_lr", "lr", "clip", "clip_each"}

// NonFiniteError stops a run: a step met a number that is not finite. Nothing has changed since the step before.
type NonFiniteError struct {
	Step   int // from 1 on
	Tensor string
	Method string
	First  string // the first tensor that is not finite, and how it came to be; "": nobody looked, or it did not happen again
}

func (e *NonFiniteError) what() string {
	if e.First != "" {
		return fmt.Sprintf("ssl: step %d of %s: %s", e.Step, e.Method, e.First)
	}
	return fmt.Sprintf("ssl: step %d of %s: the %s is not finite", e.Step, e.Method, e.Tensor)
}

func (e *NonFiniteError) Error() string {
	return e.what() + ": nothing was changed by it: lower --lr"
}

// HaltError is a NonFiniteError after which the run's folder is as it was at the last checkpoint. That of the step before the bad one would be of no
// use: the same batch meets the same weights there, whatever the learning rate.
type HaltError struct {
	*NonFiniteError
	Back int // steps done at the last checkpoint
}

func (e *HaltError) Error() string {
	return fmt.Sprintf("%s: back to step %d: resume with a lower --lr, or --clip (%s has the state before it)", e.what(), e.Back, haltedFile)
}

// Unwrap returns what happened.
func (e *HaltError) Unwrap() error { return e.NonFiniteError }

// halt takes the folder back to the last checkpoint, and puts beside it what the store holds.
func (r *Run) halt(bad *NonFiniteError) error {
	path := filepath.Join(r.Dir, haltedFile)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return errors.Join(bad, err)
	}
	if err := errors.Join(r.lines.Flush(), r.checkpoint(path), r.metrics.Close(), r.openMetrics(r.saved)); err != nil {
		return errors.Join(bad, err)
	}
	if bad.First == "" {
		var err error
		if bad.First, err = r.trainer.blame(bad.Step - 1); err != nil && r.Notice != nil {
			r.Notice("cannot look closer: %v", err)
		}
	}
	return &HaltError{bad, r.saved}
}

// failed leaves the device idle behind an error. Of the eager twin's it says at which step it was; those before it are over and are reported first.
func (t *Trainer) failed(err error, collect func() error) error {
	var first *kernels.NonFiniteError
	if errors.As(err, &first) {
		err = &NonFiniteError{Step: t.step + 1, Method: t.Config.Method, First: firstOf(first)}
		for len(t.flying) > 0 {
			if e := collect(); e != nil {
				err = e
			}
		}
	}
	for _, w := range t.flying {
		_ = w.run.Wait() // an error behind the first
	}
	t.flying = nil
	return err
}

// blame looks for the first tensor that is not finite at a step: among those that it began with, then by running it again on the eager twin, which the
// store's halt keeps from changing anything. The program, whose memory the twin needs, is gone afterwards.
func (t *Trainer) blame(step int) (string, error) {
	if spoilt, err := t.spoilt(); spoilt != "" || err != nil {
		return spoilt, err
	}
	t.Store.Pin(t.prog.Variants())
	t.prog.Free()
	twin, err := kernels.Build(t.dev, t.Store, func(g *kernels.Graph) {
		g.Eager()
		t.record(g)
	})
	if err != nil {
		return "", err
	}
	t.prog = twin
	t.goOn(step)
	err = t.submit(func() error {
		t.flying = t.flying[1:]
		return nil
	})
	var first *kernels.NonFiniteError
	if errors.As(err, &first) {
		return firstOf(first), nil
	}
	return "", err
}

func firstOf(e *kernels.NonFiniteError) string {
	return fmt.Sprintf("%s is the first tensor that is not finite, element %d is %v, made by %s", e.Tensor, e.Index, e.Value, e.Op)
}

// spoilt tells of a parameter, average or state that is not finite; "" if all are.
func (t *Trainer) spoilt() (string, error) {
	type tensor struct {
		name string
		read func() ([]float32, error)
	}
	var all []tensor
	for _, p := range t.Store.Params() {
		all = append(all, tensor{p.Name, p.Read})
		if p.Averaged() {
			all = append(all, tensor{"the average of " + p.Name, p.ReadAverage})
		}
	}
	for _, s := range t.Store.States() {
		all = append(all, tensor{s.Name, s.Read})
	}
	for _, x := range all {
		v, err := x.read()
		if err != nil {
			return "", err
		}
		if slices.ContainsFunc(v, func(x float32) bool { return x-x != 0 }) {
			return x.name + " is not finite since the step before", nil
		}
	}
	return "", nil
}
