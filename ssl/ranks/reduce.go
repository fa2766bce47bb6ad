package ranks

import (
	"fmt"
	"unsafe"
)

// The sum of 45 MiB over 2 ranks of one machine takes as long with 1 to 4 MiB per round.
const (
	roundBytes = 2 << 20 // of a vector, per round, all shards together
	minRound   = 4 << 10 // elements of a shard, per round, at least: smaller messages cost more than they save
	lineFloats = 16      // elements of a cache line: shards begin at multiples
)

// The formats in which a Reducer sends gradients: floats, or halves with a scale for each 1024 elements, which are half as many bytes.
const (
	FP32 = "fp32"
	FP16 = "fp16"
)

// Wires lists the formats.
var Wires = []string{FP32, FP16}

// BytesPerElement returns the bytes that one of Wires takes for each element of a long vector.
func BytesPerElement(wire string) float64 {
	if wire == FP16 {
		return 2. * blockWords / BlockLen
	}
	return 4
}

// Reducer sums gradients over all ranks of a Comm. It keeps its scratch memory between calls. Every rank needs one.
type Reducer struct {
	c          Comm
	wire       string // one of Wires
	roundBytes int
	scratch    [2][]float32 // on FP32: received pieces of even and odd rounds, by rank and part
	halves     halfBuffers  // on FP16
	send, recv [][]byte
}

// NewReducer returns a Reducer on c that sends in one of Wires, the same on all ranks.
func NewReducer(c Comm, wire string) *Reducer {
	return &Reducer{c: c, wire: wire, roundBytes: roundBytes, send: make([][]byte, c.Size()), recv: make([][]byte, c.Size())}
}

// SumParts sets out on every rank to the elementwise sum of all parts of all ranks. It adds in fp32, strictly from left to right in the order of
// rank, then part: ((p₀+p₁)+p₂)+…, so the number of ranks does not change the bits, as long as the parts keep their order. (Which payload a NaN
// has is not defined, but equal on all ranks.) All ranks must pass the same number of parts, at least 1, all as long as out. Parts must not
// change meanwhile, and out must not overlap them. It is fastest with vectors of NewVector.
//
// On FP16 it rounds every part to 11 bits before it adds, and the sum afterwards, on all ranks alike: the bits do not depend on the number of ranks
// either, and also with one rank they are others than on FP32. 1024 elements, counted from the first, are all NaN if one of a part or of their sum is
// not finite.
//
// Each rank sums a shard: it receives that shard of all parts, adds, and sends the sum to all. It does so in pieces, and adds one piece while the
// next is under way.
func (r *Reducer) SumParts(parts [][]float32, out []float32) error {
	if len(parts) == 0 {
		return fmt.Errorf("ranks: SumParts: no parts: each rank must have at least one")
	}
	for i, p := range parts {
		if len(p) != len(out) {
			return fmt.Errorf("ranks: SumParts: part %d has %d elements, out has %d: all must be equally long", i, len(p), len(out))
		}
	}
	scatter, add, collect := r.scatter, r.add, r.collect
	if r.wire == FP16 {
		scatter, add, collect = r.scatterHalves, r.addHalves, r.collectHalves
	} else if r.c.Size() == 1 {
		sum(out, parts)
		return nil
	}
	s := r.plan(len(out))
	var summed chan struct{} // closed when the piece of the round before has been summed
	defer func() {
		if summed != nil {
			<-summed
		}
	}()
	for round := range s.rounds {
		if err := scatter(s, round, parts); err != nil {
			return err
		}
		if summed != nil {
			<-summed
		}
		summed = make(chan struct{})
		go func(done chan struct{}) {
			add(s, round, parts, out)
			close(done)
		}(summed)
		if round > 0 {
			if err := collect(s, round-1, out); err != nil {
				return err
			}
		}
	}
	if s.rounds == 0 {
		return nil
	}
	<-summed
	return collect(s, s.rounds-1, out)
}

// NewVector returns a vector of n elements in memory with huge pages, where the system has them: SumParts is faster with these between processes of a machine.
func NewVector(n int) []float32 {
	v := make([]float32, n)
	useHugePages(bytesOf(v))
	return v
}

// shards is how a vector is divided: into one shard per rank and each shard into pieces, one per round.
type shards struct{ length, shard, piece, rounds int }

