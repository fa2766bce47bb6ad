package watch

import (
	"math"
	"testing"
)

// An alarm is raised for values beyond the limits, and for no others.
func TestLimitsAreThoseOfTheAlarms(t *testing.T) {
	w := &Watch{}
	r := Metrics{Std: 1, UniformStd: 0.125, Rank: 60, MaxRank: 64, Entropy: 3, MarginalEntropy: 4, MaxEntropy: 5}
	w.check(r, Sample{Step: 0, Steps: 100, N: 512})
	l := w.Limits(r)
	beyond := map[Kind]func(*Metrics, float64){
		Constant:  func(r *Metrics, by float64) { r.Std = l.Std * by },
		LowRank:   func(r *Metrics, by float64) { r.Rank = l.Rank * by },
		Dominated: func(r *Metrics, by float64) { r.MarginalEntropy = l.MarginalEntropy * by },
		Uniform:   func(r *Metrics, by float64) { r.Entropy = l.Entropy / by },
	}
	for kind, set := range beyond {
		for _, by := range []float64{0.999, 1.001} {
			w := &Watch{}
			w.check(r, Sample{Step: 0, Steps: 100, N: 512})
			failed := r
			set(&failed, by)
			failed.Accuracy = math.NaN()
			var raised *Alarm
			for step := 10; step < 13 && raised == nil; step++ {
				raised = w.check(failed, Sample{Step: step, Steps: 100, N: 512})
			}
			if by > 1 && raised != nil || by < 1 && (raised == nil || raised.Kind != kind) {
				t.Errorf("%s: %v times its limit: alarm %v", kind, by, raised)
			}
		}
	}
}
