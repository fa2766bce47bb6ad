//go:build !linux

package bench

import "time"

const hostClock = "wall time without the waits for the device"

var programStart = time.Now()

// threadTime returns the wall time, for systems without a clock per thread.
func threadTime() time.Duration { return time.Since(programStart) }

// processTime returns the wall time too, which equals the processor time of one busy processor.
func processTime() time.Duration { return threadTime() }
