package ranks

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// bothConversions runs a test with vector instructions, if there are any, and without.
func bothConversions(t *testing.T, test func(t *testing.T)) {
	has := vectors
	t.Cleanup(func() { vectors = has })
	t.Run("go", func(t *testing.T) {
		vectors = false
		test(t)
	})
	if vectors = has; has {
		t.Run("vectors", test)
	}
}

// rounded returns a vector as FP16 carries it, computed in float64, which holds all intermediate numbers exactly.
func rounded(v []float32) []float32 {
	out := make([]float32, len(v))
	for from := 0; from < len(v); from += 1024 {
		block := v[from:min(from+1024, len(v))]
		largest := 0.0
		for _, x := range block {
			largest = math.Max(largest, math.Abs(float64(x))) // NaN if one is
		}
		k := 112
		if largest > 0 && largest <= math.MaxFloat32 {
			_, e := math.Frexp(largest) // largest < 2ᵉ
			k = min(15-e, 112)
		}
		for i, x := range block {
			_, e := math.Frexp(math.Ldexp(float64(x), k))
			unit := math.Ldexp(1, max(e-1, -14)-10-k) // the last bit of a half of this size
			out[from+i] = float32(math.RoundToEven(float64(x)/unit) * unit)
			if !(largest <= math.MaxFloat32) {
				out[from+i] = float32(math.NaN())
			}
		}
	}
	return out
}

// carried returns a vector that was encoded and decoded.
func carried(v []float32) []float32 {
	out, sent := make([]float32, len(v)), slices.Repeat([]uint16{0x3c01}, words(len(v))) // used memory
	for b := range numBlocks(len(v)) {
		half, x := blockOf(sent, v, b)
		encode(half, x)
		half, x = blockOf(sent, out, b)
		decode(x, half)
	}
	return out
}

