package decode

import "sync"

// semaphore is a weighted, first-in first-out semaphore: the weights that are held sum to at most limit.
type semaphore struct {
	limit int
	first sync.Mutex // held by the goroutine at the head of the queue
	mu    sync.Mutex
	room  sync.Cond
	used  int
}

func newSemaphore(limit int) *semaphore {
	s := &semaphore{limit: limit}
	s.room.L = &s.mu
	return s
}

// budget bounds the pixels that the process decodes at once.
var budget = newSemaphore(MaxPixels)

// acquire waits until weight ≤ limit is available.
func (s *semaphore) acquire(weight int) {
	s.first.Lock()
	defer s.first.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.used+weight > s.limit {
		s.room.Wait()
	}
	s.used += weight
}

func (s *semaphore) release(weight int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used -= weight
	s.room.Signal()
}
