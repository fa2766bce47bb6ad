package train

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl/ranks"
)

// share is the part of each step that one of several ranks computes: parts first … first+count−1 of every batch. The ranks exchange gradients, gathered rows
// and batch statistics after each pass over the parts, so that all of them make the update that one device makes that computes all parts.
type share struct {
	comm         ranks.Comm
	reducer      *ranks.Reducer
	first, count int
	gradients    [][]float32 // of each part of this rank, and their sum over all ranks: MPI cannot send from mapped memory of a device
	sum          []float32
	exchanges    map[string]*kernels.Exchange // by segment
	norm         []byte                       // statistics of this rank's batch norm, then those of all ranks, in ordinary memory
	timing       *Timing
	stop         bool // a rank asked to stop after this step
}

// newShare returns this rank's share of a batch of some parts, whose gradients are sent in one of ranks.Wires.
func newShare(c ranks.Comm, parts int, wire string, w *Timing) (*share, error) {
	n := c.Size()
	if parts%n != 0 {
		return nil, &ConfigError{fmt.Errorf("train: %d parts of a batch on %d ranks: each rank must compute as many: set --accumulate to a multiple of %d", parts, n, n)}
	}
	return &share{comm: c, reducer: ranks.NewReducer(c, wire), first: c.Rank() * parts / n, count: parts / n, exchanges: map[string]*kernels.Exchange{}, timing: w}, nil
}

// partsOf returns the runs of a pass that this trainer makes.
func (t *Trainer) partsOf(p pass) (first, count int) {
	if t.share == nil || !p.views {
		return 0, p.runs
	}
	return t.share.first, t.share.count
}

// shared reports whether the ranks exchange the results of a pass.
func (t *Trainer) shared(p pass) bool { return t.share != nil && p.views }

// newExchanges makes the exchange of each pass over the parts.
func (t *Trainer) newExchanges() error {
	for _, p := range t.passes {
		if !t.shared(p) {
			continue
		}
		x, err := t.prog.Segment(p.segment).NewExchange(t.share.first, t.share.count, p.backward)
		if err != nil {
			return fmt.Errorf("train: host memory for the gradients of %d parts: %w: lower --accumulate, or use more ranks", t.share.count, err)
		}
		t.share.exchanges[p.segment] = x
	}
	return nil
}

// gatherNorms is the kernels.Gather of synchronized batch norms.
func (s *share) gatherNorms(mine, all []byte) error {
	start := time.Now()
	defer func() { s.timing.Norms += time.Since(start) }()
	n, size := s.comm.Size(), len(mine)
	s.norm = slices.Grow(s.norm[:0], size+len(all))[:size+len(all)]
	own, gathered := s.norm[:size], s.norm[size:]
	copy(own, mine)
	send, recv := make([][]byte, n), make([][]byte, n)
	for i := range n {
		send[i], recv[i] = own, gathered[i*size:][:size]
	}
	err := s.comm.Exchange(send, recv)
	copy(all, gathered)
	return err
}

// leave makes the trainer compute all parts of a batch from its next program on.
func (t *Trainer) leave() {
	if t.share == nil {
		return
	}
	for _, x := range t.share.exchanges {
		x.Free()
	}
	t.share = nil
}

// exchange waits for the runs of a pass and gives every rank the results of all parts.
func (t *Trainer) exchange(ctx context.Context, p pass, collect func() error) error {
	s, w := t.share, t.job.Timing
	x := s.exchanges[p.segment]
	computed := make(chan time.Time)
	go func() {
		_ = x.Wait() // which returns its error again below
		computed <- time.Now()
	}()
	met, err := s.sumEarly(x)
	errComputed := x.Wait()
	w.computed(<-computed, met)
	if err = cmp.Or(err, errComputed); err != nil {
		return err
	}
	for len(t.inFlight) > 0 {
		if err := collect(); err != nil {
			return err
		}
	}
	if err := t.gather(ctx, p, x); err != nil {
		return err
	}
	w.lap(&w.Wait)
	if p.backward {
		if err := s.sumPiece(x, x.EarlyPieces()); err != nil {
			return err
		}
		w.lap(&w.Reduce)
	}
	return x.Put()
}

// sumEarly sums the pieces of the gradients that come to the host while the device computes the rest. met is the time when all ranks had the first one.
func (s *share) sumEarly(x *kernels.Exchange) (met time.Time, err error) {
	for i := range x.EarlyPieces() {
		if err := x.WaitPiece(i); err != nil {
			return met, err
		}
		if i == 0 {
			if _, err := ranks.Gather(s.comm, []byte{0}); err != nil {
				return met, err
			}
			met = time.Now()
		}
		if err := s.sumPiece(x, i); err != nil {
			return met, err
		}
	}
	return met, nil
}

// sumPiece gives every rank the sum of a piece of the gradients of all parts.
func (s *share) sumPiece(x *kernels.Exchange, i int) error {
	if s.sum == nil {
		s.sum = ranks.NewVector(len(x.Sum()))
		for range s.count {
			s.gradients = append(s.gradients, ranks.NewVector(len(s.sum)))
		}
	}
	from, to := x.Piece(i)
	parts := make([][]float32, len(s.gradients))
	for j, g := range s.gradients {
		parts[j] = g[from:to]
		copy(parts[j], x.Gradients(j)[from:to])
	}
	err := s.reducer.SumParts(parts, s.sum[from:to])
	copy(x.Sum()[from:to], s.sum[from:to])
	return err
}

// gather exchanges what a pass computed besides gradients.
func (t *Trainer) gather(ctx context.Context, p pass, x *kernels.Exchange) error {
	s := t.share
	mine := report{stop: ctx.Err() != nil, tally: t.tally}.encode()
	for j := range s.count {
		mine = append(mine, x.Part(s.first+j)...)
	}
	all, err := ranks.Gather(s.comm, mine)
	if err != nil {
		return err
	}
	var total tally
	for rank, b := range all {
		r, rest := decodeReport(b)
		s.stop = s.stop || r.stop
		total.losses = append(total.losses, r.tally.losses...)
		total.predictions.correct += r.tally.predictions.correct
		total.predictions.total += r.tally.predictions.total
		for j := range s.count {
			part := x.Part(rank*s.count + j)
			if rank != s.comm.Rank() {
				copy(part, rest)
			}
			rest = rest[len(part):]
		}
	}
	if p.loss { // else each rank has the loss of the whole batch, or there is none yet
		t.tally.losses = total.losses
	}
	if p.observe {
		t.tally.predictions = total.predictions
	}
	return nil
}

// report is what a rank tells the others after a pass.
type report struct {
	stop  bool
	tally tally
}

func (r report) encode() []byte {
	var b bytes.Buffer
	head := []int64{0, int64(r.tally.predictions.correct), int64(r.tally.predictions.total), int64(len(r.tally.losses))}
	if r.stop {
		head[0] = 1
	}
	for _, v := range []any{head, r.tally.losses} {
		_ = binary.Write(&b, binary.LittleEndian, v) // a Buffer takes everything
	}
	return b.Bytes()
}

// decodeReport returns a report of another rank, and what follows it.
func decodeReport(b []byte) (r report, rest []byte) {
	in, head := bytes.NewReader(b), make([]int64, 4)
	_ = binary.Read(in, binary.LittleEndian, head) // as encode wrote it
	r = report{head[0] != 0, tally{make([]float64, head[3]), score{int(head[1]), int(head[2])}}}
	_ = binary.Read(in, binary.LittleEndian, r.tally.losses)
	return r, b[len(b)-in.Len():]
}
