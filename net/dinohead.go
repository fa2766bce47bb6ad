package net

import (
	"marr/kernels"
)

// DINOHead is Linear GELU Linear GELU Linear, L2 normalisation, and a linear layer to the prototypes whose rows are normalised (weight norm with its
// scale fixed at 1): Caron et al. 2021, arXiv:2104.14294, appendix C (facebookresearch/dino, vision_transformer.py, DINOHead). Weights begin as
// normal numbers of deviation 0.02 cut at ±2, biases as 0, the last layer as torch.nn.Linear's: the longer its rows, the slower an optimizer turns them. Names: prefix.0, .2, .4 and prefix.last.
type DINOHead struct {
	layers [3]Linear
	last   *kernels.Param
}

// NewDINOHead declares a head's parameters; gate is the scalar by which optimizers leave the last layer alone (kernels.Param.Gate).
func NewDINOHead(st *kernels.Store, prefix string, in, hidden, bottleneck, prototypes int, gate string, seed uint64) *DINOHead {
	linear := func(n string, in, out int) Linear {
		weight, bias := prefix+n+".weight", prefix+n+".bias"
		l := Linear{weight: st.Param(weight, truncated(weight, in*out, seed), out, in), bias: st.Param(bias, func() []float32 { return make([]float32, out) }, out)}
		l.bias.NoDecay = true
		return l
	}
	name := prefix + ".last.weight"
	h := &DINOHead{[3]Linear{linear(".0", in, hidden), linear(".2", hidden, hidden), linear(".4", hidden, bottleneck)},
		st.Param(name, func() []float32 {
			v := make([]float32, bottleneck*prototypes)
			LinearUniform(v, bottleneck, source(seed, name))
			return v
		}, prototypes, bottleneck)}
	h.last.Gate = gate
	return h
}

// truncated draws n normal numbers of deviation 0.02 within ±2.
func truncated(name string, n int, seed uint64) func() []float32 {
	return func() []float32 {
		v, src := make([]float32, n), source(seed, name)
		for i := range v {
			v[i] = float32(0.02 * src.Normal()) // beyond ±2 lie a hundred deviations
		}
		return v
	}
}

// Forward maps [N in] to logits [N prototypes].
func (h *DINOHead) Forward(x *kernels.Tensor, m Mode) *kernels.Tensor {
	x = kernels.GELU(h.layers[0].Forward(x, m))
	x = kernels.GELU(h.layers[1].Forward(x, m))
	return kernels.NormalizedLinear(kernels.L2Normalize(h.layers[2].Forward(x, m)), h.last)
}

func (h *DINOHead) momentum(*kernels.Store) Module {
	t := &DINOHead{last: h.last.Momentum()}
	for i, l := range h.layers {
		t.layers[i] = l.average()
	}
	return t
}
