package views

import (
	"math/bits"
	"sync"

	"marr/kernels/rng"
)

// permutation is a permutation of up to 16 numbers, four bits each from the lowest.
type permutation uint64

func (p permutation) at(i int) int { return int(p >> (4 * i) & 15) }

// hamming counts the places where two permutations differ.
func hamming(p, q permutation) int32 {
	x := uint64(p ^ q)
	x |= x >> 2
	x |= x >> 1
	return int32(bits.OnesCount64(x & 0x1111111111111111))
}

// What draws from a set asks for it in every row; it is made once.
var (
	permutationSets sync.Map // [2]int{n, count} → []permutation
	permutationMake sync.Mutex
)

func permutations(n, count int) []permutation {
	key := [2]int{n, count}
	if set, ok := permutationSets.Load(key); ok {
		return set.([]permutation)
	}
	permutationMake.Lock()
	defer permutationMake.Unlock()
	if set, ok := permutationSets.Load(key); ok {
		return set.([]permutation)
	}
	set := distant(candidates(n), count)
	permutationSets.Store(key, set)
	return set
}

// Permutations returns the set that Jigsaw (n tiles) and FrameOrder (n frames) draw from: count permutations of 0 … n−1, far from
// each other. The first is the identity; each next has the largest sum of Hamming distances to those before it (Noroozi and Favaro
// 2016, arXiv:1603.09246, algorithm 1, which starts at random). Of equals it takes the one whose nearest is farthest, then the
// first in order. count is at most n!, n at most 16.
func Permutations(n, count int) [][]int {
	out := make([][]int, count)
	for k, p := range permutations(n, count) {
		for i := range n {
			out[k] = append(out[k], p.at(i))
		}
	}
	return out
}

// distant takes count of all, greedily. An index that was taken, and one equal to it, has sum −1.
func distant(all []permutation, count int) []permutation {
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

// candidates returns all permutations of n numbers in lexicographic order up to n = 9; for more, the identity and 2¹⁶ random ones.
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

// next turns p into its successor in lexicographic order; false after the last.
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
