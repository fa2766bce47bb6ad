package kernels

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/shaders"
)

// TestPushConstantsAreMatchedByName: the order does not matter. A wrong name or type, or a missing or surplus constant, is an error.
func TestPushConstantsAreMatchedByName(t *testing.T) {
	right := constants{"n": 7, "momentum": 0.5, "nesterov": true}
	if got, want := right.pack("sgd"), []uint32{7, 0x3f000000, 1}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	mean := [4]float64{1, 2, 3, 4}
	padded := constants{"rows": 1, "quads": 2, "row0": 3, "mean": mean, "scale": mean}.pack("views_finish")
	if want := []uint32{1, 2, 3, 0, 0x3f800000, 0x40000000, 0x40400000, 0x40800000}; !slices.Equal(padded[:8], want) {
		t.Errorf("%v, want %v first: vectors begin at multiples of 16 bytes", padded, want)
	}
	for what, change := range map[string]func(c constants){
		"two types swapped": func(c constants) { c["n"], c["momentum"] = c["momentum"], c["n"] },
		"wrong name":        func(c constants) { c["nesterow"] = c["nesterov"]; delete(c, "nesterov") },
		"too few":           func(c constants) { delete(c, "n") },
		"too many":          func(c constants) { c["m"] = 1 },
	} {
		wrong := maps.Clone(right)
		change(wrong)
		err := func() (err error) {
			defer recoverBuildError(&err)
			wrong.pack("sgd")
			return nil
		}()
		var e *BuildError
		if !errors.As(err, &e) || !strings.Contains(e.Msg, "(float momentum, uint n, uint nesterov)") || !strings.Contains(e.Msg, "the op passes (") {
			t.Errorf("%s: error %v does not name both blocks", what, err)
		}
	}
}

// A launch packs its constants before the input access is chosen, and before a tiled product becomes one with statistics.
func TestShadersOfAKernelHaveTheSamePushConstants(t *testing.T) {
	for _, name := range shaders.Names() {
		other := strings.Replace(name, "texel", "plain", 1)
		other = strings.Replace(other, "tiled.stats_", "tiled.gather_", 1)
		a, err := shaders.PushConstants(name)
		if err != nil {
			t.Fatal(err)
		}
		b, err := shaders.PushConstants(other)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a, b) {
			t.Errorf("%s has %v, %s has %v", name, a, other, b)
		}
	}
}
