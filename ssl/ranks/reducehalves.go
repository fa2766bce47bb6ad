package ranks

import "github.com/marr-ssl/marr/ssl/parallel"

// halfBuffers are the encoded pieces of a Reducer on FP16.
type halfBuffers struct {
	terms    [2][]uint16 // what this rank adds in even and odd rounds, by rank and part; its own parts too
	sums     [2][]uint16 // this rank's summed piece of even and odd rounds
	outgoing []uint16    // pieces of one part, by rank
	incoming []uint16    // summed pieces, by rank
}

// encoded returns the memory of piece i in a buffer of pieces, for some elements.
func (s shards) encoded(buffer []uint16, i, length int) []uint16 {
	return buffer[i*words(s.piece):][:words(length)]
}

// grow makes the buffers large enough for the parts of n ranks.
func (h *halfBuffers) grow(n, parts, pieceWords int) {
	for _, b := range []struct {
		buffer *[]uint16
		pieces int
	}{{&h.terms[0], n * parts}, {&h.terms[1], n * parts}, {&h.sums[0], 1}, {&h.sums[1], 1}, {&h.outgoing, n}, {&h.incoming, n}} {
		if need := b.pieces * pieceWords; len(*b.buffer) < need {
			*b.buffer = make([]uint16, need)
			useHugePages(bytesOf(*b.buffer))
		}
	}
}

// scatterHalves is scatter on FP16. It encodes this rank's own pieces too: all parts are rounded alike.
func (r *Reducer) scatterHalves(s shards, round int, parts [][]float32) error {
	n, me, k := r.c.Size(), r.c.Rank(), len(parts)
	r.halves.grow(n, k, words(s.piece))
	own, end := s.bounds(me, round)
	to := make([][]uint16, n)
	for j, p := range parts {
		for i := range n {
			first, last := s.bounds(i, round)
			term := s.encoded(r.halves.terms[round%2], i*k+j, end-own)
			if i == me {
				to[i], r.send[i], r.recv[i] = term, nil, nil
				continue
			}
			to[i] = s.encoded(r.halves.outgoing, i, last-first)
			r.send[i], r.recv[i] = bytesOf(to[i]), bytesOf(term)
		}
		s.eachBlock(n, round, func(i, b int) {
			first, last := s.bounds(i, round)
			encode(blockOf(to[i], p[first:last], b))
		})
		if err := r.c.Exchange(r.send, r.recv); err != nil {
			return err
		}
	}
	return nil
}

// eachBlock calls f for each block of all ranks' pieces, on all processors.
func (s shards) eachBlock(ranks, round int, f func(rank, block int)) {
	blocks := numBlocks(s.piece)
	parallel.Each(ranks*blocks, func(i int) {
		rank, block := i/blocks, i%blocks
		if from, to := s.bounds(rank, round); block < numBlocks(to-from) {
			f(rank, block)
		}
	})
}

// addHalves is add on FP16. It encodes the sum, and rounds it for this rank as decoding does for the others.
func (r *Reducer) addHalves(s shards, round int, parts [][]float32, out []float32) {
	from, to := s.bounds(r.c.Rank(), round)
	summed := s.encoded(r.halves.sums[round%2], 0, to-from)
	parallel.Each(numBlocks(to-from), func(b int) {
		var sum [BlockLen]float32
		half, rounded := blockOf(summed, out[from:to], b)
		for i := range r.c.Size() * len(parts) {
			term, _ := blockOf(s.encoded(r.halves.terms[round%2], i, to-from), out[from:to], b)
			if i == 0 {
				decodeFull(&sum, term)
			} else {
				addDecoded(&sum, term)
			}
		}
		encode(half, sum[:len(rounded)])
		decode(rounded, half)
	})
}

// collectHalves is collect on FP16.
func (r *Reducer) collectHalves(s shards, round int, out []float32) error {
	n, me := r.c.Size(), r.c.Rank()
	own, end := s.bounds(me, round)
	from := make([][]uint16, n)
	for i := range n {
		r.send[i], r.recv[i] = nil, nil
		if i == me {
			continue
		}
		first, last := s.bounds(i, round)
		from[i] = s.encoded(r.halves.incoming, i, last-first)
		r.send[i], r.recv[i] = bytesOf(s.encoded(r.halves.sums[round%2], 0, end-own)), bytesOf(from[i])
	}
	if err := r.c.Exchange(r.send, r.recv); err != nil {
		return err
	}
	s.eachBlock(n, round, func(i, b int) {
		if i != me {
			first, last := s.bounds(i, round)
			half, decoded := blockOf(from[i], out[first:last], b)
			decode(decoded, half)
		}
	})
	return nil
}
