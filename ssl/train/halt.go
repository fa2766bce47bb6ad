package train

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/marr-ssl/marr/kernels"
)

// NonFiniteError ends a run: a step computed a number that is not finite. The state is that after the previous step.
type NonFiniteError struct {
	Step   int // from 1 on
	Tensor string
	Method string
	First  string // the first tensor that is not finite, and the op that made it; "": unknown
}

// What returns what happened, without advice.
func (e *NonFiniteError) What() string {
	if e.First != "" {
		return fmt.Sprintf("train: step %d of %s: %s", e.Step, e.Method, e.First)
	}
	return fmt.Sprintf("train: step %d of %s: the %s is not finite", e.Step, e.Method, e.Tensor)
}

func (e *NonFiniteError) Error() string {
	return e.What() + ": the step changed nothing: lower --lr"
}

// failed waits until the device is idle after an error, and returns the error. It adds the step to an error of the eager twin, after it has reported the
// steps before it.
func (t *Trainer) failed(err error, collect func() error) error {
	var first *kernels.NonFiniteError
	if errors.As(err, &first) {
		err = &NonFiniteError{Step: t.submitted + 1, Method: t.job.Name, First: firstOf(first)}
		for len(t.inFlight) > 0 {
			if e := collect(); e != nil {
				err = e
			}
		}
	}
	for _, w := range t.inFlight {
		_ = w.run.Wait() // only the first error is returned
	}
	t.inFlight = nil
	return err
}

// FindNonFinite searches for the first tensor that is not finite at a step: among the parameters and states that it started from, then by running it again on
// the eager twin. The store is halted, so the twin changes nothing. The program is freed, because the twin needs its memory. The twin
// of several ranks computes all parts alone: with Config.SyncBN or ranks.FP16 it may find another tensor, or none.
func (t *Trainer) FindNonFinite(step int) (string, error) {
	if found, err := t.nonFiniteState(); found != "" || err != nil {
		return found, err
	}
	t.Store.Pin(t.prog.Variants())
	t.leave()
	t.prog.Free()
	twin, err := kernels.Build(t.dev, t.Store, func(g *kernels.Graph) {
		g.Eager()
		t.record(g)
	})
	if err != nil {
		return "", err
	}
	t.prog = twin
	t.ContinueFrom(step)
	err = t.submit(context.Background(), func() error {
		t.inFlight = t.inFlight[1:]
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

// nonFiniteState names a parameter, moving average or state that is not finite; "" if all are finite.
func (t *Trainer) nonFiniteState() (string, error) {
	type tensor struct {
		name string
		read func() ([]float32, error)
	}
	var all []tensor
	for _, p := range t.Store.Params() {
		all = append(all, tensor{p.Name, p.Read})
		if p.HasAverage() {
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
			return x.name + " has not been finite since the step before", nil
		}
	}
	return "", nil
}
