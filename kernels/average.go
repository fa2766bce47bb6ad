package kernels

import "fmt"

// Average returns the parameter's moving average as a constant of g: what momentum encoders (BYOL, DINO, MoCo) are made of. It starts as the
// parameter's first value; after every optimizer step that changes parameters avg ← m·avg + (1 − m)·p, m being scalar "ema" of the segment
// with Update. It is asked for in the Store's first program, before Update.
func (p *Param) Average(g *Graph) *Tensor {
	if !p.averaged && p.store.sealed() {
		misuse("Average", "%s: the store is on the device already: ask for it in the first program", p.Name)
	}
	p.averaged = true
	return g.fixed("average of "+p.Name, p.Shape, averages, p.offset, p.bytes)
}

// Averaged reports whether the parameter has a moving average.
func (p *Param) Averaged() bool { return p.averaged }

// ReadAverage returns the parameter's moving average; it must have one.
func (p *Param) ReadAverage() ([]float32, error) { return p.read(averages) }

// WriteAverage sets the parameter's moving average; it must have one.
func (p *Param) WriteAverage(v []float32) error { return p.write(averages, v) }

// has says what a parameter lacks to be read from or written to a flat set.
func (p *Param) has(set int) error {
	if set == averages && !p.averaged {
		return fmt.Errorf("kernels: %s has no moving average: ask for one with Average in the first program", p.Name)
	}
	return nil
}

// averaged is how many parameters have a moving average.
func (s *Store) averaged() (n int) {
	for _, p := range s.params {
		if p.averaged {
			n++
		}
	}
	return n
}
