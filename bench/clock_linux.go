package bench

import (
	"time"

	"golang.org/x/sys/unix"
)

const clockHow = "processor time of the thread that drives the device, outside its waits"

// threadTime is the time that the calling thread has spent on a processor; the goroutine must be locked to it. getrusage would not do: it
// lags by up to a tick and books what came before a wait to the wait.
func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err) // only a wrong argument is an error
	}
	return time.Duration(t.Nano())
}

// processTime is the time that the whole process has spent on processors.
func processTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		panic(err) // likewise
	}
	return time.Duration(t.Nano())
}