func (r *Reducer) plan(length int) shards {
	n := r.c.Size()
	multiple := lineFloats
	if r.wire == FP16 {
		multiple = BlockLen
	}
	s := shards{length: length, piece: max(r.roundBytes/4/n, minRound) / multiple * multiple}
	s.shard = (length + n*multiple - 1) / (n * multiple) * multiple
	s.rounds = (s.shard + s.piece - 1) / s.piece
	return s
}

// bounds returns the elements of a rank's piece in a round. It is empty for the last ranks of a short vector.
func (s shards) bounds(rank, round int) (from, to int) {
	begin, end := rank*s.shard, min((rank+1)*s.shard, s.length)
	from = min(begin+round*s.piece, end)
	return max(min(from, s.length), 0), max(min(from+s.piece, end), min(from, s.length))
}

// scatter sends each rank its piece of this rank's parts, and receives this rank's piece of theirs.
func (r *Reducer) scatter(s shards, round int, parts [][]float32) error {
	n, me, k := r.c.Size(), r.c.Rank(), len(parts)
	if need := n * k * s.piece; len(r.scratch[0]) < need {
		r.scratch[0], r.scratch[1] = NewVector(need), NewVector(need)
	}
	own, end := s.bounds(me, round)
	for j, p := range parts {
		for i := range n {
			r.send[i], r.recv[i] = nil, nil
			if i == me {
				continue
			}
			from, to := s.bounds(i, round)
			r.send[i] = bytesOf(p[from:to])
			r.recv[i] = bytesOf(r.received(s, round, i*k+j, end-own))
		}
		if err := r.c.Exchange(r.send, r.recv); err != nil {
			return err
		}
	}
	return nil
}

// received returns the scratch memory of one part's piece.
func (r *Reducer) received(s shards, round, part, length int) []float32 {
	return r.scratch[round%2][part*s.piece:][:length]
}

// add sums this rank's piece.
func (r *Reducer) add(s shards, round int, parts [][]float32, out []float32) {
	me, k := r.c.Rank(), len(parts)
	from, to := s.bounds(me, round)
	terms := make([][]float32, 0, r.c.Size()*k)
	for i := range r.c.Size() {
		for j := range k {
			if i == me {
				terms = append(terms, parts[j][from:to])
			} else {
				terms = append(terms, r.received(s, round, i*k+j, to-from))
			}
		}
	}
	sum(out[from:to], terms)
}

// collect sends this rank's summed piece to all, and receives theirs.
func (r *Reducer) collect(s shards, round int, out []float32) error {
	me := r.c.Rank()
	own, end := s.bounds(me, round)
	for i := range r.c.Size() {
		r.send[i], r.recv[i] = nil, nil
		if i == me {
			continue
		}
		from, to := s.bounds(i, round)
		r.send[i], r.recv[i] = bytesOf(out[own:end]), bytesOf(out[from:to])
	}
	return r.c.Exchange(r.send, r.recv)
}

// sum sets out to the sum of the terms, from left to right, in blocks that stay in the first-level cache.
func sum(out []float32, terms [][]float32) {
	const block = 2048
	for from := 0; from < len(out); from += block {
		to := min(from+block, len(out))
		o := out[from:to]
		if len(terms) == 1 {
			copy(o, terms[0][from:to])
			continue
		}
		addTo(o, terms[0][from:to], terms[1][from:to])
		for _, t := range terms[2:] {
			addTo(o, o, t[from:to])
		}
	}
}

// addTo sets out to a + b. Arrays of fixed length leave the loop without bounds checks.
func addTo(out, a, b []float32) {
	for len(out) >= 8 && len(a) >= 8 && len(b) >= 8 {
		o, x, y := (*[8]float32)(out), (*[8]float32)(a), (*[8]float32)(b)
		o[0], o[1], o[2], o[3] = x[0]+y[0], x[1]+y[1], x[2]+y[2], x[3]+y[3]
		o[4], o[5], o[6], o[7] = x[4]+y[4], x[5]+y[5], x[6]+y[6], x[7]+y[7]
		out, a, b = out[8:], a[8:], b[8:]
	}
	for i := range out {
		out[i] = a[i] + b[i]
	}
}

// bytesOf returns the memory of v.
func bytesOf[T float32 | uint16](v []T) []byte {
	if len(v) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), int(unsafe.Sizeof(v[0]))*len(v))
}
