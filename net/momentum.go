package net

import (
	"strings"

	"github.com/marr-ssl/marr/kernels"
)

// Momentum returns the momentum encoder of a module made of this package's layers: the same layers with the moving averages of their parameters
// (kernels.Param.Momentum), which take no gradient, and with running statistics of their own, updated by the batches that the momentum encoder sees
// (He et al. 2019, arXiv:1911.05722; facebookresearch/moco, issue 70).
func Momentum(m Module) Module { return momentumEncoder{m} }

type momentumEncoder struct{ of Module }

func (e momentumEncoder) Forward(x *kernels.Tensor, m Mode) *kernels.Tensor {
	return e.of.Forward(x, m|averaged)
}

// StartMomentum copies the running statistics of a backbone to those of its momentum encoder, if it has one, as PyTorch's deepcopy of a network does. The
// parameters' moving averages start at the parameters anyway.
func StartMomentum(st *kernels.Store) error {
	of := map[string]*kernels.State{}
	for _, x := range st.States() {
		of[momentumPrefix+x.Name] = x
	}
	for _, x := range st.States() {
		from := of[x.Name]
		if from == nil || !strings.HasPrefix(from.Name, BackbonePrefix) {
			continue
		}
		v, err := from.Read()
		if err == nil {
			err = x.Write(v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
