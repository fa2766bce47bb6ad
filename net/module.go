package net

import "github.com/marr-ssl/marr/kernels"

// Mode selects how layers compute.
type Mode uint8

// The modes of batch norm: Eval uses the running statistics, Train uses those of the batch and updates the running ones.
const (
	Eval Mode = iota
	Train
)

// averaged is a bit of a mode that makes layers use the moving averages of their parameters: see Momentum.
const averaged Mode = 1 << 7

// training reports whether the mode is Train, with or without averaged.
func (m Mode) training() bool { return m&^averaged == Train }

// Param returns the parameter that a layer uses: p itself or its moving average. A nil p stays nil.
func (m Mode) Param(p *kernels.Param) *kernels.Param {
	if p == nil || m&averaged == 0 {
		return p
	}
	return p.Momentum()
}

// Module is a part of a network. A Scope declares its parameters when it is created, Forward records its ops.
type Module interface {
	Forward(x *kernels.Tensor, m Mode) *kernels.Tensor
}

// Conv2d is a square convolution without bias: weight [K R R C] under prefix + ".weight".
type Conv2d struct {
	weight      *kernels.Param
	stride, pad int
}

// Conv declares a square convolution without bias, initialized by KaimingNormalFanOut.
func (s Scope) Conv(prefix string, in, out, kernel, stride, pad int) Conv2d {
	name := prefix + ".weight"
	w := s.Param(name, func(v []float32) { KaimingNormalFanOut(v, out*kernel*kernel, s.Source(name)) }, out, kernel, kernel, in)
	return Conv2d{w, stride, pad}
}

// Forward returns kernels.Conv2D.
func (c Conv2d) Forward(x *kernels.Tensor, m Mode) *kernels.Tensor {
	return kernels.Conv2D(x, m.Param(c.weight), c.stride, c.pad)
}

// Linear is x·wᵀ + b: weight [K C] and an optional bias [K] under prefix.
type Linear struct{ weight, bias *kernels.Param }

// Linear declares a linear layer with a bias, initialized like torch.nn.Linear.
func (s Scope) Linear(prefix string, in, out int) Linear {
	l, name := s.LinearNoBias(prefix, in, out), prefix+".bias"
	l.bias = s.Param(name, func(v []float32) { LinearUniform(v, in, s.Source(name)) }, out)
	l.bias.NoDecay = true
	return l
}

// LinearNoBias declares a linear layer without bias.
func (s Scope) LinearNoBias(prefix string, in, out int) Linear {
	name := prefix + ".weight"
	return Linear{weight: s.Param(name, func(v []float32) { LinearUniform(v, in, s.Source(name)) }, out, in)}
}

// Forward returns kernels.Linear.
func (l Linear) Forward(x *kernels.Tensor, m Mode) *kernels.Tensor {
	return kernels.Linear(x, m.Param(l.weight), m.Param(l.bias))
}
