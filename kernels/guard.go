package kernels

import (
	"errors"
	"fmt"
	"math"

	"marr/vk"
)

// poison is a NaN that arithmetic does not make. Under MARR_POISON=1 (vk.Settings.Poison) it fills all memory of a program before the first run, no
// memory is used twice, and behind each tensor lies a guard band of it, which CheckGuards checks. Kernels bind a part of the band, since drivers
// drop writes beyond a binding. Results have the same bits.
const poison = 0x7fc0dead

// band is the guard band behind a tensor in the arena, from its last byte on.
func (p *Program) band(m *storage) vk.Range {
	end := m.offset + m.bytes
	return vk.Range{Buffer: p.blocks[m.block], Offset: end, Size: (end+align-1)/align*align + align - end}
}

// bind is the range that a dispatch binds: with guard bands, and room for it, up to align bytes more than the tensor has.
func (p *Program) bind(b bound) vk.Range {
	x := p.at(b)
	if b.mem.set == arena && b.offset+b.size == b.mem.bytes && x.Size+align <= p.widest {
		x.Size += align
	}
	return x
}

// paint fills the program's memory with a word; it waits for the device.
func (p *Program) paint(word uint32) error {
	r := p.dev.NewRecorder()
	for _, b := range p.blocks {
		r.Fill(b.All(), word)
	}
	s, err := r.End()
	if err != nil {
		return err
	}
	defer s.Free()
	t, err := p.dev.Submit(s)
	if err != nil {
		return err
	}
	return t.Wait()
}

// CheckGuards reports every tensor past whose end a kernel wrote, in a program built under MARR_POISON=1. It waits for the device. Without
// guard bands it returns nil.
func (p *Program) CheckGuards() error {
	var errs []error
	for _, m := range p.guarded {
		at := p.band(m)
		words := make([]float32, at.Size/4)
		if err := p.dev.Read(asBytes(words), at); err != nil {
			return err
		}
		for i, w := range words {
			if math.Float32bits(w) != poison {
				errs = append(errs, fmt.Errorf("kernels: %s: %v was written %d bytes behind its end", m.name, w, 4*i))
				break
			}
		}
	}
	return errors.Join(errs...)
}
