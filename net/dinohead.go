package net

import (
	"marr/kernels"
)

// DINOHead is Linear GELU Linear GELU Linear, L2 normalisation, and a linear layer to the prototypes whose rows are normalised (weight norm with its
// scale fixed at 1): Caron et al. 2021, arXiv:2104.14294, appendix C (facebookresearch/dino, vision_transformer.py, DINOHead). With a norm there is one
// before each GELU (use_bn_in_head there) and no bias before it: batch norm would take it away, and Adam make it walk on rounding errors. Weights
// begin as normal numbers of deviation 0.02 cut at ±2, biases as 0, the last layer as torch.nn.Linear's: the longer its rows, the slower an
// optimizer turns them. Names: prefix.0, .2, .4 and prefix.last; with a norm prefix.0, .1, .3, .4, .6 and prefix.last.
type DINOHead struct {
	layers [3]Linear
	norms  []Norm // of the first two layers; nil: none
	last   *kernels.Param
}

// NewDINOHead declares a head's parameters; norm is one of Norms or "", gate is the scalar by which optimizers leave the last layer alone (kernels.Param.Gate).
func NewDINOHead(st *kernels.Store, norm, prefix string, in, hidden, bottleneck, prototypes int, gate string, seed uint64) *DINOHead {
	linear := func(n string, in, out int, biased bool) Linear {
		weight, bias := prefix+n+".weight", prefix+n+".bias"
		l := Linear{weight: st.Param(weight, truncated(weight, in*out, seed), out, in)}
		if biased {
			l.bias = st.Param(bias, func() []float32 { return make([]float32, out) }, out)
			l.bias.NoDecay = true
		}
		return l
	}
	name := prefix + ".last.weight"
	h := &DINOHead{last: st.Param(name, func() []float32 {
		v := make([]float32, bottleneck*prototypes)
		LinearUniform(v, bottleneck, source(seed, name))
		return v
	}, prototypes, bottleneck)}
	names := [3]string{".0", ".2", ".4"}
	if norm != "" {
		names = [3]string{".0", ".3", ".6"}
		h.norms = []Norm{newNorm(st, norm, prefix+".1", hidden), newNorm(st, norm, prefix+".4", hidden)}
	}
	h.layers = [3]Linear{linear(names[0], in, hidden, norm == ""), linear(names[1], hidden, hidden, norm == ""), linear(names[2], hidden, bottleneck, true)}
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
	for i, l := range h.layers[:2] {
		x = l.Forward(x, m)
		if h.norms != nil {
			x = h.norms[i].Forward(x, m)
		}
		x = kernels.GELU(x)
	}
	return kernels.NormalizedLinear(kernels.L2Normalize(h.layers[2].Forward(x, m)), h.last)
}

func (h *DINOHead) momentum(st *kernels.Store) Module {
	t := &DINOHead{last: h.last.Momentum()}
	for i, l := range h.layers {
		t.layers[i] = l.average()
	}
	for _, n := range h.norms {
		t.norms = append(t.norms, n.average(st))
	}
	return t
}
