package vk

import "fmt"

// stagingBytes is the size of each of the two staging buffers: large enough that the wait after each piece is small beside the copy.
const stagingBytes = 8 << 20

// Write copies src to dst and waits until it is there; all work submitted before is done by then. Whatever does not fit into the
// staging buffer goes in pieces.
func (d *Device) Write(dst Range, src []byte) error {
	if err := d.transferCheck("write", dst, len(src)); err != nil {
		return err
	}
	if m := dst.Buffer.Bytes(); m != nil {
		if err := d.drain(); err != nil {
			return err
		}
		copy(m[dst.Offset:], src)
		return nil
	}
	return d.pieces(&d.upload, Upload, dst, func(at int64, stage []byte) { copy(stage, src[at:]) }, nil)
}

// Read copies src to dst, after all work submitted before.
func (d *Device) Read(dst []byte, src Range) error {
	if err := d.transferCheck("read", src, len(dst)); err != nil {
		return err
	}
	if m := src.Buffer.Bytes(); m != nil {
		// The work that wrote the buffer ended with a barrier towards the host, so waiting for it suffices.
		if err := d.drain(); err != nil {
			return err
		}
		copy(dst, m[src.Offset:])
		return nil
	}
	return d.pieces(&d.readout, Readback, src, nil, func(at int64, stage []byte) { copy(dst[at:], stage) })
}

func (d *Device) transferCheck(what string, x Range, n int) error {
	if err := x.check(d); err != nil {
		return fmt.Errorf("vk: %s: %w", what, err)
	}
	if int64(n) != x.Size {
		return fmt.Errorf("vk: %s: %d bytes of host memory for %d of buffer %s: the sizes must be equal", what, n, x.Size, x.Buffer.what)
	}
	return nil
}

// pieces moves a range through the staging buffer *stage: fill is called before a piece is copied to the device, or drain after it
// was copied from there.
func (d *Device) pieces(stage **Buffer, m Memory, x Range, fill, drain func(at int64, stage []byte)) error {
	d.staging.Lock()
	defer d.staging.Unlock()
	if *stage == nil {
		b, err := d.NewBuffer(min(stagingBytes, d.info.Limits.MaxAllocation), m, m.String()+" staging")
		if err != nil {
			return err
		}
		*stage = b
	}
	for at := int64(0); at < x.Size; at += (*stage).size {
		n := min((*stage).size, x.Size-at)
		device := Range{x.Buffer, x.Offset + at, n}
		host := Range{*stage, 0, n}
		r := d.NewRecorder()
		if fill != nil {
			fill(at, (*stage).Bytes()[:n])
			r.Copy(device, host)
		} else {
			r.Copy(host, device)
		}
		if err := d.runOnce(r); err != nil {
			return err
		}
		if drain != nil {
			drain(at, (*stage).Bytes()[:n])
		}
	}
	return nil
}

// runOnce submits a recording, waits and frees it.
func (d *Device) runOnce(r *Recorder) error {
	s, err := r.End()
	if err != nil {
		return err
	}
	defer s.Free()
	t, err := d.Submit(s)
	if err != nil {
		return err
	}
	return t.Wait()
}
