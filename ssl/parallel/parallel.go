// Package parallel shares loops among the processors.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Each calls f for 0 … n−1, each once, from as many goroutines as there are processors, and returns when all are done. f(i) may write only what
// belongs to i, so that order decides nothing.
func Each(n int, f func(i int)) {
	workers := min(n, runtime.GOMAXPROCS(0))
	if workers < 2 {
		for i := range n {
			f(i)
		}
		return
	}
	block := min(max(n/(8*workers), 1), 8) // neighbors that are taken at once
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
