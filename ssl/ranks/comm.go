// Package ranks connects the processes or goroutines of a data-parallel run and has the collectives that training needs: a sum of gradients in a
// fixed order, Gather, Broadcast and Compare. A rank is one device with its trainer; ranks are numbered from 0.
//
//	Comm      all-to-all exchange of bytes: Local (goroutines of one process) or package mpi (processes)
//	Reducer   Exchange → ordered sum of this rank's shard → Exchange
//
// The result of a Reducer depends on the parts and their order alone, so 4 ranks with 1 part each give the bits of 1 rank with 4 parts.
package ranks

import (
	"encoding/binary"
	"fmt"
)

// Comm connects the ranks of a run. One goroutine at a time may use it; only Abort may be called while another call runs. All ranks must call the
// same collectives in the same order. After an error a Comm is of no further use: call Abort or Close.
type Comm interface {
	Rank() int // 0 to Size()-1
	Size() int
	// Exchange sends send[i] to rank i and fills recv[i] with what rank i sends, for all i, its own rank included. Both have Size() entries. The
	// lengths must match on both sides and may be 0. Neither may change until Exchange returns. They must be in ordinary memory: networks and
	// other processes cannot read mapped memory of a device. A rank that cannot be reached is a *LostError.
	Exchange(send, recv [][]byte) error
	// Abort ends the run because this rank failed: the Exchange that other ranks are in, or their next one, returns a *LostError with cause.
	// Call it in place of Close.
	Abort(cause error)
	// Close leaves the run. A rank that still wants to exchange gets a *LostError.
	Close() error
}

// LostError reports a rank that failed, left early or cannot be reached. The run cannot go on without it.
type LostError struct {
	Rank    int    // -1 if it is not known which rank was lost
	Host    string // name of the rank's machine, "" if unknown
	Reason  string // what happened, such as "no sign of life for 20 s"
	Aborted bool   // the rank called Abort, so its own process reports the reason too
}

func (e *LostError) Error() string {
	rank := fmt.Sprintf("rank %d", e.Rank)
	if e.Rank < 0 {
		rank = "a rank"
	}
	if e.Host != "" {
		rank += " on host " + e.Host
	}
	return fmt.Sprintf("ranks: %s is lost: %s", rank, e.Reason)
}

// Gather returns the b of every rank, by rank, on every rank. Lengths may differ.
func Gather(c Comm, b []byte) ([][]byte, error) {
	n := c.Size()
	all := make([]bool, n)
	for i := range all {
		all[i] = true
	}
	return spread(c, b, all)
}

// Broadcast returns the b of rank root on every rank. The b of other ranks is ignored.
func Broadcast(c Comm, root int, b []byte) ([]byte, error) {
	senders := make([]bool, c.Size())
	senders[root] = true
	out, err := spread(c, b, senders)
	if err != nil {
		return nil, err
	}
	return out[root], nil
}

// spread sends b to all ranks if this rank is one of the senders. It returns what each sender sent, by rank.
func spread(c Comm, b []byte, senders []bool) ([][]byte, error) {
	n := c.Size()
	sizes, send, recv := make([][]byte, n), make([][]byte, n), make([][]byte, n)
	for i := range n {
		if senders[c.Rank()] {
			send[i] = binary.LittleEndian.AppendUint64(nil, uint64(len(b)))
		}
		if senders[i] {
			sizes[i] = make([]byte, 8)
		}
	}
	if err := c.Exchange(send, sizes); err != nil {
		return nil, err
	}
	for i := range n {
		if senders[c.Rank()] {
			send[i] = b
		}
		if senders[i] {
			recv[i] = make([]byte, binary.LittleEndian.Uint64(sizes[i]))
		}
	}
	if err := c.Exchange(send, recv); err != nil {
		return nil, err
	}
	return recv, nil
}
