//go:build cgo && !windows

package mpi

import "time"

const finalizeTime = 5 * time.Second

// call is a function that the engine's thread runs.
type call struct {
	f      func() error
	result chan error
}

// comm implements ranks.Comm. It hands all work to the engine's thread.
type comm struct{ e *engine }

func (c *comm) Rank() int { return c.e.rank }
func (c *comm) Size() int { return len(c.e.peers) }

func (c *comm) Exchange(send, recv [][]byte) error {
	return c.do(func() error { return c.e.exchange(send, recv) })
}

// Abort sends the cause to all ranks that can still be reached. The process should then end with an error status, without Close: MPI_Finalize
// would wait for ranks that are lost.
func (c *comm) Abort(cause error) {
	select {
	case c.e.aborts <- cause: // seen by an exchange too, which may wait for long
	default: // one is under way
	}
	<-c.e.ended
}

// Close waits until all ranks have called it. If one is lost before, it returns the LostError. After an error it does nothing. All messages have
// arrived before MPI_Finalize, in which MPICH 4.0.2 sometimes hangs over TCP: Close waits for it for finalizeTime only.
func (c *comm) Close() error {
	r := make(chan error, 1)
	select {
	case c.e.calls <- call{c.e.close, r}:
	case <-c.e.ended:
		return nil
	}
	select {
	case err := <-r:
		return err
	case <-c.e.parted:
	}
	select {
	case err := <-r:
		return err
	case <-time.After(finalizeTime):
		return nil
	}
}

// do runs f on the engine's thread. Once the engine has ended it returns the error that ended it.
func (c *comm) do(f func() error) error {
	r := make(chan error, 1)
	select {
	case c.e.calls <- call{f, r}:
		return <-r
	case <-c.e.ended:
		return c.e.failed
	}
}
