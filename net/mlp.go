package net

import "marr/kernels"

// Projector is Linear(in→hidden, no bias), batch norm, ReLU, Linear(hidden→out): what a contrast is computed behind (Chen et al. 2020,
// arXiv:2002.05709, section 4.2). Names are those of torch.nn.Sequential: prefix.0, .1 and .3.
type Projector struct {
	first Linear
	norm  Norm
	last  Linear
}

// NewProjector declares a projector's parameters; norm is one of Norms.
func NewProjector(st *kernels.Store, norm, prefix string, in, hidden, out int, seed uint64) *Projector {
	return &Projector{
		newLinear(st, prefix+".0", in, hidden, false, seed), newNorm(st, norm, prefix+".1", hidden), newLinear(st, prefix+".3", hidden, out, true, seed),
	}
}

// Gate gives all parameters a scalar that multiplies their rate (kernels.Param.Gate).
func (p *Projector) Gate(name string) {
	for _, x := range []*kernels.Param{p.first.weight, p.norm.norm.Gamma, p.norm.norm.Beta, p.last.weight, p.last.bias} {
		x.Gate = name
	}
}

// Forward maps [N in] to [N out].
func (p *Projector) Forward(x *kernels.Tensor, m Mode) *kernels.Tensor {
	return p.last.Forward(p.norm.act(p.first.Forward(x, m), nil, m), m)
}

// DeepProjector is SimSiam's: Linear, batch norm and ReLU twice, then Linear and a batch norm without scale and shift; no layer has a bias (Chen and He
// 2021, arXiv:2011.10566, section 3; facebookresearch/simsiam, builder.py). Names: prefix.0, .1, .3, .4, .6 and .7.
type DeepProjector struct {
	layers [3]Linear
	norms  [3]Norm
}

// NewDeepProjector declares a projector's parameters; norm is one of Norms.
func NewDeepProjector(st *kernels.Store, norm, prefix string, in, hidden, out int, seed uint64) *DeepProjector {
	linear := func(n string, in, out int) Linear { return newLinear(st, prefix+n, in, out, false, seed) }
	return &DeepProjector{
		[3]Linear{linear(".0", in, hidden), linear(".3", hidden, hidden), linear(".6", hidden, out)},
		[3]Norm{newNorm(st, norm, prefix+".1", hidden), newNorm(st, norm, prefix+".4", hidden), newPlainNorm(st, norm, prefix+".7", out)},
	}
}

// Forward maps [N in] to [N out].
func (p *DeepProjector) Forward(x *kernels.Tensor, m Mode) *kernels.Tensor {
	for i := range 2 {
		x = p.norms[i].act(p.layers[i].Forward(x, m), nil, m)
	}
	return p.norms[2].Forward(p.layers[2].Forward(x, m), m)
}

func (p *DeepProjector) momentum(st *kernels.Store) Module {
	t := &DeepProjector{}
	for i := range p.layers {
		t.layers[i], t.norms[i] = p.layers[i].average(), p.norms[i].average(st)
	}
	return t
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
