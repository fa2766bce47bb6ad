package net

import "github.com/marr-ssl/marr/kernels"

// DINOHead is Linear GELU Linear GELU Linear, L2 normalization, and a linear layer to the prototypes whose rows are normalized (weight norm with its
// scale fixed at 1): Caron et al. 2021, arXiv:2104.14294, appendix C (facebookresearch/dino, vision_transformer.py, DINOHead). With Norms each
// GELU follows a norm (use_bn_in_head there) and the layer before it has no bias: batch norm would cancel the bias, and Adam would make it drift on
// rounding errors.
// Weights start as normal numbers with a standard deviation of 0.02 truncated at ±2, biases as 0, the last layer like that of torch.nn.Linear: the longer its
// rows, the more slowly an optimizer rotates them. Names: prefix.0, .2, .4 and prefix.last; with norms prefix.0, .1, .3, .4, .6 and prefix.last.
type DINOHead struct {
	layers [3]Linear
	norms  []Norm // of the first two layers; nil: none
	last   *kernels.Param
}

// DINOHeadConfig is the shape of a DINOHead.
type DINOHeadConfig struct {
	In, Hidden, Bottleneck, Prototypes int
	Norms                              bool   // a norm before each GELU
	Gate                               string // scalar that multiplies the learning rate of the last layer (kernels.Param.Gate)
}

// DINOHead declares a head's parameters.
func (s Scope) DINOHead(prefix string, c DINOHeadConfig) *DINOHead {
	linear := func(n string, in, out int, biased bool) Linear {
		weight := prefix + n + ".weight"
		l := Linear{weight: s.Param(weight, func(v []float32) { s.truncatedNormal(v, weight) }, out, in)}
		if biased {
			l.bias = s.Param(prefix+n+".bias", func([]float32) {}, out)
			l.bias.NoDecay = true
		}
		return l
	}
	last := prefix + ".last.weight"
	h := &DINOHead{last: s.Param(last, func(v []float32) { LinearUniform(v, c.Bottleneck, s.Source(last)) }, c.Prototypes, c.Bottleneck)}
	h.last.Gate = c.Gate
	names := [3]string{".0", ".2", ".4"}
	if c.Norms {
		names = [3]string{".0", ".3", ".6"}
		h.norms = []Norm{s.BatchNorm(prefix+".1", c.Hidden), s.BatchNorm(prefix+".4", c.Hidden)}
	}
	h.layers = [3]Linear{linear(names[0], c.In, c.Hidden, !c.Norms), linear(names[1], c.Hidden, c.Hidden, !c.Norms), linear(names[2], c.Hidden, c.Bottleneck, true)}
	return h
}

// truncatedNormal draws normal numbers with a standard deviation of 0.02. The truncation at ±2 is a hundred deviations away: it never takes effect.
func (s Scope) truncatedNormal(v []float32, name string) {
	src := s.Source(name)
	for i := range v {
		v[i] = float32(0.02 * src.Normal())
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
	return kernels.NormalizedLinear(kernels.L2Normalize(h.layers[2].Forward(x, m)), m.Param(h.last))
}
