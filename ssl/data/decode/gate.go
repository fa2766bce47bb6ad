package decode

import "sync"

// gate lets goroutines in while their weights sum to at most limit, first come, first served: a heavy one is not overtaken for ever.
type gate struct {
	limit int
	turn  sync.Mutex // held by the one that waits for room; the others queue here
	mu    sync.Mutex
	room  sync.Cond
	used  int
}

func newGate(limit int) *gate {
	g := &gate{limit: limit}
	g.room.L = &g.mu
	return g
}

// budget is the one of the process: what it bounds is the memory of the process.
var budget = newGate(MaxPixels)

// enter waits until weight, at most limit, has room.
func (g *gate) enter(weight int) {
	g.turn.Lock()
	defer g.turn.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.used+weight > g.limit {
		g.room.Wait()
	}
	g.used += weight
}

func (g *gate) leave(weight int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.used -= weight
	g.room.Signal()
}
