package net

import "marr/kernels"

// Projector is Linear(in→hidden, no bias), batch norm, ReLU, Linear(hidden→out): what a contrast is computed behind (Chen et al. 2020,
// arXiv:2002.05709, section 4.2). Names are those of torch.nn.Sequential: prefix.0, .1 and .3.
type Projector struct {
	first Linear
	norm  BatchNorm
	last  Linear
}

// NewProjector declares a projector's parameters.
func NewProjector(st *kernels.Store, prefix string, in, hidden, out int, seed uint64) *Projector {
	return &Projector{
		newLinear(st, prefix+".0", in, hidden, false, seed), newNorm(st, prefix+".1", hidden), newLinear(st, prefix+".3", hidden, out, true, seed),
	}
}

// Forward maps [N in] to [N out].
func (p *Projector) Forward(x *kernels.Tensor, m Mode) *kernels.Tensor {
	return p.last.Forward(p.norm.act(p.first.Forward(x, m), nil, m), m)
}

// Head is Linear(in→hidden), ReLU, Linear(hidden→out): the MLP that fine-tuning puts on a backbone. Names: prefix.0 and .2.
type Head struct{ first, last Linear }

// NewHead declares a head's parameters.
func NewHead(st *kernels.Store, prefix string, in, hidden, out int, seed uint64) *Head {
	return &Head{newLinear(st, prefix+".0", in, hidden, true, seed), newLinear(st, prefix+".2", hidden, out, true, seed)}
}

// Forward maps [N in] to logits [N out].
func (h *Head) Forward(x *kernels.Tensor, m Mode) *kernels.Tensor {
	return h.last.Forward(kernels.ReLU(h.first.Forward(x, m)), m)
}
