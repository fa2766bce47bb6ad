// Package parallel runs loops on all processors.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Each calls f once for each of 0 … n−1, from one goroutine per processor, and returns when all calls have returned. f(i) must write only
// data of i, so that the result does not depend on the order.
func Each(n int, f func(i int)) {
	workers := min(n, runtime.GOMAXPROCS(0))
	if workers < 2 {
		for i := range n {
			f(i)
		}
		return
	}
	block := min(max(n/(8*workers), 1), 8) // consecutive indices per request
	var next atomic.Int64
	var done sync.WaitGroup
	for range workers {
		done.Go(func() {
			for from := int(next.Add(int64(block))) - block; from < n; from = int(next.Add(int64(block))) - block {
				for i := from; i < min(from+block, n); i++ {
					f(i)
				}
			}
		})
	}
	done.Wait()
}
