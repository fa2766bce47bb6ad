package decode

import "math/bits"

// axis holds the weights of one axis: output i = Σt weight[i·taps+t]·sample[first[i]+t] / 65536, t < taps. The weights of an output sum
// to 65536 exactly; samples first[i] … first[i]+taps−1 exist.
type axis struct {
	taps   int
	first  []int32
	weight []uint32
}

// newAxis resizes the box of pixels [lo, lo+length) to out pixels; the axis has size samples, sample j covering pixels [j·step, (j+1)·step).
//
// In pixels, with s = length/out, output i has its center at lo + (i+½)·s, sample j at (j+½)·step, and its weight falls linearly to 0
// over max(s, step). Samples outside the box have weight 0. All quantities are multiplied by 2·out, so that they are integers.
// Source: kernels/ref ResizedCrop (PIL, Resample.c precompute_coeffs).
func newAxis(lo, length, out, step, size int) axis {
	unit, half := 2*out*step, max(2*length, 2*out*step)
	begin, end := lo/step, min(size, (lo+length+step-1)/step)
	a := axis{taps: min(end-begin, (2*half+unit-1)/unit), first: make([]int32, out)}
	a.weight = make([]uint32, out*a.taps)
	sums := make([]uint64, a.taps+1)
	for i := range out {
		center := 2*out*lo + (2*i+1)*length
		first := min(max(begin, (center-half+unit/2)/unit), end-a.taps) // the first sample after center − half
		for t := range a.taps {
			sums[t+1] = sums[t] + uint64(max(0, half-abs(unit/2+(first+t)*unit-center)))
		}
		a.first[i] = int32(first)
		// Differences of rounded partial sums: each weight is off by less than 1/65536, and their sum is exact.
		for t, before := 0, uint32(0); t < a.taps; t++ {
			upTo := share(sums[t+1], sums[a.taps])
			a.weight[i*a.taps+t], before = upTo-before, upTo
		}
	}
	return a
}

// share returns 65536·part/whole, rounded, for part ≤ whole.
func share(part, whole uint64) uint32 {
	hi, lo := bits.Mul64(part, 65536)
	lo, carry := bits.Add64(lo, whole/2, 0)
	q, _ := bits.Div64(hi+carry, lo, whole)
	return uint32(q)
}

func abs(v int) int { return max(v, -v) }
