package net

import (
	"fmt"
	"slices"
	"strings"

	"github.com/marr-ssl/marr/kernels"
)

// Norms lists the kinds of normalization. Each ends with a scale and a shift of every channel:
//
//	batch        batch norm (Ioffe and Szegedy 2015, arXiv:1502.03167)
//	none         no normalization: batch norm in inference mode with its initial mean 0 and variance 1
//	group        group norm (Wu and He 2018, arXiv:1803.08494) with the largest number of groups, at most the paper's 32, whose 4, 8, 12 … channels
//	             divide the width: 32 from 128 channels on, 4 of 16; one group where the width is no multiple of 4
//	layer        group norm with one group (layer norm, Ba et al. 2016, arXiv:1607.06450, over channels and positions)
//	mean         batch norm that subtracts the mean and does not change the variance
//	moving-mean  like mean, with the running mean in place of the batch's: a constant in the step, updated after it
//
// group and layer do not depend on the batch. "" is batch.
var Norms = []string{"batch", "none", "group", "layer", "mean", "moving-mean"}

// CheckNorm returns an error for names that are neither in Norms nor "".
func CheckNorm(kind string) error {
	if kind == "" || slices.Contains(Norms, kind) {
		return nil
	}
	return fmt.Errorf("net: no norm %q: known are %s", kind, strings.Join(Norms, ", "))
}

// Norm normalizes over all axes but the last, or over groups of channels: weight and bias [C] under prefix and, for all but group and layer,
// running_mean and running_var [C] with PyTorch's ε and momentum.
type Norm struct {
	norm   kernels.Norm
	groups int  // of channels; 0: a batch norm
	frozen bool // a batch norm that is always in inference mode
}

// BatchNorm declares a norm of the scope's kind: a batch norm by default. Its scale starts at 1, its shift at 0.
func (s Scope) BatchNorm(prefix string, width int) Norm { return s.scaledBatchNorm(prefix, width, 1) }

// scaledBatchNorm is BatchNorm with another initial scale.
func (s Scope) scaledBatchNorm(prefix string, width int, scale float32) Norm {
	fill := func(x float32) func([]float32) {
		return func(v []float32) {
			for i := range v {
				v[i] = x
			}
		}
	}
	n := s.PlainBatchNorm(prefix, width)
	n.norm.Gamma, n.norm.Beta = s.Param(prefix+".weight", fill(scale), width), s.Param(prefix+".bias", fill(0), width)
	n.norm.Gamma.NoDecay, n.norm.Beta.NoDecay = true, true
	return n
}

// PlainBatchNorm declares a norm of the scope's kind without scale and shift, PyTorch's affine=False.
func (s Scope) PlainBatchNorm(prefix string, width int) Norm {
	if err := CheckNorm(s.Norm); err != nil {
		panic(&kernels.BuildError{Op: prefix, Msg: strings.TrimPrefix(err.Error(), "net: ")})
	}
	n := Norm{norm: kernels.Norm{Eps: 1e-5, BNMomentum: 0.1}}
	switch s.Norm {
	case "group":
		n.groups = numGroups(width)
		return n
	case "layer":
		n.groups = 1
		return n
	case "none":
		n.frozen = true
	case "mean":
		n.norm.Statistics = kernels.MeanOnly
	case "moving-mean":
		n.norm.Statistics = kernels.RunningMean
	}
	n.norm.Mean, n.norm.Var = s.State(prefix+".running_mean", 0, width), s.State(prefix+".running_var", 1, width)
	return n
}

// numGroups returns the number of groups of a group norm: see Norms.
func numGroups(width int) int {
	for n := min(32, width/4); n > 1; n-- {
		if width%(4*n) == 0 {
			return n
		}
	}
	return 1
}

// Forward normalizes.
func (n Norm) Forward(x *kernels.Tensor, m Mode) *kernels.Tensor { return n.apply(x, nil, false, m) }

// ReLU normalizes, adds the residual (nil: none) and applies ReLU, in one pass.
func (n Norm) ReLU(x, residual *kernels.Tensor, m Mode) *kernels.Tensor {
	return n.apply(x, residual, true, m)
}

func (n Norm) apply(x, residual *kernels.Tensor, relu bool, m Mode) *kernels.Tensor {
	k := n.norm
	k.Gamma, k.Beta = m.Param(k.Gamma), m.Param(k.Beta)
	if n.groups > 0 {
		return kernels.GroupNorm(x, k.Gamma, k.Beta, n.groups, k.Eps, residual, relu)
	}
	if m&averaged != 0 {
		st, width := x.Graph().Store(), k.Mean.Shape[0]
		k.Mean, k.Var = st.State(momentumPrefix+k.Mean.Name, 0, width), st.State(momentumPrefix+k.Var.Name, 1, width)
	}
	return kernels.BatchNorm(x, k, residual, relu, m.training() && !n.frozen)
}
