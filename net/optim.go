package net

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/marr-ssl/marr/kernels"
)

// Optimizer records its update on a graph and sets the scalars of each run of that segment.
type Optimizer interface {
	Update(g *kernels.Graph)
	Set(r *kernels.Run, step int, lr float64) // step from 0 on
	// SetGate sets a gate, a multiple v of the learning rate of some parameters, which was 0 in `frozen` of the previous steps.
	SetGate(r *kernels.Run, name string, step, frozen int, v float64)
}

// AdamW is kernels.AdamW with a weight decay.
type AdamW struct {
	kernels.AdamW
	Decay float64
}

// SGD is kernels.SGD with a weight decay.
type SGD struct {
	kernels.SGD
	Decay float64
}

// LARS is kernels.LARS with a weight decay.
type LARS struct {
	kernels.LARS
	Decay float64
}

// optimizers creates optimizers by name. All have PyTorch's constants, but for β₂, and a weight decay that skips biases and norms: adamw, and adam, which adds
// the decay to the gradient; sgd and nesterov with momentum 0.9; lars as in BYOL's code and larc as in Apex, both on top of sgd.
var optimizers = map[string]func(decay, beta2 float64) Optimizer{
	"adamw":    func(decay, beta2 float64) Optimizer { return AdamW{adam(beta2), decay} },
	"adam":     func(decay, beta2 float64) Optimizer { o := adam(beta2); o.Coupled = true; return AdamW{o, decay} },
	"sgd":      func(decay, _ float64) Optimizer { return SGD{sgd, decay} },
	"nesterov": func(decay, _ float64) Optimizer { o := sgd; o.Nesterov = true; return SGD{o, decay} },
	"lars":     func(decay, _ float64) Optimizer { return LARS{kernels.LARS{SGD: sgd, Trust: 0.001}, decay} },
	"larc": func(decay, _ float64) Optimizer {
		return LARS{kernels.LARS{SGD: sgd, Trust: 0.02, Clipped: true}, decay}
	},
}

var sgd = kernels.SGD{OptMomentum: 0.9}

// DefaultBeta2 is PyTorch's β₂ of Adam and AdamW.
const DefaultBeta2 = 0.999

func adam(beta2 float64) kernels.AdamW { return kernels.AdamW{Beta1: 0.9, Beta2: beta2, Eps: 1e-8} }

// Optimizers returns the names of all optimizers, sorted.
func Optimizers() []string { return slices.Sorted(maps.Keys(optimizers)) }

// NewOptimizer returns the optimizer of this name. Only adam and adamw use beta2.
func NewOptimizer(name string, decay, beta2 float64) (Optimizer, error) {
	optimizer := optimizers[name]
	if optimizer == nil {
		return nil, fmt.Errorf("net: no optimizer %q: known are %s", name, strings.Join(Optimizers(), ", "))
	}
	return optimizer(decay, beta2), nil
}

// Set sets the learning rate, decay and bias corrections of a step.
func (o AdamW) Set(r *kernels.Run, step int, lr float64) {
	setRates(r, lr, o.Decay)
	r.Set("c1", 1-math.Pow(o.Beta1, float64(step+1)))
	r.Set("c2", 1-math.Pow(o.Beta2, float64(step+1)))
}

// SetGate sets a gate and the bias correction of its parameters, which have made step+1−frozen updates (kernels.Correction).
func (o AdamW) SetGate(r *kernels.Run, name string, step, frozen int, v float64) {
	r.Set(name, v)
	scale := func(t int) float64 {
		return math.Sqrt(1-math.Pow(o.Beta2, float64(t))) / (1 - math.Pow(o.Beta1, float64(t)))
	}
	r.Set(kernels.Correction(name), scale(step+1-frozen)/scale(step+1))
}

// Set sets the learning rate and decay of a step.
func (o SGD) Set(r *kernels.Run, _ int, lr float64) { setRates(r, lr, o.Decay) }

// SetGate sets a gate.
func (o SGD) SetGate(r *kernels.Run, name string, _, _ int, v float64) { r.Set(name, v) }

// Set sets the learning rate and decay of a step.
func (o LARS) Set(r *kernels.Run, _ int, lr float64) { setRates(r, lr, o.Decay) }

// SetGate sets a gate.
func (o LARS) SetGate(r *kernels.Run, name string, _, _ int, v float64) { r.Set(name, v) }

func setRates(r *kernels.Run, lr, decay float64) {
	r.Set("lr", lr)
	r.Set("decay", decay)
}
