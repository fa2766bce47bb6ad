package kernels

import (
	"slices"
	"time"
)

// Barriers returns the number of ops of a segment, and the indices of those that have a barrier before them.
func (s *Segment) Barriers() (ops int, at []int) { return s.body[0].Len(), s.body[0].Barriers() }

// FanIn is the number of partial results that one lane merges.
const FanIn = fanIn

// MergeStats is mergeStats of statistics [parts 2 C].
func MergeStats(part *Tensor, per, rows int, n Norm) *Tensor {
	g := part.g
	return g.mergeStats(part, per, rows, n.Gamma.Value(g), n.Beta.Value(g), n)
}

// Sum adds x [parts C] over parts, in levels.
func Sum(x *Tensor) *Tensor {
	g := x.g
	y := g.alloc("sum", F32, []int{x.Width()})
	part, parts := g.sumLevels(x, x.Dim(0), x.quads())
	g.reduce(y, 0, part, parts, x.quads())
	return y
}

// SlabElements sets the largest number of similarities in a slab of NTXent, and returns the previous one.
func SlabElements(n int) (was int) {
	was, slabElements = slabElements, n
	return was
}

// MinUncutResults sets the number of results from which a transposed product is a gemmForward, and returns the previous one.
func MinUncutResults(n int) (was int) {
	was, minUncutResults = minUncutResults, n
	return was
}

// InTurn runs inTurn on candidates of the given scales, and returns their best times in nanoseconds.
func InTurn(scales []float64, rounds int, run func(i int) (time.Duration, error)) (best []float64) {
	var all []*candidate
	for _, s := range scales {
		all = append(all, &candidate{scale: s})
	}
	inTurn(all, rounds, func(c *candidate) (time.Duration, error) { return run(slices.Index(all, c)) })
	for _, c := range all {
		best = append(best, c.best)
	}
	return best
}

// LimitWork sets the largest number of floating point operations of a dispatch; 0: the device's.
func (g *Graph) LimitWork(work float64) {
	if work > 0 {
		g.limits.work = work
	}
}

// AbortsOnHalves is abortsOnHalves.
var AbortsOnHalves = abortsOnHalves
