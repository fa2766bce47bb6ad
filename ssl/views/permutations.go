package views

import (
	"math/bits"
	"sync"

	"github.com/marr-ssl/marr/kernels/rng"
)

// permutation is a permutation of up to 16 numbers, packed into four bits each from the lowest.
type permutation uint64

func (p permutation) at(i int) int { return int(p >> (4 * i) & 15) }

// hamming returns the number of positions at which two permutations differ.
func hamming(p, q permutation) int32 {
	x := uint64(p ^ q)
	x |= x >> 2
	x |= x >> 1
	return int32(bits.OnesCount64(x & 0x1111111111111111))
}

// permutationSets caches sets of permutations, which every row needs.
var (
	permutationSets sync.Map // [2]int{n, count} → []permutation
	permutationLock sync.Mutex
)

func permutations(n, count int) []permutation {
	key := [2]int{n, count}
	if set, ok := permutationSets.Load(key); ok {
		return set.([]permutation)
	}
	permutationLock.Lock()
	defer permutationLock.Unlock()
	if set, ok := permutationSets.Load(key); ok {
		return set.([]permutation)
	}
	set := farthest(candidates(n), count)
	permutationSets.Store(key, set)
	return set
}

// Permutations returns the set that Jigsaw (n tiles) and FrameOrder (n frames) draw from: count permutations of 0 … n−1 with large
// Hamming distances between them. The first is the identity; each next one maximizes the sum of distances to those before it (Noroozi
// and Favaro 2016, arXiv:1603.09246, algorithm 1, which starts at random). Ties go to the larger minimum distance, then to the first
// in order. count is at most n!, n at most 16.
func Permutations(n, count int) [][]int {
	out := make([][]int, count)
	for k, p := range permutations(n, count) {
		for i := range n {
			out[k] = append(out[k], p.at(i))
		}
	}
	return out
}

// farthest selects count permutations greedily. A selected index, and one of an equal permutation, has sum −1.
func farthest(all []permutation, count int) []permutation {
	sum, nearest := make([]int32, len(all)), make([]int32, len(all))
	for i := range nearest {
		nearest[i] = maxTiles
	}
	set, best := make([]permutation, 0, count), 0
	for {
		last := all[best]
		set = append(set, last)
		if len(set) == count {
			return set
		}
		most := int32(-1)
		for i, p := range all {
			if sum[i] < 0 {
				continue
			}
			d := hamming(p, last)
			if d == 0 {
				sum[i] = -1
				continue
			}
			sum[i] += d
			nearest[i] = min(nearest[i], d)
			if score := sum[i]<<5 | nearest[i]; score > most {
				most, best = score, i
			}
		}
	}
}

// candidates returns all permutations of n ≤ 9 numbers in lexicographic order; for larger n, the identity and 2¹⁶ random ones.
func candidates(n int) []permutation {
	p := make([]int, n)
	for i := range p {
		p[i] = i
	}
	all := []permutation{pack(p)}
	if n > 9 {
		src := rng.New(0x4a16, uint32(n))
		for range 1 << 16 {
			all = append(all, pack(src.Perm(n)))
		}
		return all
	}
	for next(p) {
		all = append(all, pack(p))
	}
	return all
}

func pack(p []int) (out permutation) {
	for i, v := range p {
		out |= permutation(v) << (4 * i)
	}
	return out
}

// next replaces p by its successor in lexicographic order; it returns false if there is none.
func next(p []int) bool {
	i := len(p) - 2
	for i >= 0 && p[i] > p[i+1] {
		i--
	}
	if i < 0 {
		return false
	}
	j := len(p) - 1
	for p[j] < p[i] {
		j--
	}
	p[i], p[j] = p[j], p[i]
	for a, b := i+1, len(p)-1; a < b; a, b = a+1, b-1 {
		p[a], p[b] = p[b], p[a]
	}
	return true
}
