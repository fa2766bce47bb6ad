//go:build cgo && !windows

package mpi

/*
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"github.com/marr-ssl/marr/ssl/ranks"
)

const (
	dataTag    = 1
	signTag    = 2
	lingerTime = 200 * time.Millisecond
	pollPeriod = 50 * time.Millisecond // between looks at the signs of life
)

// maxMessage is the size of a message in bytes: MPI counts with an int. Tests reduce it.
var maxMessage = 1 << 30

// engine makes all calls of MPI, on one thread.
type engine struct {
	rank   int
	peers  []peer // by rank; the own entry is unused
	calls  chan call
	aborts chan error
	parted chan struct{} // closed when all ranks have taken leave
	ended  chan struct{} // closed when run returns

	messages []C.marr_message // of an exchange
	pinner   *runtime.Pinner  // memory that MPI reads or writes
	failed   error            // what ended the run; no call of MPI but those of abort follows
	closing  bool
	lastLook time.Time
	lastTick time.Time
}

// run serves calls until Close or Abort.
func (e *engine) run() {
	defer close(e.ended)
	for poll := time.NewTicker(pollPeriod); ; {
		select {
		case c := <-e.calls:
			c.result <- c.f()
			if e.closing {
				return
			}
		case cause := <-e.aborts:
			e.abort(cause)
			return
		case <-poll.C:
			e.look()
		}
	}
}

// fail ends the run with the first error, and returns it.
func (e *engine) fail(err error) error {
	if e.failed == nil {
		e.failed = err
	}
	return e.failed
}

// lost returns the error that a peer is lost.
func (e *engine) lost(peer int, reason string) error {
	return &ranks.LostError{Rank: peer, Host: e.peers[peer].host, Reason: reason}
}

// exchange implements ranks.Comm.
func (e *engine) exchange(send, recv [][]byte) error {
	if time.Since(e.lastLook) > pollPeriod {
		e.look()
	}
	if e.failed != nil {
		return e.failed
	}
	if len(send[e.rank]) != len(recv[e.rank]) {
		return e.fail(fmt.Errorf("mpi: rank %d sends %d bytes to itself and expects %d", e.rank, len(send[e.rank]), len(recv[e.rank])))
	}
	if err := e.startAll(send, recv); err != nil {
		return e.fail(err) // the memory stays pinned: MPI may still use it
	}
	copy(recv[e.rank], send[e.rank])
	if err := e.waitAll(); err != nil {
		return e.fail(err)
	}
	e.pinner.Unpin()
	return nil
}

// startAll starts the receives, then the sends, those to the next rank first so that not all send to rank 0 at once.
func (e *engine) startAll(send, recv [][]byte) error {
	e.messages = e.messages[:0]
	n := len(e.peers)
	for _, receive := range []bool{true, false} {
		for d := 1; d < n; d++ {
			i := (e.rank + d) % n
			b := send[i]
			if receive {
				i = (e.rank - d + n) % n
				b = recv[i]
			}
			for len(b) > 0 {
				part := b[:min(len(b), maxMessage)]
				b = b[len(part):]
				if err := e.start(i, receive, part); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (e *engine) start(peer int, receive bool, b []byte) error {
	p := unsafe.Pointer(&b[0])
	e.pinner.Pin(p)
	m := C.marr_message{peer: C.int(peer), length: C.int(len(b))}
	if receive {
		m.receive = 1
	}
	if code := C.marr_mpi_start(&m, p, dataTag); code != 0 {
		return e.lost(peer, errorText(code))
	}
	e.messages = append(e.messages, m)
	return nil
}

// waitAll completes the messages of an exchange, and looks at the signs of life meanwhile.
func (e *engine) waitAll() error {
	n := len(e.messages)
	if n == 0 {
		return nil
	}
	started := C.marr_mpi_clock()
	for next := C.int(0); ; {
		var code C.int
		state := C.marr_mpi_wait(&e.messages[0], C.int(n), &next, started, C.int64_t(pollPeriod), &code)
		if state == C.MARR_DONE {
			break
		}
		if m := e.messages[min(int(next), n-1)]; state == C.MARR_FAILED {
			if C.marr_mpi_truncated(code) != 0 {
				return e.mismatch("more", m)
			}
			return e.lost(int(m.peer), errorText(code))
		}
		select {
		case cause := <-e.aborts:
			select {
			case e.aborts <- cause: // for run
			default:
			}
			return cause
		default:
		}
		if e.look(); e.failed != nil {
			return e.failed
		}
		for i := range e.peers {
			if p := &e.peers[i]; p.left && p.silence > 1 { // its last messages, which may belong to this exchange, have had time to arrive
				return e.lost(i, "it has left the run")
			}
		}
	}
	for _, m := range e.messages {
		if m.receive != 0 && m.count != m.length {
			return e.mismatch(fmt.Sprint(m.count), m)
		}
	}
	return nil
}

func (e *engine) mismatch(sent string, m C.marr_message) error {
	return fmt.Errorf("mpi: rank %d sent %s bytes, rank %d expects %d: all ranks must call the same collectives with the same sizes", m.peer, sent, e.rank, m.length)
}

// close takes leave of all ranks and waits until they have done so.
func (e *engine) close() error {
	e.closing = true
	if e.failed != nil {
		return nil
	}
	for !e.alone() {
		if e.look(); e.failed != nil {
			return e.failed
		}
		select {
		case cause := <-e.aborts:
			e.abort(cause)
			return cause
		case <-time.After(time.Millisecond):
		}
	}
	close(e.parted)
	// MPICH's MPI_Finalize waits for acknowledgments that another rank, which is ahead in its own, no longer sends.
	for end := time.Now().Add(lingerTime); time.Now().Before(end); time.Sleep(time.Millisecond) {
		C.marr_mpi_progress(C.int(e.rank))
	}
	if code := C.marr_mpi_finalize(); code != 0 {
		return fmt.Errorf("mpi: MPI_Finalize: %s", errorText(code))
	}
	e.failed = errors.New("mpi: the connection of the ranks was closed")
	return nil
}
