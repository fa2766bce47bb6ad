package net

import "marr/kernels"

// Arrangement is the head that tells the order of parts: Linear(in→hidden, no bias), batch norm and ReLU on each part, then Linear(parts·hidden→orders) on
// a sample's parts side by side. Names: prefix.0, .1 and .3.
type Arrangement struct {
	embed Linear
	norm  Norm
	order Linear
}

// NewArrangement declares the head's parameters; norm is one of Norms.
func NewArrangement(st *kernels.Store, norm, prefix string, in, hidden, parts, orders int, seed uint64) *Arrangement {
	return &Arrangement{newLinear(st, prefix+".0", in, hidden, false, seed), newNorm(st, norm, prefix+".1", hidden),
		newLinear(st, prefix+".3", parts*hidden, orders, true, seed)}
}

// Embed maps features of parts [N·parts in] to [N·parts hidden].
func (a *Arrangement) Embed(x *kernels.Tensor, m Mode) *kernels.Tensor {
	return a.norm.act(a.embed.Forward(x, m), nil, m)
}

// Arrange maps a sample's parts side by side [N parts·hidden] to logits [N orders].
func (a *Arrangement) Arrange(x *kernels.Tensor, m Mode) *kernels.Tensor {
	return a.order.Forward(x, m)
}
