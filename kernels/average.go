package kernels

import "fmt"

// Momentum returns the parameter of the momentum encoder (BYOL, DINO, MoCo): a Param whose value is the moving average of p, without a
// gradient. Every op that takes a Param takes it, so that one module makes both networks; optimizers, checkpoints and Params omit it. The average
// starts as the parameter's first value; after every optimizer step that changes parameters avg ← avg + (1 − m)·(p − avg), where scalar "ema_rate"
// of the segment with Update is 1 − m: taken from m = 0.9996 in float32 it would be off by 1e-4 of itself. Call it in the Store's first
// program, before Update.
func (p *Param) Momentum() *Param {
	if p.of != nil {
		misuse("Momentum", "%s is a moving average already", p.Name)
	}
	if p.twin == nil {
		if p.store.sealed() {
			misuse("Momentum", "%s: the store is on the device already: call Momentum in the first program", p.Name)
		}
		p.twin = &Param{Name: "average of " + p.Name, Shape: p.Shape, NoDecay: p.NoDecay, store: p.store, offset: p.offset, bytes: p.bytes, of: p}
	}
	return p.twin
}

// Average returns the value of Momentum as a constant of g.
func (p *Param) Average(g *Graph) *Tensor { return p.Momentum().Value(g) }

// Averaged reports whether the parameter has a moving average.
func (p *Param) Averaged() bool { return p.twin != nil }

// ReadAverage returns the parameter's moving average; it must have one.
func (p *Param) ReadAverage() ([]float32, error) { return p.read(averages) }

// WriteAverage sets the parameter's moving average; it must have one.
func (p *Param) WriteAverage(v []float32) error { return p.write(averages, v) }

// home returns the parameter and the flat set that hold a set of p: the average of p.of if p is a moving average.
func (p *Param) home(set int) (*Param, int, error) {
	switch {
	case p.of != nil && set == values:
		return p.of, averages, nil
	case p.of != nil:
		return nil, 0, fmt.Errorf("kernels: %s has a value alone: no gradient, moments or average", p.Name)
	case set == averages && p.twin == nil:
		return nil, 0, fmt.Errorf("kernels: %s has no moving average: call Momentum in the first program", p.Name)
	}
	return p, set, nil
}

// averaged returns the number of parameters that have a moving average.
func (s *Store) averaged() (n int) {
	for _, p := range s.params {
		if p.Averaged() {
			n++
		}
	}
	return n
}
