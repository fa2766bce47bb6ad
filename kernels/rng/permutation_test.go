package rng

import "testing"

// With -short it checks every size up to 300, which has halves of two lengths, and every 17th above.
func TestPermutationIsABijectionAtEverySize(t *testing.T) {
	sizes := []int{65535, 65536, 65537}
	if !testing.Short() {
		sizes = append(sizes, 262145, 1281167)
	}
	for n := range 2001 {
		if n <= 300 || n%17 == 0 || n >= 1023 && n <= 1025 || !testing.Short() {
			sizes = append(sizes, n)
		}
	}
	for _, n := range sizes {
		p, seen := NewPermutation(n, 11, 5, uint32(n)), make([]bool, n)
		for i := range n {
			v := p.At(i)
			if v < 0 || v >= n || seen[v] {
				t.Fatalf("n = %d: position %d has %d, which is out of range or repeated", n, i, v)
			}
			seen[v] = true
		}
	}
}

// chiSquare returns the chi-square statistic of counts against a uniform distribution.
func chiSquare(counts []int, total int) float64 {
	want, sum := float64(total)/float64(len(counts)), 0.0
	for _, c := range counts {
		sum += (float64(c) - want) * (float64(c) - want) / want
	}
	return sum
}

func TestPermutationIsUniformAtEachPosition(t *testing.T) {
	const epochs = 4000
	// The 99.99 % points of chi-square with n−1 degrees of freedom (gonum: distuv.ChiSquared{K: n-1}.Quantile(0.9999)).
	for n, limit := range map[int]float64{2: 15.137, 3: 18.421, 7: 27.856, 16: 44.263, 100: 160.056} {
		for _, position := range []int{0, n / 2, n - 1} {
			counts := make([]int, n)
			for e := range uint32(epochs) {
				counts[NewPermutation(n, 3, 0, e).At(position)]++
			}
			if x := chiSquare(counts, epochs); x > limit {
				t.Errorf("n = %d, position %d: chi-square %.1f, above the 99.99 %% point %.1f", n, position, x, limit)
			}
		}
	}
}

func TestPermutationSeparatesNeighbors(t *testing.T) {
	const n, bins = 50000, 50
	p, counts := NewPermutation(n, 9, 1, 2), make([]int, bins)
	for i := range n - 1 {
		counts[(p.At(i+1)-p.At(i)+n)%n*bins/n]++
	}
	// 94.6 is the 99.99 % point of chi-square with 49 degrees of freedom.
	if x := chiSquare(counts, n-1); x > 94.6 {
		t.Errorf("differences between neighbors: chi-square %.1f", x)
	}
}

func TestPermutationsDifferByEpochStreamAndSeed(t *testing.T) {
	const n = 10000
	p := NewPermutation(n, 1, 2, 3)
	for what, q := range map[string]Permutation{
		"epoch": NewPermutation(n, 1, 2, 4), "stream": NewPermutation(n, 1, 3, 3), "seed": NewPermutation(n, 1<<32+1, 2, 3),
	} {
		same := 0
		for i := range n {
			if p.At(i) == q.At(i) {
				same++
			}
		}
		if same > 8 { // Poisson with mean 1: more than 8 once in a million
			t.Errorf("another %s: %d of %d positions have the same number", what, same, n)
		}
	}
	if q := NewPermutation(n, 1, 2, 3); q != p || q.At(77) != p.At(77) || q.Len() != n {
		t.Error("the same seed and stream gave another permutation")
	}
}

func BenchmarkPermutationAt(b *testing.B) {
	p := NewPermutation(1281167, 1, 2, 3)
	for i := range b.N {
		p.At(i % 1281167)
	}
}
