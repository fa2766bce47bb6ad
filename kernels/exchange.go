package kernels

import "github.com/marr-ssl/marr/vk"

// Exchange copies the results of a segment that runs once for each micro-batch of a step (Micro) to host memory and back, so that several devices can
// compute a step together: each runs some of the micro-batches, and afterwards all have the results of all. Results are the rows of GatherMicro, the
// statistics of batch norms, and with gradients also the gradient of every parameter, which needs no SumParts.
type Exchange struct {
	dev       *vk.Device
	first     int           // micro-batch of this device
	parts     *vk.Buffer    // [micro-batches][partBytes]; nil: there are no results but gradients
	gradients []*vk.Buffer  // [gradBytes] of each micro-batch of this device; nil: without gradients
	sum       *vk.Buffer    // [gradBytes]
	partBytes int64         // of the results of a micro-batch
	gradBytes int64         // of the gradients of a micro-batch
	fetch     []*vk.Segment // one for each micro-batch of this device
	put       *vk.Segment
	last      *vk.Ticket

	// Of the last micro-batch of this device, whose gradients come in pieces (Graph.StreamGradients); the last piece comes with the fetch:
	pieces       []piece
	earlyCopies  []*vk.Segment // of each piece but the last
	earlyTickets []*vk.Ticket
}

// partTensor is a tensor to which each of k micro-batches writes its part of each block.
type partTensor struct {
	t         *Tensor
	blocks, k int
	segment   int
}

// partRange is the memory of a partTensor.
type partRange struct {
	at        vk.Range
	blocks, k int
}

// of calls f with each piece of a micro-batch's part.
func (p partRange) of(m int, f func(piece vk.Range)) {
	n := p.at.Size / int64(p.blocks*p.k)
	for b := range p.blocks {
		f(vk.Range{Buffer: p.at.Buffer, Offset: p.at.Offset + int64(b*p.k+m)*n, Size: n})
	}
}

// partRanges returns the memory of the tensors to which a segment writes part by part.
func (p *Program) partRanges(u *update, segment int) (out []partRange) {
	for _, x := range u.gathered {
		if x.segment == segment {
			out = append(out, partRange{p.at(bound{mem: x.t.mem, size: x.t.mem.bytes}), x.blocks, x.k})
		}
	}
	for _, f := range u.folds {
		if f.segment == segment && f.devices == 1 { // else all devices have the same
			out = append(out, partRange{p.at(bound{mem: f.kept.mem, size: f.kept.mem.bytes}), 1, f.kept.Dim(0)})
		}
	}
	return out
}

// NewExchange returns the exchange of a segment's results. This device computes the micro-batches first … first + count − 1.
func (s *Segment) NewExchange(first, count int, gradients bool) (x *Exchange, err error) {
	x = &Exchange{dev: s.p.dev, first: first, earlyTickets: make([]*vk.Ticket, len(s.pieces))}
	defer func() {
		if err != nil {
			x.Free()
			x = nil
		}
	}()
	k := 0
	for _, p := range s.parts {
		k = p.k
		x.partBytes += p.at.Size / int64(p.k)
	}
	if x.partBytes > 0 {
		if x.parts, err = x.dev.NewBuffer(int64(k)*x.partBytes, vk.Readback, "parts of "+s.name); err != nil {
			return x, err
		}
	}
	if gradients {
		x.gradBytes, x.pieces = s.p.store.size, s.pieces
		if x.sum, err = x.dev.NewBuffer(x.gradBytes, vk.Readback, "sum of gradients on the host"); err != nil {
			return x, err
		}
		for range count {
			b, err := x.dev.NewBuffer(x.gradBytes, vk.Readback, "gradients on the host")
			if err != nil {
				return x, err
			}
			x.gradients = append(x.gradients, b)
		}
	}
	return x, x.record(s, k, count)
}

