package data

import (
	"hash/maphash"

	"github.com/marr-ssl/marr/ssl/data/store"
	"github.com/marr-ssl/marr/ssl/parallel"
)

// NumShared returns the number of images of b that are also in a, with the same size, channels and pixels. It reads few pixels of images that
// are not.
func NumShared(a, b *Set) int {
	seed := maphash.MakeSeed()
	cuts := func(s *Set) map[uint64][]int {
		return group(s.Len(), func(i int) uint64 { return cut(seed, s.Image(i)) })
	}
	inA, inB := cuts(a), cuts(b)
	var candidatesA, candidatesB []int
	for key, images := range inB {
		if alike := inA[key]; alike != nil {
			candidatesA, candidatesB = append(candidatesA, alike...), append(candidatesB, images...)
		}
	}
	digests := func(s *Set, images []int) map[[32]byte][]int {
		return group(len(images), func(i int) [32]byte { return store.Digest(s.Image(images[i])) })
	}
	n, digestsA := 0, digests(a, candidatesA)
	for key, images := range digests(b, candidatesB) {
		if digestsA[key] != nil {
			n += len(images)
		}
	}
	return n
}

// cutSize is the number of bytes in the middle of an image that NumShared compares first: a page or two of the mapped file.
const cutSize = 256

func cut(seed maphash.Seed, img Image) uint64 {
	from := max(0, (len(img.Pix)-cutSize)/2)
	return maphash.Bytes(seed, img.Pix[from:min(len(img.Pix), from+cutSize)])
}

// group returns the numbers below n by their keys, which it computes in parallel.
func group[K comparable](n int, key func(i int) K) map[K][]int {
	keys := make([]K, n)
	parallel.Each(n, func(i int) { keys[i] = key(i) })
	groups := map[K][]int{}
	for i, k := range keys {
		groups[k] = append(groups[k], i)
	}
	return groups
}
