package kernels

import "fmt"

// Momentum returns the parameter of the momentum encoder (EMA teacher: BYOL, DINO, MoCo): a Param whose value is the moving average of p, without a
// gradient. Every op that takes a Param takes it, so one module serves both networks. Optimizers, checkpoints and Store.Params omit it. The average
// starts at the parameter's first value. After every optimizer step that changes parameters, avg ← avg + (1 − m)·(p − avg). The scalar "ema_rate" of
// the segment with Update is 1 − m, since 1 − float32(0.9996) has a relative error of 1e-4. Call Momentum in the Store's first program, before Update.
func (p *Param) Momentum() *Param {
	if p.averageOf != nil {
		misuse("Momentum", "%s is a moving average already", p.Name)
	}
	if p.average == nil {
		if p.store.allocated() {
			misuse("Momentum", "%s: the store is on the device already: call Momentum in the first program", p.Name)
		}
		p.average = &Param{Name: "average of " + p.Name, Shape: p.Shape, NoDecay: p.NoDecay, store: p.store, offset: p.offset, bytes: p.bytes, averageOf: p}
	}
	return p.average
}

// Average returns the moving average, Momentum's value, as a constant of g.
func (p *Param) Average(g *Graph) *Tensor { return p.Momentum().Value(g) }

// HasAverage reports whether the parameter has a moving average.
func (p *Param) HasAverage() bool { return p.average != nil }

// ReadAverage returns the parameter's moving average, or an error if it has none.
func (p *Param) ReadAverage() ([]float32, error) { return p.read(averages) }

// WriteAverage sets the parameter's moving average. It returns an error if there is none.
func (p *Param) WriteAverage(v []float32) error { return p.write(averages, v) }

// locate returns the parameter and the flat set that hold `set` of p. A moving average is the set `averages` of p.averageOf.
func (p *Param) locate(set int) (*Param, int, error) {
	switch {
	case p.averageOf != nil && set == values:
		return p.averageOf, averages, nil
	case p.averageOf != nil:
		return nil, 0, fmt.Errorf("kernels: %s is a moving average: it has no gradient, moments or average", p.Name)
	case set == averages && p.average == nil:
		return nil, 0, fmt.Errorf("kernels: %s has no moving average: call Momentum in the first program", p.Name)
	}
	return p, set, nil
}

// numAveraged returns the number of parameters that have a moving average.
func (s *Store) numAveraged() (n int) {
	for _, p := range s.params {
		if p.HasAverage() {
			n++
		}
	}
	return n
}
