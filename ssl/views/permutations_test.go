package views

import (
	"slices"
	"testing"
)

func TestPermutationSetsAreDistinctAndFarApart(t *testing.T) {
	for _, c := range []struct {
		n, count int
		average  float64 // of the Hamming distance between two; random ones have n − 1
	}{{4, 24, 3.13}, {5, 60, 4}, {9, 100, 8.07}, {16, 100, 15.1}} {
		set, sum := Permutations(c.n, c.count), 0
		for i, p := range set {
			if sorted := slices.Sorted(slices.Values(p)); len(sorted) != c.n || sorted[0] != 0 || sorted[c.n-1] != c.n-1 || len(slices.Compact(sorted)) != c.n {
				t.Fatalf("n %d: %v is no permutation", c.n, p)
			}
			for _, q := range set[:i] {
				d := 0
				for k := range p {
					if p[k] != q[k] {
						d++
					}
				}
				if d == 0 {
					t.Fatalf("n %d: %v twice", c.n, p)
				}
				sum += d
			}
		}
		if got := float64(sum) * 2 / float64(c.count) / float64(c.count-1); len(set) != c.count || got < c.average {
			t.Errorf("n %d: %d permutations %.3f apart, want %d, %.2f", c.n, len(set), got, c.count, c.average)
		}
	}
}

// The second permutation differs from the identity everywhere. A smaller set is a prefix of a larger one.
func TestPermutationSetsBeginWithTheIdentity(t *testing.T) {
	set := Permutations(9, 3)
	if !slices.Equal(set[0], []int{0, 1, 2, 3, 4, 5, 6, 7, 8}) || !slices.Equal(set[1], []int{1, 0, 3, 2, 5, 4, 7, 8, 6}) {
		t.Errorf("set %v", set)
	}
	if more := Permutations(9, 100); !slices.Equal(more[2], set[2]) {
		t.Errorf("third of 3 %v, of 100 %v", set[2], more[2])
	}
}

func BenchmarkPermutations(b *testing.B) {
	for range b.N {
		farthest(candidates(9), 100)
	}
}