// record records the copies.
func (x *Exchange) record(s *Segment, k, count int) error {
	r, err := s.p.dev.NewRecorder(), error(nil)
	end := func() (seg *vk.Segment) {
		if err == nil {
			seg, err = r.End()
		}
		r = s.p.dev.NewRecorder()
		return seg
	}
	each := func(m int, copyPiece func(device, host vk.Range)) {
		at := int64(m) * x.partBytes
		for _, p := range s.parts {
			p.of(m, func(piece vk.Range) {
				copyPiece(piece, vk.Range{Buffer: x.parts, Offset: at, Size: piece.Size})
				at += piece.Size
			})
		}
	}
	own := func(m int) bool { return m >= x.first && m < x.first+count }
	gradients := s.p.store.sets[gradients]
	fetch := func(j int, p piece) {
		at := func(b *vk.Buffer) vk.Range { return vk.Range{Buffer: b, Offset: p.from, Size: p.to - p.from} }
		r.Copy(at(x.gradients[j]), at(gradients))
	}
	for j := range count {
		whole := piece{to: x.gradBytes}
		if j == count-1 && x.gradients != nil {
			for _, p := range x.pieces[:len(x.pieces)-1] {
				fetch(j, p)
				x.earlyCopies = append(x.earlyCopies, end())
			}
			whole = x.pieces[len(x.pieces)-1]
		}
		each(x.first+j, func(device, host vk.Range) { r.Copy(host, device) })
		if x.gradients != nil {
			fetch(j, whole)
		}
		x.fetch = append(x.fetch, end())
	}
	for m := range k {
		if !own(m) {
			each(m, func(device, host vk.Range) { r.Copy(device, host) })
		}
	}
	if x.gradients != nil {
		r.Copy(vk.Range{Buffer: gradients, Size: x.gradBytes}, x.sum.All())
	}
	x.put = end()
	return err
}

// Submit submits the run of a micro-batch, and the copies of its results to the host.
func (x *Exchange) Submit(r *Run, m int) error {
	var onPiece func(int) error
	if len(x.earlyCopies) > 0 && m == x.first+len(x.fetch)-1 {
		onPiece = func(piece int) (err error) {
			x.earlyTickets[piece], err = x.dev.Submit(x.earlyCopies[piece])
			return err
		}
	}
	err := r.submit(onPiece)
	if err == nil {
		x.last, err = x.dev.Submit(x.fetch[m-x.first])
	}
	return err
}

// Wait waits for the copies of the last run and of all before it.
func (x *Exchange) Wait() error { return x.last.Wait() }

// EarlyPieces returns the number of pieces of the gradients that come to the host before the last run of this device is over (Graph.StreamGradients).
func (x *Exchange) EarlyPieces() int { return len(x.earlyCopies) }

// Piece returns the elements of a piece of the gradients. Those after the EarlyPieces are the last piece.
func (x *Exchange) Piece(i int) (from, to int) {
	return int(x.pieces[i].from / 4), int(x.pieces[i].to / 4)
}

// WaitPiece waits until an early piece of the gradients of all micro-batches of this device is on the host.
func (x *Exchange) WaitPiece(i int) error { return x.earlyTickets[i].Wait() }

// Part returns the host memory of a micro-batch's results but for gradients: those of this device after Wait, and of others for the caller to fill before
// Put. It is empty if there are none.
func (x *Exchange) Part(m int) []byte {
	if x.parts == nil {
		return nil
	}
	return x.parts.Bytes()[int64(m)*x.partBytes:][:x.partBytes]
}

// Gradients returns the gradients of the j'th micro-batch of this device, after Wait: those of all parameters, as they lie in the flat set.
func (x *Exchange) Gradients(j int) []float32 { return asFloats(x.gradients[j].Bytes()) }

// Sum returns the host memory of the sum of the gradients of all micro-batches, laid out as Gradients. The caller fills it before Put.
func (x *Exchange) Sum() []float32 { return asFloats(x.sum.Bytes()) }

// Put submits the copies of the results of other devices, and of the sum of the gradients, to this device. The host memory may be changed again after the
// Wait for a later run, the sum also after the WaitPiece of a later run.
func (x *Exchange) Put() error {
	_, err := x.dev.Submit(x.put)
	return err
}

// Free waits for the copies and releases the memory.
func (x *Exchange) Free() {
	for _, s := range append(append(x.fetch, x.earlyCopies...), x.put) {
		if s != nil {
			s.Free()
		}
	}
	for _, b := range append(x.gradients, x.parts, x.sum) {
		if b != nil {
			b.Free()
		}
	}
}
