package net

import "marr/kernels"

// Momentum returns the momentum encoder of a module made of this package's layers: the same layers with the moving averages of their parameters
// (kernels.Param.Momentum), which take no gradient, and with running statistics of their own, updated by the batches that the momentum encoder sees
// (He et al. 2019, arXiv:1911.05722; facebookresearch/moco, issue 70).
func Momentum(m Module) Module { return momentumEncoder{m} }

type momentumEncoder struct{ of Module }

func (e momentumEncoder) Forward(x *kernels.Tensor, m Mode) *kernels.Tensor {
	return e.of.Forward(x, m|averaged)
}
