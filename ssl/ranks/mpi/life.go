//go:build cgo && !windows

package mpi

/*
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"github.com/marr-ssl/marr/ssl/ranks"
)

const (
	signPeriod = time.Second
	maxSilence = 20 // periods after which a rank is lost
	signBytes  = 1024
)

// sign is what ranks send each other every second, also while the program computes.
type sign struct {
	Kind string           // alive, leaving or aborting
	Lost *ranks.LostError `json:",omitempty"` // aborting: the rank that failed
}

// peer is another rank as this one sees it.
type peer struct {
	host    string
	in, out *C.marr_message // the signs that are under way, and their memory
	inData  []byte
	outData []byte
	silence int  // periods since its last sign. Counted by look, so time in which this process was stopped does not count
	left    bool // it has taken leave
	signed  bool // this rank has sent its last sign
}

// prepare begins to wait for signs of all peers. Their memory is C's and is never freed.
func (e *engine) prepare(rank, size int) {
	e.rank, e.peers, e.pinner = rank, make([]peer, size), new(runtime.Pinner)
	e.lastTick = time.Now()
	for i := range e.peers {
		if i == rank {
			continue
		}
		p := &e.peers[i]
		messages := unsafe.Slice((*C.marr_message)(C.calloc(2, C.sizeof_marr_message)), 2)
		data := unsafe.Slice((*byte)(C.calloc(2, signBytes)), 2*signBytes)
		p.in, p.out, p.inData, p.outData = &messages[0], &messages[1], data[:signBytes], data[signBytes:]
		e.receiveSign(i)
	}
}

func (e *engine) receiveSign(i int) {
	p := &e.peers[i]
	*p.in = C.marr_message{peer: C.int(i), receive: 1, length: signBytes}
	if code := C.marr_mpi_start(p.in, unsafe.Pointer(&p.inData[0]), signTag); code != 0 {
		e.fail(e.lost(i, errorText(code)))
	}
}

// sendSign sends a sign if the one before has gone, and reports whether it has.
func (e *engine) sendSign(i int, s sign) bool {
	p := &e.peers[i]
	if p.out.pending != 0 && C.marr_mpi_test(p.out) != 0 || p.out.pending != 0 {
		return false
	}
	b, err := json.Marshal(s)
	if err != nil || len(b) > signBytes {
		return false // not possible: abort limits the reason
	}
	*p.out = C.marr_message{peer: C.int(i), length: C.int(copy(p.outData, b))}
	return C.marr_mpi_start(p.out, unsafe.Pointer(&p.outData[0]), signTag) == 0
}

// look receives signs and, every signPeriod, sends them and counts the silence of each peer. It fails the engine if a rank is lost or aborts.
func (e *engine) look() {
	if e.failed != nil {
		return
	}
	e.lastLook = time.Now()
	tick := e.lastLook.Sub(e.lastTick) >= signPeriod
	if tick {
		e.lastTick = e.lastLook
	}
	for i := range e.peers {
		p := &e.peers[i]
		if i == e.rank {
			continue
		}
		if p.in.pending != 0 {
			e.hear(i)
		}
		if tick {
			p.silence++
		}
		switch {
		case e.closing && !p.signed:
			p.signed = e.sendSign(i, sign{Kind: "leaving"})
		case e.closing:
			C.marr_mpi_test(p.out)
		case tick && !p.left:
			e.sendSign(i, sign{Kind: "alive"})
		}
		if p.silence > maxSilence && !p.left {
			e.fail(e.lost(i, fmt.Sprintf("no sign of life for %d s: its process has ended, or its machine or the network is down", maxSilence)))
		}
	}
}

// hear completes the receive of a sign if one has come.
func (e *engine) hear(i int) {
	p := &e.peers[i]
	if code := C.marr_mpi_test(p.in); code != 0 {
		e.fail(e.lost(i, errorText(code)))
		return
	}
	if p.in.pending != 0 {
		return
	}
	var s sign
	if err := json.Unmarshal(p.inData[:p.in.count], &s); err != nil {
		e.fail(e.lost(i, "it sent a sign that this program cannot read: start the same program on all ranks"))
		return
	}
	p.silence = 0
	switch {
	case s.Lost != nil:
		e.fail(s.Lost)
	case s.Kind == "leaving":
		p.left = true
	default:
		e.receiveSign(i)
	}
}

// alone reports whether all ranks have taken leave, and no message is under way.
func (e *engine) alone() bool {
	for i := range e.peers {
		if p := &e.peers[i]; i != e.rank && (!p.left || !p.signed || p.out.pending != 0) {
			return false
		}
	}
	return true
}

// abort sends the cause to all ranks but the lost one and waits until it has gone, at most 2 seconds.
func (e *engine) abort(cause error) {
	var lost *ranks.LostError
	if !errors.As(cause, &lost) {
		reason := cause.Error()
		lost = &ranks.LostError{Rank: e.rank, Host: hostname(), Reason: reason[:min(len(reason), signBytes/3)], Aborted: true} // JSON may need more bytes
	}
	e.fail(cause)
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		waiting := false
		for i := range e.peers {
			p := &e.peers[i]
			if i == e.rank || i == lost.Rank && !p.left { // a rank that has left waits in Close for the others
				continue
			}
			if !p.signed {
				p.signed = e.sendSign(i, sign{Kind: "aborting", Lost: lost})
			}
			if p.signed && p.out.pending != 0 {
				C.marr_mpi_test(p.out)
			}
			waiting = waiting || !p.signed || p.out.pending != 0
		}
		if !waiting {
			return
		}
	}
}
