package net

import "github.com/marr-ssl/marr/kernels"

// PermutationHead predicts the order of the parts of a sample: Linear(in→hidden, no bias), batch norm and ReLU on the features of each part, then
// Linear(parts·hidden→permutations) on the concatenated parts. Names: prefix.0, .1 and .3.
type PermutationHead struct {
	embed    Linear
	norm     Norm
	classify Linear
}

// PermutationHead declares the head's parameters.
func (s Scope) PermutationHead(prefix string, in, hidden, parts, permutations int) *PermutationHead {
	return &PermutationHead{s.LinearNoBias(prefix+".0", in, hidden), s.BatchNorm(prefix+".1", hidden), s.Linear(prefix+".3", parts*hidden, permutations)}
}

// Embed maps features of parts [N·parts in] to [N·parts hidden].
func (h *PermutationHead) Embed(x *kernels.Tensor, m Mode) *kernels.Tensor {
	return h.norm.ReLU(h.embed.Forward(x, m), nil, m)
}

// Classify maps the concatenated parts of samples [N parts·hidden] to logits [N permutations].
func (h *PermutationHead) Classify(x *kernels.Tensor, m Mode) *kernels.Tensor {
	return h.classify.Forward(x, m)
}
