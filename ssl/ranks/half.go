package ranks

import "math"

// On the wire FP16, each block of BlockLen elements has a power of two as its scale. Blocks are counted from the first element of a vector, and a
// rank's piece has whole blocks, so the number of ranks changes no scale. A block is sent as 16-bit words, one with the scale and one for each element,
// an IEEE 754 binary16 number:
//
//	half = x·2ᵏ, rounded to nearest, ties to even        k = min(14 − ⌊log₂ max|x|⌋, 112)
//	scale = 127 − k, the exponent bits of the float 2⁻ᵏ   x ≈ half·2⁻ᵏ
//
// The largest magnitude of a block becomes 2¹⁴ to 2¹⁵. Elements down to 2⁻²⁸ of it keep 11 bits, a relative error of at most 2⁻¹¹; the error of smaller
// ones is at most 2⁻³⁹ of it. k is limited so that floats below 2⁻¹²⁶ need no case of their own; their error is at most 2⁻¹³⁷. Zeros keep their
// signs. A block with a number that is not finite has the scale 255, which is +∞, and halves 0: it decodes to NaN. Magnitudes that round to 2¹²⁸ decode
// to infinity.
const (
	BlockLen   = 1024 // elements that have a scale together
	blockWords = 1 + BlockLen
	maxShift   = 112
	notFinite  = 255
)

func numBlocks(n int) int { return (n + BlockLen - 1) / BlockLen }

// words returns the number of words of n elements.
func words(n int) int { return n + numBlocks(n) }

// blockOf returns block b of a vector, encoded and decoded.
func blockOf(encoded []uint16, decoded []float32, b int) ([]uint16, []float32) {
	return encoded[b*blockWords : min((b+1)*blockWords, len(encoded))], decoded[b*BlockLen : min((b+1)*BlockLen, len(decoded))]
}

// encode encodes a block.
func encode(to []uint16, x []float32) {
	if len(x) == BlockLen {
		to[0] = encodeFull((*[BlockLen]uint16)(to[1:]), (*[BlockLen]float32)(x))
		return
	}
	var halves [BlockLen]uint16
	var full [BlockLen]float32 // zeros do not change the scale
	copy(full[:], x)
	to[0] = encodeFull(&halves, &full)
	copy(to[1:], halves[:])
}

// decode decodes a block.
func decode(to []float32, x []uint16) {
	if len(to) == BlockLen {
		decodeFull((*[BlockLen]float32)(to), x)
		return
	}
	var full [BlockLen]float32
	decodeFull(&full, x)
	copy(to, full[:])
}

// unitOf and halfOf are indexed by the sign and exponent bits of y = x·2ᵏ. If 2ᵉ ≤ |y|, or e = −14 for smaller ones, then y + unit, with |unit| = 2ᵉ⁺¹³, is
// y rounded to multiples of 2ᵉ⁻¹⁰, the last bit of a half, and the low bits of the sum are the number of these multiples. Added to e + 14 in place of a
// half's exponent they are the half: 2¹⁰ of them carry into the exponent.
var unitOf, halfOf = func() (unit [512]float32, half [512]uint16) {
	for i := range unit {
		e := max(i&255-127, -14)
		unit[i] = math.Float32frombits(uint32(i>>8<<31 + (127+e+13)<<23))
		half[i] = uint16(i>>8<<15 + (e+14)<<10)
	}
	return unit, half
}()

// encodeFull sets the halves of a block and returns its scale.
func encodeFull(to *[BlockLen]uint16, x *[BlockLen]float32) (scale uint16) {
	exponent := int32(largest(x) >> 23)
	if exponent == notFinite {
		clear(to[:])
		return notFinite
	}
	k := min(127+14-exponent, maxShift)
	scaleBlock(to, x, math.Float32frombits(uint32(127+k)<<23))
	return uint16(127 - k)
}

// largest returns the largest of all elements' bits, without the sign: those of the largest magnitude, or of a number that is not finite.
func largest(x *[BlockLen]float32) uint32 {
	if vectors {
		return largestF16C(x)
	}
	const sign = 1 << 31
	_ = x[0] // no check for nil within the loop
	var m0, m1, m2, m3 uint32
	for i := 0; i < BlockLen; i += 4 {
		v := (*[4]float32)(x[i:])
		m0, m1 = max(m0, math.Float32bits(v[0])&^sign), max(m1, math.Float32bits(v[1])&^sign)
		m2, m3 = max(m2, math.Float32bits(v[2])&^sign), max(m3, math.Float32bits(v[3])&^sign)
	}
	return max(m0, m1, m2, m3)
}

// scaleBlock sets the halves of a block.
func scaleBlock(to *[BlockLen]uint16, x *[BlockLen]float32, factor float32) {
	if vectors {
		encodeF16C(to, x, factor)
		return
	}
	_, _ = to[0], x[0] // no checks for nil within the loop
	for i := 0; i < BlockLen; i += 4 {
		h, v := (*[4]uint16)(to[i:]), (*[4]float32)(x[i:])
		y0, y1, y2, y3 := v[0]*factor, v[1]*factor, v[2]*factor, v[3]*factor
		e0, e1, e2, e3 := math.Float32bits(y0)>>23, math.Float32bits(y1)>>23, math.Float32bits(y2)>>23, math.Float32bits(y3)>>23
		h[0] = halfOf[e0] + uint16(math.Float32bits(y0+unitOf[e0]))
		h[1] = halfOf[e1] + uint16(math.Float32bits(y1+unitOf[e1]))
		h[2] = halfOf[e2] + uint16(math.Float32bits(y2+unitOf[e2]))
		h[3] = halfOf[e3] + uint16(math.Float32bits(y3+unitOf[e3]))
	}
}

func decodeFull(to *[BlockLen]float32, x []uint16) {
	factor := math.Float32frombits(uint32(x[0]) << 23)
	if vectors {
		decodeF16C(to, halvesOf(x), factor)
		return
	}
	for i, h := range halvesOf(x) {
		to[i] = float(h) * factor
	}
}

// addDecoded adds a decoded block to sum.
func addDecoded(sum *[BlockLen]float32, x []uint16) {
	factor := math.Float32frombits(uint32(x[0]) << 23)
	if vectors {
		addF16C(sum, halvesOf(x), factor)
		return
	}
	for i, h := range halvesOf(x) {
		sum[i] += float32(float(h) * factor) // rounded to infinity before the addition on all processors
	}
}

// halvesOf returns the halves of a block, and zeros after the last one of a vector.
func halvesOf(x []uint16) *[BlockLen]uint16 {
	if len(x) == blockWords {
		return (*[BlockLen]uint16)(x[1:])
	}
	full := new([BlockLen]uint16)
	copy(full[:], x[1:])
	return full
}

// float returns the number of a finite half. Its bits are those of a float whose exponent has another bias.
func float(h uint16) float32 {
	return math.Float32frombits(uint32(int32(int16(h))<<13)&0x8fffe000) * 0x1p112
}
