package ranks

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
)

// run calls f once per rank of a Local and fails the test on an error.
func run(t testing.TB, n int, f func(c Comm) error) {
	t.Helper()
	var wait sync.WaitGroup
	errs := make([]error, n)
	for i, c := range Local(n) {
		wait.Go(func() {
			if errs[i] = f(c); errs[i] != nil {
				c.Abort(errs[i])
			}
		})
	}
	wait.Wait()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("rank %d of %d: %v", i, n, err)
		}
	}
}

// nasty returns values of all magnitudes, and sometimes a special one.
func nasty(rnd *rand.Rand, length int) []float32 {
	special := []float32{0, float32(math.Copysign(0, -1)), math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, -0x1p-140, 0x1p-126,
		float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}
	v := make([]float32, length)
	for i := range v {
		v[i] = float32(math.Ldexp(rnd.NormFloat64(), rnd.IntN(80)-40))
		if rnd.IntN(4) == 0 {
			v[i] = special[rnd.IntN(len(special))]
		}
	}
	return v
}

// naive adds in the order of the specification.
func naive(parts [][]float32) []float32 {
	out := make([]float32, len(parts[0]))
	for i := range out {
		s := parts[0][i]
		for _, p := range parts[1:] {
			s += p[i]
		}
		out[i] = s
	}
	return out
}

// same reports whether the bits of a and b are equal, but for the payload of NaN.
func same(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

func TestSumPartsAddsInTheOrderOfRanksAndParts(t *testing.T) {
	for n := 1; n <= 5; n++ {
		for k := 1; k <= 3; k++ {
			for _, length := range []int{0, 1, 3, 17, 64, 79, 1001, 5*minRound + 345} {
				rnd := rand.New(rand.NewPCG(uint64(n*10+k), uint64(length)))
				parts := make([][]float32, n*k)
				for i := range parts {
					parts[i] = nasty(rnd, length)
				}
				want := naive(parts)
				run(t, n, func(c Comm) error {
					r, out := NewReducer(c, FP32), make([]float32, length)
					r.roundBytes = 0 // several rounds in the longest vector
					for range 2 {    // with new and with used scratch memory
						for i := range out {
							out[i] = -99
						}
						if err := r.SumParts(parts[c.Rank()*k:][:k], out); err != nil {
							return err
						}
						for i := range out {
							if !same(out[i], want[i]) {
								return fmt.Errorf("%d parts of %d elements: element %d is %v, want %v", k, length, i, out[i], want[i])
							}
						}
					}
					return nil
				})
			}
		}
	}
}

func TestSumPartsRefusesUnequalParts(t *testing.T) {
	r := NewReducer(Local(1)[0], FP32)
	if r.SumParts(nil, make([]float32, 3)) == nil || r.SumParts([][]float32{make([]float32, 3), make([]float32, 4)}, make([]float32, 3)) == nil {
		t.Error("no error without parts, or with parts of different lengths")
	}
}

// The share of the speed of a memory copy: a rank of n receives (n-1)/n of the vector twice, and sends as much.
func BenchmarkSumParts(b *testing.B) {
	for _, n := range []int{2, 4} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			const length = 45 << 20 / 4
			b.SetBytes(length * 4)
			run(b, n, func(c Comm) error {
				r, part, out := NewReducer(c, FP32), [][]float32{make([]float32, length)}, make([]float32, length)
				for range b.N {
					if err := r.SumParts(part, out); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
}
