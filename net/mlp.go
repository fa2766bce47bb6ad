package net

import (
	"fmt"

	"marr/kernels"
)

// Projector is Linear(in→hidden, no bias), batch norm, ReLU, Linear(hidden→out), the network between the features and a contrastive loss (Chen et al. 2020,
// arXiv:2002.05709, section 4.2). Names are those of torch.nn.Sequential: prefix.0, .1 and .3. With an output norm the last layer has no bias and a batch norm
// follows it: prefix.4 (lightly-ai/lightly, lightly/models/modules/heads.py, SimCLRProjectionHead).
type Projector struct {
	first Linear
	norm  Norm
	last  Linear
	out   *Norm // nil: none
}

// Projector declares the parameters of a projector without an output norm.
func (s Scope) Projector(prefix string, in, hidden, out int) *Projector {
	return &Projector{first: s.LinearNoBias(prefix+".0", in, hidden), norm: s.BatchNorm(prefix+".1", hidden), last: s.Linear(prefix+".3", hidden, out)}
}

// NormedProjector declares the parameters of a projector with an output norm.
func (s Scope) NormedProjector(prefix string, in, hidden, out int) *Projector {
	norm := s.BatchNorm(prefix+".4", out)
	return &Projector{s.LinearNoBias(prefix+".0", in, hidden), s.BatchNorm(prefix+".1", hidden), s.LinearNoBias(prefix+".3", hidden, out), &norm}
}

// Gate sets the name of the scalar that multiplies the learning rate of all parameters of a projector without an output norm (kernels.Param.Gate).
func (p *Projector) Gate(name string) {
	for _, x := range []*kernels.Param{p.first.weight, p.norm.norm.Gamma, p.norm.norm.Beta, p.last.weight, p.last.bias} {
		x.Gate = name
	}
}

// Forward maps [N in] to [N out].
func (p *Projector) Forward(x *kernels.Tensor, m Mode) *kernels.Tensor {
	x = p.last.Forward(p.norm.ReLU(p.first.Forward(x, m), nil, m), m)
	if p.out != nil {
		x = p.out.Forward(x, m)
	}
	return x
}

// DeepProjector is Linear, batch norm and ReLU for every layer but the last, then Linear; no layer has a bias. It is the projector of Barlow Twins (Zbontar et
// al. 2021, arXiv:2103.03230, section 2.2; facebookresearch/barlowtwins, main.py) and the expander of VICReg. Names with three layers: prefix.0, .1, .3, .4
// and .6.
type DeepProjector struct {
	layers []Linear
	norms  []Norm // of every layer but the last, or of all
}

// DeepProjector declares the parameters of a projector with this number of layers.
func (s Scope) DeepProjector(prefix string, in, hidden, out, layers int) *DeepProjector {
	p := &DeepProjector{}
	for i := range layers - 1 {
		p.layers = append(p.layers, s.LinearNoBias(fmt.Sprintf("%s.%d", prefix, 3*i), in, hidden))
		p.norms, in = append(p.norms, s.BatchNorm(fmt.Sprintf("%s.%d", prefix, 3*i+1), hidden)), hidden
	}
	p.layers = append(p.layers, s.LinearNoBias(fmt.Sprintf("%s.%d", prefix, 3*layers-3), in, out))
	return p
}

// SimSiamProjector declares the parameters of a DeepProjector that ends in a batch norm without scale and shift, prefix.7 with three layers: three in the
// paper, two for CIFAR (Chen and He 2021, arXiv:2011.10566, section 3 and appendix D; facebookresearch/simsiam, builder.py).
func (s Scope) SimSiamProjector(prefix string, in, hidden, out, layers int) *DeepProjector {
	p := s.DeepProjector(prefix, in, hidden, out, layers)
	p.norms = append(p.norms, s.PlainBatchNorm(fmt.Sprintf("%s.%d", prefix, 3*layers-2), out))
	return p
}

// Forward maps [N in] to [N out].
func (p *DeepProjector) Forward(x *kernels.Tensor, m Mode) *kernels.Tensor {
	for i, l := range p.layers {
		x = l.Forward(x, m)
		switch {
		case i < len(p.layers)-1:
			x = p.norms[i].ReLU(x, nil, m)
		case i < len(p.norms):
			x = p.norms[i].Forward(x, m)
		}
	}
	return x
}

// MLP is linear layers with a ReLU between each two, such as the classifier that fine-tuning puts on a backbone. Names are those of torch.nn.Sequential,
// prefix.0, .2, …; a single layer is called prefix.
type MLP struct{ layers []Linear }

// MLP declares the parameters of an MLP. widths are those of its input, its hidden layers and its output.
func (s Scope) MLP(prefix string, widths ...int) *MLP {
	if len(widths) < 2 {
		panic(&kernels.BuildError{Op: prefix, Msg: fmt.Sprintf("an MLP of widths %v: want at least those of the input and the output", widths)})
	}
	h := &MLP{}
	for i, in := range widths[:len(widths)-1] {
		name := prefix
		if len(widths) > 2 {
			name = fmt.Sprintf("%s.%d", prefix, 2*i)
		}
		h.layers = append(h.layers, s.Linear(name, in, widths[i+1]))
	}
	return h
}

// Forward maps [N in] to [N out].
func (h *MLP) Forward(x *kernels.Tensor, m Mode) *kernels.Tensor {
	for i, l := range h.layers {
		if i > 0 {
			x = kernels.ReLU(x)
		}
		x = l.Forward(x, m)
	}
	return x
}
