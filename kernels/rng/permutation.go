package rng

import "math/bits"

// feistelRounds is twice the four rounds that turn random functions into a pseudorandom permutation (M. Luby, C. Rackoff 1988, "How to
// construct pseudorandom permutations from pseudorandom functions", SIAM J. Comput. 17(2)), since the theorem is weak for short halves.
const feistelRounds = 8

// minHalf is the minimum number of bits of a half: with one or two bits the network reaches few of the permutations.
const minHalf = 4

// Permutation is a permutation of 0 … n−1 that is computed, not stored. It is a balanced Feistel network over the next power of four,
//
//	(L, R) → (R, L ⊕ (Philox(R, round, a, b) mod √4ᵏ)), eight rounds,
//
// with cycle walking: it is applied until the result is below n (J. Black, P. Rogaway 2002, "Ciphers with arbitrary finite domains",
// CT-RSA, section 3). A walk takes fewer than four passes on average (up to 256/n for n < 64), so the cost of At does not depend on the
// position at which an epoch is resumed.
type Permutation struct {
	n    uint64
	half int
	key  [2]uint32
	a, b uint32
}

// NewPermutation returns the permutation of 0 … n−1 for a seed and a stream of up to two numbers, such as the shuffle and the epoch. It
// panics if n is negative.
func NewPermutation(n int, seed uint64, stream ...uint32) Permutation {
	if n < 0 {
		panic("rng: the length of a permutation is negative")
	}
	s := New(seed, stream...)
	half := max(minHalf, (bits.Len64(uint64(max(n, 1)-1))+1)/2)
	return Permutation{n: uint64(n), half: half, key: s.key, a: s.a, b: s.b}
}

// Len returns n.
func (p Permutation) Len() int { return int(p.n) }

// At returns the number at position i. It panics unless i is in 0 … n−1.
func (p Permutation) At(i int) int {
	if uint64(i) >= p.n {
		panic("rng: position outside the permutation")
	}
	x := p.pass(uint64(i))
	for x >= p.n {
		x = p.pass(x)
	}
	return int(x)
}

// pass applies the network, a bijection of 0 … 4^half−1, to x.
func (p Permutation) pass(x uint64) uint64 {
	mask := uint32(1)<<p.half - 1
	l, r := uint32(x>>p.half), uint32(x)&mask
	for round := range uint32(feistelRounds) {
		l, r = r, l^Philox(p.key, [4]uint32{r, round, p.a, p.b})[0]&mask
	}
	return uint64(l)<<p.half | uint64(r)
}
