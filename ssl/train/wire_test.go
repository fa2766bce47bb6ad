package train

import (
	"math"
	"slices"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data/datatest"
	"github.com/marr-ssl/marr/ssl/ranks"
)

// Rounded gradients change the bits and hardly the loss, and the number of ranks changes neither.
func TestRanksTrainAlmostAlikeWithHalvesOnTheWire(t *testing.T) {
	set, m := datatest.Noise(40, 16, 3), &ssl.SimCLR{Temperature: 0.2, Out: 10}
	c := smallConfig()
	c.Accumulate = 4
	floats, exact := onRanks(t, 2, c, m, set, 6)
	c.Wire = ranks.FP16
	halves, rounded := onRanks(t, 2, c, m, set, 6)
	four := rounded
	if !testing.Short() {
		_, four = onRanks(t, 4, c, m, set, 6)
	}
	if slices.Equal(rounded[0], exact[0]) {
		t.Error("fp16 gives the bits of fp32")
	}
	if !slices.Equal(rounded[0], rounded[1]) || !slices.Equal(rounded[0], four[len(four)-1]) {
		t.Error("the bits depend on the rank or on the number of ranks")
	}
	for i, r := range halves[0] {
		want, most := floats[0][i], 0.1 // Adam's first updates have the size of the rate, however small and uncertain a gradient is
		if i == 0 {
			most = 1e-3 // 2⁻¹¹ twice
		}
		if math.Abs(r.Loss-want.Loss) > 0.01*want.Loss || math.Abs(r.GradNorm-want.GradNorm) > most*want.GradNorm {
			t.Errorf("step %d: loss %g, norm %g; on fp32 %g and %g", r.Step, r.Loss, r.GradNorm, want.Loss, want.GradNorm)
		}
	}
}

// scaledLoss is a method with a larger loss.
type scaledLoss struct {
	ssl.Method
	factor float64
}

func (m scaledLoss) Loss(s *ssl.Step) *kernels.Tensor {
	return kernels.Scale(m.Method.Loss(s), m.factor)
}

// The first steps overflow in halves of the device. All ranks skip them, until the loss scale is small enough.
func TestRanksSkipStepsThatOverflowWithHalvesOnTheWire(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	set, m := datatest.Noise(40, 16, 3), scaledLoss{smallMethod(t, "byol"), 100}
	c := smallConfig()
	c.Accumulate, c.Precision = 2, "mixed"
	skipped := map[string][]bool{}
	for _, c.Wire = range ranks.Wires {
		results, states := onRanks(t, 2, c, m, set, 9)
		for _, r := range results[1] {
			skipped[c.Wire] = append(skipped[c.Wire], r.Skipped)
		}
		if !slices.Equal(states[0], states[1]) || slices.ContainsFunc(states[0], func(x float32) bool { return x != x }) {
			t.Errorf("%s: the states differ, or have a NaN", c.Wire)
		}
	}
	if got := skipped[ranks.FP16]; !slices.Equal(got, skipped[ranks.FP32]) || !got[0] || got[8] {
		t.Errorf("skipped %v, want the first, not the last, and those of fp32", skipped)
	}
}
