package rng

import (
	"math"
	"testing"
)

// The known answers are from the authors' library (Random123, tests/kat_vectors, philox4x32 10).
func TestPhiloxMatchesKnownAnswers(t *testing.T) {
	const f = 0xffffffff
	for _, c := range []struct {
		ctr  [4]uint32
		key  [2]uint32
		want [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{f, f, f, f}, [2]uint32{f, f}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		if got := Philox(c.key, c.ctr); got != c.want {
			t.Errorf("Philox(%x, %x) = %x, want %x", c.key, c.ctr, got, c.want)
		}
	}
}

func TestStreamsAreDistinctAndReproducible(t *testing.T) {
	a, b, c := New(7, 1), New(7, 1), New(7, 2)
	same := 0
	for range 1000 {
		x, y, z := a.Uint32(), b.Uint32(), c.Uint32()
		if x != y {
			t.Fatal("one stream gave two different words")
		}
		if x == z {
			same++
		}
	}
	if same > 1 {
		t.Fatalf("two streams shared %d of 1000 words", same)
	}
}

func TestNormalHasUnitMoments(t *testing.T) {
	s, n := New(3), 200000
	var m1, m2, m4 float64
	for range n {
		x := s.Normal()
		m1, m2, m4 = m1+x, m2+x*x, m4+x*x*x*x
	}
	m1, m2, m4 = m1/float64(n), m2/float64(n), m4/float64(n)
	// The limits are five standard errors, which are 0.0022, 0.0032 and 0.022 at n = 200,000.
	if math.Abs(m1) > 0.011 || math.Abs(m2-1) > 0.016 || math.Abs(m4-3) > 0.11 {
		t.Fatalf("moments %.4f %.4f %.4f, want 0 1 3", m1, m2, m4)
	}
}

func TestPermIsAPermutation(t *testing.T) {
	seen := make([]bool, 1000)
	for _, v := range New(1, 2, 3).Perm(1000) {
		if seen[v] {
			t.Fatalf("%d twice", v)
		}
		seen[v] = true
	}
}
