package kernels

// Barriers returns, for tests, the number of ops of a segment and those before which a barrier stands.
func (s *Segment) Barriers() (ops int, at []int) { return s.body[0].Len(), s.body[0].Barriers() }

// FanIn is how many partial results one lane merges.
const FanIn = fanIn

// MergeStats is mergeStats of statistics [parts 2 C].
func MergeStats(part *Tensor, per, rows int, n Norm) *Tensor {
	g := part.g
	return g.mergeStats(part, per, rows, n.Gamma.Value(g), n.Beta.Value(g), n)
}

// Sum adds x [parts C] up over parts, in levels.
func Sum(x *Tensor) *Tensor {
	g := x.g
	y := g.alloc("sum", F32, []int{x.Width()})
	part, parts := g.sums(x, x.Dim(0), x.quads())
	g.reduce(y, 0, part, parts, x.quads())
	return y
}

// SlabElements sets how many similarities a slab of NTXent holds at most and returns what it was.
func SlabElements(n int) (was int) {
	was, slabElements = slabElements, n
	return was
}

// Filling sets from how many results on a transposed product is a gemmForward, and returns what it was.
func Filling(n int) int {
	was := filling
	filling = n
	return was
}
