package net

import "marr/kernels"

// Teacher is the branch of momentum encoders (Meta.Branch).
const Teacher = "teacher"

// momentumPrefix stands before the names of the running statistics that a momentum encoder has of its own.
const momentumPrefix = "momentum."

// Momentum returns the momentum encoder of a module: the same layers with the moving averages of its parameters (kernels.Param.Momentum), which
// take no gradient, and running statistics of its own, of what it sees itself (He et al. 2019, arXiv:1911.05722; facebookresearch/moco, issue 70).
// It panics for a module that is not made of this package's layers.
func Momentum(st *kernels.Store, m Module) Module { return m.(averaged).momentum(st) }

// averaged is a module that knows its momentum encoder.
type averaged interface {
	momentum(st *kernels.Store) Module
}

func (c Conv2d) momentum(*kernels.Store) Module { return c.average() }

func (c Conv2d) average() Conv2d {
	c.weight = c.weight.Momentum()
	return c
}

func (l Linear) momentum(*kernels.Store) Module { return l.average() }

func (l Linear) average() Linear {
	l.weight = l.weight.Momentum()
	if l.bias != nil {
		l.bias = l.bias.Momentum()
	}
	return l
}

func (u unit) average(st *kernels.Store) unit { return unit{u.conv.average(), u.bn.average(st)} }

func (r *ResNet) momentum(st *kernels.Store) Module {
	t := &ResNet{config: r.config, stem: r.stem.average(st)}
	for _, b := range r.blocks {
		var twin block
		for _, u := range b.units {
			twin.units = append(twin.units, u.average(st))
		}
		if b.down != nil {
			down := b.down.average(st)
			twin.down = &down
		}
		t.blocks = append(t.blocks, twin)
	}
	return t
}

func (p *Projector) momentum(st *kernels.Store) Module {
	return &Projector{p.first.average(), p.norm.average(st), p.last.average()}
}
