package net

import (
	"fmt"

	"github.com/marr-ssl/marr/kernels"
)

// Projector is Linear(in→hidden, no bias), batch norm, ReLU, Linear(hidden→out), the network between the features and a contrastive loss (Chen et al. 2020,
// arXiv:2002.05709, section 4.2). Names are those of torch.nn.Sequential: prefix.0, .1 and .3.
type Projector struct {
	first Linear
	norm  Norm
	last  Linear
}

// Projector declares the parameters of a projector.
func (s Scope) Projector(prefix string, in, hidden, out int) *Projector {
	return &Projector{first: s.LinearNoBias(prefix+".0", in, hidden), norm: s.BatchNorm(prefix+".1", hidden), last: s.Linear(prefix+".3", hidden, out)}
}

// Gate sets the name of the scalar that multiplies the learning rate of all parameters (kernels.Param.Gate).
func (p *Projector) Gate(name string) {
	for _, x := range []*kernels.Param{p.first.weight, p.norm.norm.Gamma, p.norm.norm.Beta, p.last.weight, p.last.bias} {
		x.Gate = name
	}
}

// Forward maps [N in] to [N out].
func (p *Projector) Forward(x *kernels.Tensor, m Mode) *kernels.Tensor {
	return p.last.Forward(p.norm.ReLU(p.first.Forward(x, m), nil, m), m)
}

// NormMLP is linear layers without bias: batch norm and ReLU follow each but the last, which may have a batch norm alone, or a bias. Names are those of
// torch.nn.Sequential: prefix.0, .1, .3, .4, .6, ….
type NormMLP struct {
	layers []Linear
	norms  []Norm // of each layer; that of the last may be missing
}

// OutputNorm is what follows the last layer of a NormMLP.
type OutputNorm int

// What may follow the last layer.
const (
	NoNorm     OutputNorm = iota // nothing
	PlainNorm                    // a norm without scale and shift
	ScaledNorm                   // a norm with scale and shift
	OnlyBias                     // a bias, but no norm
)

// NormMLP declares the parameters of a NormMLP. widths are those of its input, its hidden layers and its output. The projector of SimSiam has three layers,
// two for CIFAR, and a PlainNorm (Chen and He 2021, arXiv:2011.10566, section 3; facebookresearch/simsiam, builder.py).
func (s Scope) NormMLP(prefix string, last OutputNorm, widths ...int) *NormMLP {
	if len(widths) < 2 {
		panic(&kernels.BuildError{Op: prefix, Msg: fmt.Sprintf("an MLP of widths %v: want at least those of the input and the output", widths)})
	}
	p := &NormMLP{}
	for i, in := range widths[:len(widths)-1] {
		norm, out := fmt.Sprintf("%s.%d", prefix, 3*i+1), widths[i+1]
		linear := s.LinearNoBias
		if i == len(widths)-2 && last == OnlyBias {
			linear = s.Linear
		}
		p.layers = append(p.layers, linear(fmt.Sprintf("%s.%d", prefix, 3*i), in, out))
		switch {
		case i < len(widths)-2 || last == ScaledNorm:
			p.norms = append(p.norms, s.BatchNorm(norm, out))
		case last == PlainNorm:
			p.norms = append(p.norms, s.PlainBatchNorm(norm, out))
		}
	}
	return p
}

// Forward maps [N in] to [N out].
func (p *NormMLP) Forward(x *kernels.Tensor, m Mode) *kernels.Tensor {
	last := len(p.layers) - 1
	for i := range last {
		x = p.norms[i].ReLU(p.layers[i].Forward(x, m), nil, m)
	}
	x = p.layers[last].Forward(x, m)
	if last < len(p.norms) {
		x = p.norms[last].Forward(x, m)
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
