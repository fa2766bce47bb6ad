package net

import (
	"fmt"
	"math"

	"marr/kernels"
)

// Optimizer records its step on a graph and gives each run of that segment its numbers.
type Optimizer interface {
	Update(g *kernels.Graph)
	Set(r *kernels.Run, step int, lr float64) // step from 0 on
}

// AdamW is kernels.AdamW with PyTorch's constants and a decay that passes by biases and norms; with decay 0 it is Adam.
type AdamW struct {
	kernels.AdamW
	Decay float64
}

// SGD is kernels.SGD with momentum 0.9 and a decay that passes by biases and norms.
type SGD struct {
	kernels.SGD
	Decay float64
}

// NewOptimizer returns the optimizer of this name: adamw or sgd.
func NewOptimizer(name string, decay float64) (Optimizer, error) {
	switch name {
	case "adamw":
		return AdamW{kernels.AdamW{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}, decay}, nil
	case "sgd":
		return SGD{kernels.SGD{Momentum: 0.9}, decay}, nil
	}
	return nil, fmt.Errorf("net: no optimizer %q: known are adamw, sgd", name)
}

// Set gives the step its rate, decay and bias corrections.
func (o AdamW) Set(r *kernels.Run, step int, lr float64) {
	r.Set("lr", lr)
	r.Set("decay", o.Decay)
	r.Set("c1", 1-math.Pow(o.Beta1, float64(step+1)))
	r.Set("c2", 1-math.Pow(o.Beta2, float64(step+1)))
}

// Set gives the step its rate and decay.
func (o SGD) Set(r *kernels.Run, _ int, lr float64) {
	r.Set("lr", lr)
	r.Set("decay", o.Decay)
}
