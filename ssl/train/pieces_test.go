package train

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl/data/datatest"
	"github.com/marr-ssl/marr/ssl/ranks"
)

// inPieces sets the pieces of gradients for a test.
func inPieces(t *testing.T, p kernels.Pieces) {
	was := gradientPieces
	t.Cleanup(func() { gradientPieces = was })
	gradientPieces = p
}

// Ranks that add up gradients in pieces, while the last of two parts is computed, have the bits of one trainer that computes all four parts.
func TestRanksAddGradientsInPieces(t *testing.T) {
	inPieces(t, kernels.Pieces{Most: 6, Least: 256, Align: 64})
	set, m := datatest.Noise(40, 16, 3), smallMethod(t, "rotation")
	c := configFor(m)
	c.Accumulate = 4
	one := trainer(t, c, m, set)
	reports(t, one, 3)
	_, states := onRanks(t, 2, c, m, set, 3)
	for rank, state := range states {
		if !slices.Equal(state, everything(t, one.Store)) {
			t.Errorf("rank %d differs from one trainer", rank)
		}
	}
	x, err := New(kernels.NewStore(device), c, Job{Method: m, Set: set, Ranks: ranks.Local(2)[0]})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Free()
	if n := x.share.exchanges["micro"].EarlyPieces(); n < 2 {
		t.Errorf("%d pieces come early, want some", n)
	}
}

// Pieces of whole blocks do not change how gradients are rounded on the wire.
func TestPiecesDoNotChangeHalvesOnTheWire(t *testing.T) {
	set, m := datatest.Noise(40, 16, 3), smallMethod(t, "rotation")
	c := configFor(m)
	c.Accumulate, c.Backbone["width"] = 2, 8
	state := func(wire string, p kernels.Pieces) []float32 {
		inPieces(t, p)
		c.Wire = wire
		_, states := onRanks(t, 2, c, m, set, 2)
		return states[0]
	}
	pieces := kernels.Pieces{Most: 6, Least: 256, Align: ranks.BlockLen}
	halves := state(ranks.FP16, kernels.Pieces{})
	if !slices.Equal(state(ranks.FP16, pieces), halves) {
		t.Error("pieces of whole blocks change the bits")
	}
	if slices.Equal(state(ranks.FP32, pieces), halves) {
		t.Error("nothing was rounded on the wire")
	}
}

// failing is a Comm whose Exchange fails after some calls.
type failing struct {
	ranks.Comm
	left int
}

var errUnplugged = errors.New("unplugged")

func (f *failing) Exchange(send, recv [][]byte) error {
	if f.left--; f.left < 0 {
		f.Abort(errUnplugged)
		return errUnplugged
	}
	return f.Comm.Exchange(send, recv)
}

// A rank that is lost while the ranks exchange batch statistics or pieces of gradients ends the step of the other with its cause.
func TestRankLostWithinAStepEndsTheOther(t *testing.T) {
	inPieces(t, kernels.Pieces{Most: 6, Least: 256, Align: ranks.BlockLen})
	set, c := datatest.Noise(40, 16, 1), smallConfig()
	c.Accumulate = 2
	for _, c.SyncBN = range []bool{false, true} {
		for _, calls := range []int{1, 5, 9} {
			comms := ranks.Local(2)
			comms[1] = &failing{comms[1], calls}
			errs := make([]error, 2)
			var all sync.WaitGroup
			for rank, comm := range comms {
				x, err := New(kernels.NewStore(device), c, Job{Method: smallMethod(t, "rotation"), Set: set, Ranks: comm})
				if err != nil {
					t.Fatal(err)
				}
				defer x.Free()
				all.Go(func() { errs[rank] = x.Train(t.Context(), 9, func(StepResult) {}) })
			}
			all.Wait()
			var lost *ranks.LostError
			if !errors.As(errs[0], &lost) || lost.Reason != errUnplugged.Error() || !errors.Is(errs[1], errUnplugged) {
				t.Errorf("after %d exchanges: %v", calls, errs)
			}
		}
	}
}
