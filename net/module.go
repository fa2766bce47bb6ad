package net

import (
	"hash/crc32"

	"marr/kernels"
	"marr/kernels/rng"
)

// Mode says what batch norm does: Train uses and records the batch's statistics, Eval the running ones.
type Mode int

// The modes.
const (
	Train Mode = iota
	Eval
)

// Module is a part of a network: its parameters were declared when it was made, Forward records its ops.
type Module interface {
	Forward(x *kernels.Tensor, m Mode) *kernels.Tensor
}

// source is the stream that a parameter's first values come from: it depends on seed and name, not on the order of declaration.
func source(seed uint64, name string) *rng.Source {
	return rng.New(seed, crc32.ChecksumIEEE([]byte(name)), 0x696e6974)
}

// Conv2d is a square convolution without bias: weight [K R R C] under prefix + ".weight".
type Conv2d struct {
	weight      *kernels.Param
	stride, pad int
}

func newConv(st *kernels.Store, prefix string, in, out, kernel, stride, pad int, seed uint64) Conv2d {
	name := prefix + ".weight"
	w := st.Param(name, func() []float32 {
		v := make([]float32, out*kernel*kernel*in)
		KaimingNormalFanOut(v, out*kernel*kernel, source(seed, name))
		return v
	}, out, kernel, kernel, in)
	return Conv2d{w, stride, pad}
}

// Forward is kernels.Conv2D.
func (c Conv2d) Forward(x *kernels.Tensor, _ Mode) *kernels.Tensor {
	return kernels.Conv2D(x, c.weight, c.stride, c.pad)
}

// NewLinear declares a layer's parameters, with a bias.
func NewLinear(st *kernels.Store, prefix string, in, out int, seed uint64) Linear {
	return newLinear(st, prefix, in, out, true, seed)
}

// Linear is x·wᵀ + b: weight [K C] and bias [K] under prefix, torch.nn.Linear's first values.
type Linear struct{ weight, bias *kernels.Param }

func newLinear(st *kernels.Store, prefix string, in, out int, bias bool, seed uint64) Linear {
	draw := func(name string, n int) func() []float32 {
		return func() []float32 {
			v := make([]float32, n)
			LinearUniform(v, in, source(seed, name))
			return v
		}
	}
	l := Linear{weight: st.Param(prefix+".weight", draw(prefix+".weight", in*out), out, in)}
	if bias {
		l.bias = st.Param(prefix+".bias", draw(prefix+".bias", out), out)
		l.bias.NoDecay = true
	}
	return l
}

// Forward is kernels.Linear.
func (l Linear) Forward(x *kernels.Tensor, _ Mode) *kernels.Tensor {
	return kernels.Linear(x, l.weight, l.bias)
}
