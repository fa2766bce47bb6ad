// Package rng is the project's one source of randomness: Philox4x32-10, a counter-based generator
// (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", SC11, section 3.2 and table 2).
//
// A seed and up to two numbers, such as an epoch and an image, select a stream, so any draw can be repeated without those before
// it. Data sets, shuffles (Permutation), augmentation, initialization and tests rely on that. Every processor draws the same bits (package exact).
package rng

import (
	"math"

	"github.com/marr-ssl/marr/kernels/exact"
)

// Philox returns the ten-round Philox4x32 block of a counter under a key.
func Philox(key [2]uint32, ctr [4]uint32) [4]uint32 {
	for round := 0; round < 10; round++ {
		p0 := uint64(ctr[0]) * 0xD2511F53
		p1 := uint64(ctr[2]) * 0xCD9E8D57
		ctr = [4]uint32{uint32(p1>>32) ^ ctr[1] ^ key[0], uint32(p1), uint32(p0>>32) ^ ctr[3] ^ key[1], uint32(p0)}
		key[0] += 0x9E3779B9
		key[1] += 0xBB67AE85
	}
	return ctr
}

// Source reads one stream word by word. Word i is lane i mod 4 of the block with the counter (low word of i/4, high word of i/4, a, b).
type Source struct {
	key   [2]uint32
	a, b  uint32
	next  uint64
	block [4]uint32
}

// New returns stream (a, b) of a seed. Omitted numbers are 0; more than two panic.
func New(seed uint64, stream ...uint32) *Source {
	s := &Source{key: [2]uint32{uint32(seed), uint32(seed >> 32)}}
	switch len(stream) {
	case 2:
		s.b = stream[1]
		fallthrough
	case 1:
		s.a = stream[0]
	case 0:
	default:
		panic("rng: a stream has at most two numbers")
	}
	return s
}

// Uint32 returns the next word of the stream.
func (s *Source) Uint32() uint32 {
	lane := s.next & 3
	if lane == 0 {
		i := s.next >> 2
		s.block = Philox(s.key, [4]uint32{uint32(i), uint32(i >> 32), s.a, s.b})
	}
	s.next++
	return s.block[lane]
}

// Float64 returns a uniform number in [0, 1): one word divided by 2³².
func (s *Source) Float64() float64 { return float64(float64(s.Uint32()) / (1 << 32)) }

// Range returns a uniform number in [lo, hi).
func (s *Source) Range(lo, hi float64) float64 { return lo + float64((hi-lo)*s.Float64()) }

// Intn returns a uniform integer in [0, n): the high half of word × n (bias below n/2³²).
func (s *Source) Intn(n int) int { return int(uint64(s.Uint32()) * uint64(n) >> 32) }

// Normal returns a standard normal number from two words, by the cosine of the Box-Muller transform.
func (s *Source) Normal() float64 {
	u := (float64(s.Uint32()) + 0.5) / (1 << 32)
	return math.Sqrt(-2*exact.Log(u)) * exact.Cos(2*math.Pi*s.Float64())
}

// Uniform fills dst with numbers in [lo, hi), rounded to float32.
func (s *Source) Uniform(dst []float32, lo, hi float64) {
	for i := range dst {
		dst[i] = float32(s.Range(lo, hi))
	}
}

// Perm returns a random permutation of 0 … n−1 (Fisher-Yates, from the end).
func (s *Source) Perm(n int) []int {
	p := make([]int, n)
	for i := range p {
		p[i] = i
	}
	for i := n - 1; i > 0; i-- {
		j := s.Intn(i + 1)
		p[i], p[j] = p[j], p[i]
	}
	return p
}
