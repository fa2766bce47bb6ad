//go:build !linux

package bench

import "time"

const clockHow = "time that passed outside the waits for the device"

var began = time.Now()

// threadTime is the wall's time, where a thread's own cannot be had.
func threadTime() time.Duration { return time.Since(began) }

// processTime likewise: with one processor at work it is the same.
func processTime() time.Duration { return threadTime() }
