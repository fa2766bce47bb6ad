package net

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"testing"

	"github.com/marr-ssl/marr/kernels/rng"
)

// The hashes are those of Linux on amd64 (Go 1.26).
func TestBitsAreTheSameOnEveryProcessor(t *testing.T) {
	schedule := func(s Schedule) (bits []uint64) {
		for step := range 1001 {
			bits = append(bits, math.Float64bits(s.At(step, 1000)))
		}
		return bits
	}
	widen := func(v []float32) (bits []uint64) {
		for _, x := range v {
			bits = append(bits, uint64(math.Float32bits(x)))
		}
		return bits
	}
	weights := make([]float32, 10000)
	KaimingNormalFanOut(weights, 576, rng.New(1))
	for _, c := range []struct {
		name string
		bits []uint64
		want uint64
	}{
		{"cosine", schedule(Cosine{0.996, 1}), 0x7fb413e2811d4133},
		{"warm-up and cosine", schedule(WarmupCosine{Peak: 2e-3, Final: 1e-6, WarmupFraction: 0.1}), 0xe9cba7e4599c3cf1},
		{"ramp", schedule(LinearRamp{0.04, 0.07, 0.3}), 0x935e0a745c40c412},
		{"fixed positions", widen(sinCos(14, 14, 192)), 0x71812250be627769},
		{"resized positions", widen(gridWeights(14, 6, 9)), 0x5a2a236288ad0490},
		{"normal weights", widen(weights), 0x2b88fe23c2a5f6f},
	} {
		sum := fnv.New64a()
		binary.Write(sum, binary.LittleEndian, c.bits)
		if got := sum.Sum64(); got != c.want {
			t.Errorf("%s: hash %#x, want %#x", c.name, got, c.want)
		}
	}
}