// compare returns an error for the first element of two vectors with other bits.
func compare(got, want []float32) error {
	for i := range want {
		if !same(got[i], want[i]) {
			return fmt.Errorf("element %d of %d is %v (%#x), want %v (%#x)", i, len(want), got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
		}
	}
	return nil
}

// values are kinds of vectors: of a magnitude that differs by block, with zeros and a few outliers.
var values = map[string]func(r *rand.Rand) float32{
	"gradients": func(r *rand.Rand) float32 { return float32(r.NormFloat64() * 1e-3) },
	"1e-30":     func(r *rand.Rand) float32 { return float32(r.NormFloat64() * 1e-30) },
	"1e30":      func(r *rand.Rand) float32 { return float32(r.NormFloat64() * 1e30) },
	"subnormal": func(r *rand.Rand) float32 { return math.Float32frombits(r.Uint32() & 0x807fffff) },
	"finite": func(r *rand.Rand) float32 {
		b := r.Uint32()
		return math.Float32frombits(b &^ (b >> 7 & 1 << 23)) // no exponent 255
	},
	"wide":  func(r *rand.Rand) float32 { return float32(math.Ldexp(r.NormFloat64(), r.IntN(80)-60)) },
	"ties":  func(r *rand.Rand) float32 { return float32(math.Ldexp(float64(r.IntN(1<<13)-1<<12), -r.IntN(30))) },
	"zeros": func(r *rand.Rand) float32 { return float32(math.Copysign(0, r.Float64()-0.5)) },
	"large": func(r *rand.Rand) float32 {
		return math.Float32frombits(0x7f7fffff - r.Uint32N(1<<13) | r.Uint32()&(1<<31))
	},
}

func TestHalvesAreRoundedToNearestEven(t *testing.T) {
	bothConversions(t, halvesAreRoundedToNearestEven)
}

func halvesAreRoundedToNearestEven(t *testing.T) {
	for name, value := range values {
		for _, length := range []int{1, 2, 1023, 1024, 1025, 3*1024 + 17} {
			rnd := rand.New(rand.NewPCG(uint64(length), 7))
			v := make([]float32, length)
			for i := range v {
				v[i] = value(rnd)
			}
			if err := compare(carried(v), rounded(v)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// The error is at most 2⁻¹¹ of an element down to 2⁻²⁸ of the largest magnitude of its block, and 2⁻³⁹ of that below.
func TestHalvesKeepElevenBits(t *testing.T) { bothConversions(t, halvesKeepElevenBits) }

func halvesKeepElevenBits(t *testing.T) {
	for name, value := range values {
		if name == "large" { // some round to 2¹²⁸
			continue
		}
		rnd := rand.New(rand.NewPCG(3, 4))
		for range 20 {
			v, largest := make([]float32, BlockLen), 0.0
			for i := range v {
				if v[i] = value(rnd); math.Abs(float64(v[i])) > 0x1.ffdp127 {
					v[i] = 1
				}
				largest = math.Max(largest, math.Abs(float64(v[i])))
			}
			for i, x := range carried(v) {
				most := math.Max(0x1p-11*math.Abs(float64(v[i])), math.Max(0x1p-39*largest, 0x1p-137))
				if off := math.Abs(float64(x) - float64(v[i])); off > most {
					t.Fatalf("%s: %g became %g in a block up to %g", name, v[i], x, largest)
				}
			}
		}
	}
}

// Every half below 2¹⁵ is itself, and the numbers around the middle of two neighbors go to the nearer one, from the middle to the even one.
func TestAllHalvesAndTheNumbersBetweenThem(t *testing.T) {
	bothConversions(t, allHalvesAndTheNumbersBetweenThem)
}

func allHalvesAndTheNumbersBetweenThem(t *testing.T) {
	number := func(h int) float64 { // by the definition of binary16
		if h < 1<<10 {
			return math.Ldexp(float64(h), -24)
		}
		return math.Ldexp(float64(1<<10+h%(1<<10)), h>>10-25)
	}
	v, want := []float32{}, []uint16{}
	add := func(x float32, h int) {
		if len(v)%BlockLen == 0 { // the scale of the block is 1
			v, want = append(v, 0x1p14), append(want, 29<<10)
		}
		v, want = append(v, x), append(want, uint16(h))
	}
	for h := range 30<<10 - 1 {
		middle := float32((number(h) + number(h+1)) / 2)
		for _, sign := range []int{0, 1 << 15} {
			s := float32(1 - sign>>14)
			add(s*float32(number(h)), h|sign)
			add(s*middle, (h+h%2)|sign)
			add(s*math.Nextafter32(middle, 0), h|sign)
			add(s*math.Nextafter32(middle, 1e9), (h+1)|sign)
		}
		if got := float(uint16(h)); float64(got) != number(h) {
			t.Fatalf("half %#x is %g, want %g", h, got, number(h))
		}
	}
	sent := make([]uint16, words(len(v)))
	for b := range numBlocks(len(v)) {
		half, x := blockOf(sent, v, b)
		encode(half, x)
		for i, h := range half[1:] {
			if h != want[b*BlockLen+i] {
				t.Fatalf("%g is %#x, want the half %#x", x[i], h, want[b*BlockLen+i])
			}
		}
	}
}

func TestABlockWithANumberThatIsNotFiniteDecodesToNaN(t *testing.T) {
	bothConversions(t, aBlockWithANumberThatIsNotFiniteDecodesToNaN)
}

func aBlockWithANumberThatIsNotFiniteDecodesToNaN(t *testing.T) {
	for _, bad := range []float32{float32(math.NaN()), -float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), math.Float32frombits(0xff800001)} {
		for _, at := range []int{0, 1023, 1024, 2047, 2048, 2049} {
			v := slices.Repeat([]float32{1}, 2050)
			v[at] = bad
			for i, x := range carried(v) {
				if isNaN := x != x; isNaN != (i/1024 == at/1024) || !isNaN && x != 1 {
					t.Fatalf("%v as element %d: element %d is %v", bad, at, i, x)
				}
			}
		}
	}
}

// The sum is that of the rounded parts, and is rounded, with every number of ranks and parts.
func TestSumPartsOnFP16RoundsPartsAndSum(t *testing.T) {
	bothConversions(t, sumPartsOnFP16RoundsPartsAndSum)
}

func sumPartsOnFP16RoundsPartsAndSum(t *testing.T) {
	for n := 1; n <= 5; n++ {
		for k := 1; k <= 3; k++ {
			for _, length := range []int{0, 1, 3, 1023, 1024, 1025, 3*1024 + 5, 5*minRound + 345} {
				parts, terms := make([][]float32, n*k), make([][]float32, n*k)
				rnd := rand.New(rand.NewPCG(uint64(n*k), uint64(length))) // 2 × 2 and 4 × 1 have the same parts
				for i := range parts {
					parts[i] = nasty(rnd, length)
					for j := range parts[i] {
						if j/1024%2 == 0 || i == 0 { // else most blocks are NaN
							parts[i][j] = values["wide"](rnd)
						}
					}
					terms[i] = rounded(parts[i])
				}
				var want []float32
				if length > 0 {
					want = rounded(naive(terms))
				}
				run(t, n, func(c Comm) error {
					r, out := NewReducer(c, FP16), make([]float32, length)
					r.roundBytes = 0 // several rounds in the longest vector
					for range 2 {    // with new and with used memory
						if err := r.SumParts(parts[c.Rank()*k:][:k], out); err != nil {
							return err
						}
						if err := compare(out, want); err != nil {
							return fmt.Errorf("%d ranks, %d parts: %w", n, k, err)
						}
					}
					return nil
				})
			}
		}
	}
}

// A sum of finite parts that overflows is not finite on any rank.
func TestASumOnFP16Overflows(t *testing.T) {
	run(t, 2, func(c Comm) error {
		part, out := slices.Repeat([]float32{3e38}, 1500), make([]float32, 1500)
		if err := NewReducer(c, FP16).SumParts([][]float32{part}, out); err != nil {
			return err
		}
		for _, x := range out {
			if x == x {
				return fmt.Errorf("the sum is %v, want NaN", x)
			}
		}
		return nil
	})
}

// The time of one element on one processor.
func BenchmarkHalves(b *testing.B) {
	const length = 1 << 19
	v, out, sent := make([]float32, length), make([]float32, length), make([]uint16, words(length))
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range v {
		v[i] = float32(rnd.NormFloat64())
	}
	var sum [BlockLen]float32
	has := vectors
	b.Cleanup(func() { vectors = has })
	for _, x := range []struct {
		name string
		f    func(half []uint16, v, out []float32)
	}{
		{"encode", func(half []uint16, v, _ []float32) { encode(half, v) }},
		{"decode", func(half []uint16, _, out []float32) { decode(out, half) }},
		{"add", func(half []uint16, _, _ []float32) { addDecoded(&sum, half) }},
	} {
		for _, vectors = range []bool{has, false} {
			b.Run(fmt.Sprintf("%s/vectors=%t", x.name, vectors), func(b *testing.B) {
				for range b.N {
					for i := range numBlocks(length) {
						half, v := blockOf(sent, v, i)
						x.f(half, v, out[i*BlockLen:][:BlockLen])
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/length, "ns/element")
			})
		}
	}
}
