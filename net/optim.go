package net

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"marr/kernels"
)

// Optimizer records its step on a graph and gives each run of that segment its numbers.
type Optimizer interface {
	Update(g *kernels.Graph)
	Set(r *kernels.Run, step int, lr float64)                       // step from 0 on
	SetGate(r *kernels.Run, name string, step, shut int, v float64) // the multiple of the rate, and in how many steps before this one it was 0
}

// AdamW is kernels.AdamW with a decay.
type AdamW struct {
	kernels.AdamW
	Decay float64
}

// SGD is kernels.SGD with a decay.
type SGD struct {
	kernels.SGD
	Decay float64
}

// LARS is kernels.LARS with a decay.
type LARS struct {
	kernels.LARS
	Decay float64
}

// optimizers are known by these names. All have PyTorch's constants and a decay that passes by biases and norms: adamw, and adam with its decay in
// the gradient; sgd and nesterov with momentum 0.9; on top of sgd lars as in BYOL's code and larc as Apex's.
var optimizers = map[string]func(decay float64) Optimizer{
	"adamw":    func(decay float64) Optimizer { return AdamW{adam, decay} },
	"adam":     func(decay float64) Optimizer { o := adam; o.Coupled = true; return AdamW{o, decay} },
	"sgd":      func(decay float64) Optimizer { return SGD{sgd, decay} },
	"nesterov": func(decay float64) Optimizer { o := sgd; o.Nesterov = true; return SGD{o, decay} },
	"lars":     func(decay float64) Optimizer { return LARS{kernels.LARS{SGD: sgd, Trust: 0.001}, decay} },
	"larc":     func(decay float64) Optimizer { return LARS{kernels.LARS{SGD: sgd, Trust: 0.02, Clipped: true}, decay} },
}

var (
	adam = kernels.AdamW{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}
	sgd  = kernels.SGD{Momentum: 0.9}
)

// Optimizers lists the names that NewOptimizer knows, in alphabetical order.
func Optimizers() []string { return slices.Sorted(maps.Keys(optimizers)) }

// NewOptimizer returns the optimizer of this name.
func NewOptimizer(name string, decay float64) (Optimizer, error) {
	of := optimizers[name]
	if of == nil {
		return nil, fmt.Errorf("net: no optimizer %q: known are %s", name, strings.Join(Optimizers(), ", "))
	}
	return of(decay), nil
}

// Set gives the step its rate, decay and bias corrections.
func (o AdamW) Set(r *kernels.Run, step int, lr float64) {
	setRates(r, lr, o.Decay)
	r.Set("c1", 1-math.Pow(o.Beta1, float64(step+1)))
	r.Set("c2", 1-math.Pow(o.Beta2, float64(step+1)))
}

// SetGate gives a gate its multiple of the rate, and the bias corrections of the steps that it let through (kernels.Correction): step+1−shut of step+1.
func (o AdamW) SetGate(r *kernels.Run, name string, step, shut int, v float64) {
	r.Set(name, v)
	scale := func(t int) float64 {
		return math.Sqrt(1-math.Pow(o.Beta2, float64(t))) / (1 - math.Pow(o.Beta1, float64(t)))
	}
	r.Set(kernels.Correction(name), scale(step+1-shut)/scale(step+1))
}

// Set gives the step its rate and decay.
func (o SGD) Set(r *kernels.Run, _ int, lr float64) { setRates(r, lr, o.Decay) }

// SetGate gives a gate its multiple of the rate.
func (o SGD) SetGate(r *kernels.Run, name string, _, _ int, v float64) { r.Set(name, v) }

// Set gives the step its rate and decay.
func (o LARS) Set(r *kernels.Run, _ int, lr float64) { setRates(r, lr, o.Decay) }

// SetGate gives a gate its multiple of the rate.
func (o LARS) SetGate(r *kernels.Run, name string, _, _ int, v float64) { r.Set(name, v) }

func setRates(r *kernels.Run, lr, decay float64) {
	r.Set("lr", lr)
	r.Set("decay", decay)
}
