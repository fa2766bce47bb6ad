package bench

import (
	"strings"
	"testing"
)

func TestFirstDifferenceBetweenTwoRuns(t *testing.T) {
	tensors := func(v ...float32) []tensorBits { return []tensorBits{{"conv.weight", []float32{1}}, {"bn.weight", v}} }
	for want, c := range map[string]struct {
		losses [2][]float64
		states [2][]tensorBits
	}{
		"":                                  {[2][]float64{{1, 2}, {1, 2}}, [2][]tensorBits{tensors(3, 4), tensors(3, 4)}},
		"loss of step 2":                    {[2][]float64{{1, 2}, {1, 2.5}}, [2][]tensorBits{tensors(3, 4), tensors(3, 5)}},
		"2 steps element 1 of bn.weight is": {[2][]float64{{1, 2}, {1, 2}}, [2][]tensorBits{tensors(3, 4), tensors(3, 5)}},
	} {
		if got := firstDifference(c.losses, c.states); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
