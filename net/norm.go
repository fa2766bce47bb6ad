package net

import (
	"fmt"
	"slices"
	"strings"

	"marr/kernels"
)

// Norms are what may stand where a network has a batch norm; each scales and shifts every channel in the end:
//
//	on           batch norm (Ioffe and Szegedy 2015, arXiv:1502.03167)
//	off          nothing: batch norm in inference with the mean and variance that it begins with, 0 and 1
//	group        group norm (Wu and He 2018, arXiv:1803.08494) with the most groups of 4, 8, 12 … channels that there can be, the paper's 32 at most:
//	             32 from 128 channels on, 4 of 16; one where channels are no multiple of 4
//	layer        group norm of one group (layer norm, Ba et al. 2016, arXiv:1607.06450, over channels and positions)
//	mean         batch norm that subtracts the mean alone, as if the variance were 1
//	moving-mean  likewise, and the running mean in place of the batch's: a constant, which the batch's mean moves after the step
//
// group and layer do not depend on the batch. "" is on.
var Norms = []string{"on", "off", "group", "layer", "mean", "moving-mean"}

// CheckNorm refuses what is none of Norms, nor "".
func CheckNorm(kind string) error {
	if kind == "" || slices.Contains(Norms, kind) {
		return nil
	}
	return fmt.Errorf("net: no batch norm %q: known are %s", kind, strings.Join(Norms, ", "))
}

// Norm normalises over all axes but the last, or over groups of channels: weight and bias [C] under prefix, for all but group and layer
// running_mean and running_var [C], PyTorch's ε and momentum.
type Norm struct {
	norm   kernels.Norm
	groups int  // of channels; 0: a batch norm
	off    bool // a batch norm that never trains
}

func newNorm(st *kernels.Store, kind, prefix string, width int) Norm {
	fill := func(x float32) func() []float32 {
		return func() []float32 { return slices.Repeat([]float32{x}, width) }
	}
	n := newPlainNorm(st, kind, prefix, width)
	n.norm.Gamma, n.norm.Beta = st.Param(prefix+".weight", fill(1), width), st.Param(prefix+".bias", fill(0), width)
	n.norm.Gamma.NoDecay, n.norm.Beta.NoDecay = true, true
	return n
}

// newPlainNorm has no scale and no shift: PyTorch's affine=False.
func newPlainNorm(st *kernels.Store, kind, prefix string, width int) Norm {
	if err := CheckNorm(kind); err != nil {
		panic(&kernels.BuildError{Op: prefix, Msg: strings.TrimPrefix(err.Error(), "net: ")})
	}
	n := Norm{norm: kernels.Norm{Eps: 1e-5, Momentum: 0.1}}
	switch kind {
	case "group":
		n.groups = groups(width)
		return n
	case "layer":
		n.groups = 1
		return n
	case "off":
		n.off = true
	case "mean":
		n.norm.Takes = kernels.MeanAlone
	case "moving-mean":
		n.norm.Takes = kernels.MovingMean
	}
	n.norm.Mean, n.norm.Var = st.State(prefix+".running_mean", 0, width), st.State(prefix+".running_var", 1, width)
	return n
}

// groups is how many groups group norm has: see Norms.
func groups(width int) int {
	for n := min(32, width/4); n > 1; n-- {
		if width%(4*n) == 0 {
			return n
		}
	}
	return 1
}

// Forward normalises.
func (n Norm) Forward(x *kernels.Tensor, m Mode) *kernels.Tensor { return n.apply(x, nil, false, m) }

// act normalises, adds the residual (nil: none) and applies ReLU, in one pass.
func (n Norm) act(x, residual *kernels.Tensor, m Mode) *kernels.Tensor {
	return n.apply(x, residual, true, m)
}

func (n Norm) apply(x, residual *kernels.Tensor, relu bool, m Mode) *kernels.Tensor {
	if n.groups > 0 {
		return kernels.GroupNorm(x, n.norm.Gamma, n.norm.Beta, n.groups, n.norm.Eps, residual, relu)
	}
	return kernels.BatchNorm(x, n.norm, residual, relu, m == Train && !n.off)
}

func (n Norm) momentum(st *kernels.Store) Module { return n.average(st) }

func (n Norm) average(st *kernels.Store) Norm {
	if n.norm.Gamma != nil {
		n.norm.Gamma, n.norm.Beta = n.norm.Gamma.Momentum(), n.norm.Beta.Momentum()
	}
	if n.norm.Mean != nil {
		width := n.norm.Mean.Shape[0]
		n.norm.Mean, n.norm.Var = st.State(momentumPrefix+n.norm.Mean.Name, 0, width), st.State(momentumPrefix+n.norm.Var.Name, 1, width)
	}
	return n
}
