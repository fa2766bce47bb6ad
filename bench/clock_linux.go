package bench

import (
	"time"

	"golang.org/x/sys/unix"
)

const hostClock = "processor time of the thread that drives the device, without its waits"

// threadTime returns the processor time of the calling thread. The goroutine must be locked to its thread. getrusage is too coarse: it
// lags by up to a tick and attributes work before a wait to the wait.
func threadTime() time.Duration { return clock(unix.CLOCK_THREAD_CPUTIME_ID) }

// processTime returns the processor time of the whole process.
func processTime() time.Duration { return clock(unix.CLOCK_PROCESS_CPUTIME_ID) }

func clock(id int32) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(id, &t); err != nil {
		panic(err) // only an invalid argument fails
	}
	return time.Duration(t.Nano())
}
