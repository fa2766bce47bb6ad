package vk

import "fmt"

// stagingBytes is the size of each of the two staging buffers: the wait after each piece takes little time compared with its copy.
const stagingBytes = 8 << 20

// Write copies src to dst, after all work submitted before, and waits for the end of the copy. Data larger than the staging buffer
// are copied in pieces.
func (d *Device) Write(dst Range, src []byte) error {
	if err := d.transferCheck("write", dst, len(src)); err != nil {
		return err
	}
	if m := dst.Buffer.Bytes(); m != nil {
		if err := d.waitSubmitted(); err != nil {
			return err
		}
		copy(m[dst.Offset:], src)
		return nil
	}
	return d.transfer(&d.upload, Upload, dst, func(at int64, stage []byte) { copy(stage, src[at:]) }, nil)
}

// Read copies src to dst, after all work submitted before, and waits for the end of the copy.
func (d *Device) Read(dst []byte, src Range) error {
	if err := d.transferCheck("read", src, len(dst)); err != nil {
		return err
	}
	if m := src.Buffer.Bytes(); m != nil {
		// Waiting suffices, since the work that wrote the buffer ended with a barrier to the host.
		if err := d.waitSubmitted(); err != nil {
			return err
		}
		copy(dst, m[src.Offset:])
		return nil
	}
	return d.transfer(&d.readback, Readback, src, nil, func(at int64, stage []byte) { copy(dst[at:], stage) })
}

func (d *Device) transferCheck(what string, x Range, n int) error {
	if err := x.check(d); err != nil {
		return fmt.Errorf("vk: %s: %w", what, err)
	}
	if int64(n) != x.Size {
		return fmt.Errorf("vk: %s: %d bytes of host memory and %d of buffer %s: the sizes must be equal", what, n, x.Size, x.Buffer.what)
	}
	return d.alive(what + " " + x.Buffer.what)
}

// transfer moves a range through the staging buffer *stage in pieces. It calls fill before it copies a piece to the device, or, with
// a nil fill, drain after it copied a piece from the device.
func (d *Device) transfer(stage **Buffer, m Memory, x Range, fill, drain func(at int64, stage []byte)) error {
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

// runOnce submits a recording, waits for it and frees it.
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
