package data

import (
	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/ssl/parallel"
)

// The colors of builtin:fashion-tinted, in 255ths. Changing any of these changes the set and every number measured on it.
const (
	minTint   = 102                // 0.4
	maxTint   = 255                // 1
	maxGround = 89                 // 0.35, rounded down
	tintKey   = 0x6d6172722d74696e // "marr-tin"
)

// tint returns RGB images [N 32 32 3] of one part's placed gray images [N 32 32]. Image i draws from its own stream (part, i) a tint t for red,
// green, blue, uniform over 102 … 255, then a background g for each, uniform over 0 … 89; a gray v becomes, in each channel,
//
//	g + (t − g)·v/255, rounded to the nearest.
//
// The garment is brighter than its background in every channel. The color does not depend on the class: it is a nuisance variable.
func tint(placed []byte, part int) []byte {
	const pixels = frame * frame
	n := len(placed) / pixels
	dst := make([]byte, 3*len(placed))
	parallel.Each(n, func(i int) {
		s := rng.New(tintKey, uint32(part), uint32(i))
		var tint, ground [3]int
		for c := range tint {
			tint[c] = minTint + s.Intn(maxTint-minTint+1)
		}
		for c := range ground {
			ground[c] = s.Intn(maxGround + 1)
		}
		out := dst[3*pixels*i:]
		for p, v := range placed[i*pixels : (i+1)*pixels] {
			for c := range 3 {
				out[3*p+c] = byte((ground[c]*(255-int(v)) + tint[c]*int(v) + 127) / 255)
			}
		}
	})
	return dst
}
