package kernels

import (
	"errors"
	"fmt"
	"math"

	"github.com/marr-ssl/marr/vk"
)

// poison is a NaN that arithmetic does not produce. Under MARR_POISON=1 (vk.Settings.Poison) it fills a program's memory before the first run, no
// memory is reused, and a guard band of it follows each tensor. CheckGuards checks the bands. Dispatches bind a part of the band too, because drivers
// drop writes beyond a binding. Results have the same bits.
const poison = 0x7fc0dead

// guardBand returns the guard band behind a tensor in the arena, from its last byte on.
func (p *Program) guardBand(m *storage) vk.Range {
	end := m.offset + m.bytes
	return vk.Range{Buffer: p.blocks[m.block], Offset: end, Size: (end+align-1)/align*align + align - end}
}

// bindRange returns the range that a dispatch binds. With guard bands it includes `align` bytes behind the tensor, if the largest binding allows it.
func (p *Program) bindRange(b bound) vk.Range {
	x := p.at(b)
	if b.mem.set == arena && b.offset+b.size == b.mem.bytes && x.Size+align <= p.maxBinding {
		x.Size += align
	}
	return x
}

// fillMemory fills buffers with a word and waits for the device.
func fillMemory(dev *vk.Device, word uint32, buffers ...*vk.Buffer) error {
	r := dev.NewRecorder()
	for _, b := range buffers {
		r.Fill(b.All(), word)
	}
	s, err := r.End()
	if err != nil {
		return err
	}
	defer s.Free()
	t, err := dev.Submit(s)
	if err != nil {
		return err
	}
	return t.Wait()
}

// CheckGuards waits for the device and returns an error that names every tensor behind whose end a kernel wrote. It is nil for a program built
// without MARR_POISON=1.
func (p *Program) CheckGuards() error {
	var errs []error
	for _, m := range p.guarded {
		at := p.guardBand(m)
		words := make([]float32, at.Size/4)
		if err := p.dev.Read(asBytes(words), at); err != nil {
			return err
		}
		for i, w := range words {
			if math.Float32bits(w) != poison {
				errs = append(errs, fmt.Errorf("kernels: %s: a kernel wrote %v at %d bytes behind its end", m.name, w, 4*i))
				break
			}
		}
	}
	return errors.Join(errs...)
}
