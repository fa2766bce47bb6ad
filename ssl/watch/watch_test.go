package watch

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// run checks a run of 100 steps, one sample per step, and returns the kinds of the alarms with their steps.
func run(t *testing.T, w *Watch, at func(step int) Sample) (kinds []Kind, steps []int) {
	t.Helper()
	for step := range 100 {
		s := at(step)
		s.Step, s.Steps = step, 100
		if _, a := w.Check(s); a != nil {
			kinds, steps = append(kinds, a.Kind), append(steps, a.Step)
			if strings.Count(a.Message, ": ") < 2 || strings.Contains(a.Message, "\n") || !strings.HasPrefix(a.Message, string(a.Kind)) {
				t.Errorf("text %q: want one line, what: why: what to do", a.Message)
			}
		}
	}
	return kinds, steps
}

// mix returns n embeddings of width d: a constant direction plus noise, of the given lengths, in the first dims coordinates.
func mix(step, n, d, dims int, constant, noise float32) []float32 {
	z := normal(step, n, d)
	for i := range z {
		if z[i] *= noise; i%d >= dims {
			z[i] = 0
		}
		z[i] += constant
	}
	return z
}

// fade falls from 1 at step 0 to 0 at step 40, then stays 0.
func fade(step int) float32 { return max(0, 1-float32(step)/40) }

// teacher returns the probabilities of a teacher at temperature 0.04 whose logits are a constant per prototype plus noise per image.
func teacher(step, n, k int, constant, noise float32) []float32 {
	logits, prior := normal(step, n, k), normal(1000, 1, k)
	for i := range logits {
		logits[i] = noise*logits[i] + constant*3*prior[i%k]
	}
	return softmax(logits, k, 0.04)
}

func TestEveryKindRaisesOneAlarm(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name string
		want Kind
		at   func(step int) Sample
	}{
		{"constant from the start", Constant, func(step int) Sample {
			return Sample{Z: mix(step, 128, 32, 32, 1, 0.01), N: 128, D: 32, Accuracy: nan}
		}},
		{"constant to the bit", Constant, func(step int) Sample {
			return Sample{Z: mix(step, 128, 32, 32, 1, 0), N: 128, D: 32, Accuracy: nan}
		}},
		{"zero", Constant, func(step int) Sample { return Sample{Z: make([]float32, 128*32), N: 128, D: 32, Accuracy: nan} }},
		{"constant in small batches", Constant, func(step int) Sample {
			return Sample{Z: mix(step, 8, 64, 64, 1, 0.01), N: 8, D: 64, Accuracy: nan}
		}},
		{"constant in a width of 2", Constant, func(step int) Sample {
			return Sample{Z: mix(step, 64, 2, 2, 1, 0.01), N: 64, D: 2, Accuracy: nan}
		}},
		{"dimension after dimension lost", LowRank, func(step int) Sample {
			return Sample{Z: mix(step, 128, 64, max(2, 64-step), 0, 1), N: 128, D: 64, Accuracy: nan}
		}},
		{"one line, both its ends", LowRank, func(step int) Sample {
			return Sample{Z: mix(step, 128, 6, max(1, 6-step), 0, 1), N: 128, D: 6, Accuracy: nan}
		}},
		{"no sharpening", Uniform, func(step int) Sample {
			return Sample{Z: normal(step, 64, 16), N: 64, D: 16, Teacher: teacher(step, 64, 128, 0, 0.001+0.1*fade(step)), K: 128, Accuracy: nan}
		}},
		{"uniform at once", Uniform, func(step int) Sample {
			return Sample{Z: normal(step, 64, 16), N: 64, D: 16, Teacher: teacher(step, 64, 1000, 0, 0), K: 1000, Accuracy: nan}
		}},
		{"no center", Dominated, func(step int) Sample {
			return Sample{Z: normal(step, 64, 16), N: 64, D: 16, Teacher: teacher(step, 64, 128, 1-fade(step), 0.1*fade(step)), K: 128, Accuracy: nan}
		}},
		{"no center, embeddings constant with it", Dominated, func(step int) Sample {
			return Sample{Z: mix(step, 64, 16, 16, 1, 0), N: 64, D: 16, Teacher: teacher(step, 64, 128, 1, 0), K: 128, Accuracy: nan}
		}},
		{"views alike", TooEasy, func(step int) Sample {
			return Sample{Z: normal(step, 128, 32), N: 128, D: 32, Accuracy: min(1, 0.5+float64(step)/10), Chance: 1. / 255}
		}},
		{"views alike, small batches", TooEasy, func(step int) Sample {
			return Sample{Z: normal(step, 32, 32), N: 32, D: 32, Accuracy: 1, Chance: 1. / 63}
		}},
	} {
		if kinds, steps := run(t, &Watch{}, c.at); len(kinds) != 1 || kinds[0] != c.want {
			t.Errorf("%s: named %v at %v, want %s once", c.name, kinds, steps, c.want)
		}
	}
}

func TestHealthyRunsRaiseNoAlarm(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name string
		at   func(step int) Sample
	}{
		{"evenly spread", func(step int) Sample { return Sample{Z: normal(step, 128, 32), N: 128, D: 32, Accuracy: nan} }},
		{"an untrained network, all cosines 0.98, that learns", func(step int) Sample {
			return Sample{Z: mix(step, 128, 64, 64, fade(step), 0.14), N: 128, D: 64, Accuracy: nan}
		}},
		{"nearly constant at first, on its way out", func(step int) Sample {
			return Sample{Z: mix(step, 128, 64, 64, 1, 0.01+0.01*float32(step)), N: 128, D: 64, Accuracy: nan}
		}},
		{"few dimensions from start to end", func(step int) Sample {
			return Sample{Z: mix(step, 128, 64, 3, 0, 1), N: 128, D: 64, Accuracy: nan}
		}},
		{"rank a fifth of what it was, still high", func(step int) Sample {
			return Sample{Z: mix(step, 128, 64, max(13, 64-step), 0, 1), N: 128, D: 64, Accuracy: nan}
		}},
		{"wide embeddings that fall as low as narrow ones do", func(step int) Sample {
			return Sample{Z: mix(step, 256, 256, max(15, 256-20*step), 0, 1), N: 256, D: 256, Accuracy: nan}
		}},
		{"pairs of images", func(step int) Sample {
			p := teacher(step, 2, 4, 0, 1) // often both with one prototype
			return Sample{Z: normal(step, 2, 128), N: 2, D: 128, Teacher: p, K: 4, Accuracy: 1, Chance: 1. / 3}
		}},
		{"batches of 8, most of them classified without error", func(step int) Sample {
			return Sample{Z: normal(step, 8, 64), N: 8, D: 64, Accuracy: 1 - float64(step%6/5)/8, Chance: 1. / 15}
		}},
		{"width 2", func(step int) Sample { return Sample{Z: normal(step, 64, 2), N: 64, D: 2, Accuracy: nan} }},
		{"width 1", func(step int) Sample { return Sample{Z: normal(step, 64, 1), N: 64, D: 1, Accuracy: nan} }},
		{"a teacher soft at first", func(step int) Sample {
			return Sample{Z: normal(step, 64, 16), N: 64, D: 16, Teacher: teacher(step, 64, 256, 0, 0.004+0.1*(1-fade(step))), K: 256, Accuracy: nan}
		}},
		{"a sharp teacher", func(step int) Sample {
			return Sample{Z: normal(step, 64, 16), N: 64, D: 16, Teacher: teacher(step, 64, 256, 0, 1), K: 256, Accuracy: nan}
		}},
		{"one prototype", func(step int) Sample {
			return Sample{Z: normal(step, 64, 16), N: 64, D: 16, Teacher: teacher(step, 64, 1, 0, 1), K: 1, Accuracy: nan}
		}},
		{"a task solved, but late", func(step int) Sample {
			return Sample{Z: normal(step, 128, 32), N: 128, D: 32, Accuracy: min(1, 0.3+float64(step)/40), Chance: 0.25}
		}},
		{"a task of two answers, 0.994 right", func(step int) Sample {
			return Sample{Z: normal(step, 128, 32), N: 128, D: 32, Accuracy: 0.994, Chance: 0.5}
		}},
		{"diverged", func(step int) Sample {
			return Sample{Z: mix(step, 64, 8, 8, float32(math.Inf(1)), 1), N: 64, D: 8, Accuracy: nan}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if kinds, steps := run(t, &Watch{}, c.at); len(kinds) != 0 {
				t.Errorf("alarms %v at %v", kinds, steps)
			}
		})
	}
}

func TestAlarmsNeedConsecutiveSamplesAfterTheWarmUp(t *testing.T) {
	bad := func(step int) Sample {
		return Sample{Z: mix(step, 128, 32, 32, 1, 0), N: 128, D: 32, Accuracy: math.NaN()}
	}
	good := func(step int) Sample {
		return Sample{Z: normal(step, 128, 32), N: 128, D: 32, Accuracy: math.NaN()}
	}
	for _, c := range []struct {
		name string
		w    Watch
		bad  func(step int) bool
		want []int
	}{
		{"defaults", Watch{}, func(step int) bool { return true }, []int{7}}, // steps 5, 6 and 7
		{"warm-up of a half", Watch{Warmup: 0.5}, func(step int) bool { return true }, []int{52}},
		{"five in a row", Watch{Patience: 5}, func(step int) bool { return true }, []int{9}},
		{"bad in the warm-up alone", Watch{Warmup: 0.5}, func(step int) bool { return step < 52 }, nil},
		{"two in three", Watch{}, func(step int) bool { return step%3 > 0 }, nil},
		{"reported once, though it recurs", Watch{}, func(step int) bool { return step/20%2 == 1 }, []int{22}},
	} {
		_, steps := run(t, &c.w, func(step int) Sample {
			if c.bad(step) {
				return bad(step)
			}
			return good(step)
		})
		if len(steps) != len(c.want) || len(steps) > 0 && steps[0] != c.want[0] {
			t.Errorf("%s: at %v, want %v", c.name, steps, c.want)
		}
	}
}

// Batches of 8 are counted until they have 256 images, so that alarms are not due to chance.
func TestSmallBatchesNeedMoreSamples(t *testing.T) {
	_, steps := run(t, &Watch{}, func(step int) Sample { return Sample{Z: mix(step, 8, 32, 32, 1, 0), N: 8, D: 32, Accuracy: math.NaN()} })
	if len(steps) != 1 || steps[0] != 5+256/8-1 {
		t.Errorf("at %v, want %d", steps, 5+256/8-1)
	}
}

// A collapse can turn into another kind: from few dimensions to one point. Both raise an alarm, and so does the easy task.
func TestConsecutiveKindsRaiseOneAlarmEach(t *testing.T) {
	kinds, _ := run(t, &Watch{}, func(step int) Sample {
		z := mix(step, 128, 32, max(2, 32-4*step), 0, 1)
		if step > 30 {
			z = mix(step, 128, 32, 32, 1, 0)
		}
		return Sample{Z: z, N: 128, D: 32, Accuracy: 1, Chance: 0.25}
	})
	if !slices.Equal(kinds, []Kind{TooEasy, LowRank, Constant}) {
		t.Errorf("%v", kinds)
	}
	// While one collapse lasts, another one is its consequence; an easy task is not, and is reported at the next sample.
	kinds, steps := run(t, &Watch{}, func(step int) Sample {
		z := mix(step, 128, 32, 32, 0, 1)
		if step > 30 {
			z = mix(step, 128, 32, 32, 1, 0)
		}
		return Sample{Z: z, N: 128, D: 32, Teacher: teacher(step, 128, 16, 1, 0), K: 16, Accuracy: 1, Chance: 0.25}
	})
	if !slices.Equal(kinds, []Kind{Dominated, TooEasy}) || steps[1] != steps[0]+1 {
		t.Errorf("%v at %v", kinds, steps)
	}
	for _, c := range []struct {
		kind Kind
		want bool
	}{{Constant, true}, {LowRank, true}, {Uniform, true}, {Dominated, true}, {TooEasy, false}} {
		if a := (&Alarm{Kind: c.kind}); a.IsCollapse() != c.want {
			t.Errorf("%s: a collapse: %v", c.kind, a.IsCollapse())
		}
	}
}

func ExampleWatch() {
	w := &Watch{}
	for step := range 20 {
		z := make([]float32, 128*64)
		for i := range z {
			z[i] = 1 // every image has the same embedding
		}
		if _, alarm := w.Check(Sample{Z: z, N: 128, D: 64, Accuracy: math.NaN(), Step: step, Steps: 20}); alarm != nil {
			fmt.Println(alarm.Step, alarm.Kind, alarm.IsCollapse())
		}
	}
	// Output: 3 constant true
}

// A smoothed loss at that of guessing among 63 embeddings is named late in the run, unless it falls.
func TestLossOfGuessingIsNamedUnlessItFalls(t *testing.T) {
	guess := math.Log(63)
	for _, c := range []struct {
		name  string
		steps int
		loss  func(progress float64) float64
		first int // step of the alarm; 0: none
	}{
		{"stands", 100, func(float64) float64 { return guess }, 67}, // the eighth sample of 32 images from step 60 on
		{"stands in a long run", 5000, func(float64) float64 { return guess }, 1007},
		{"stands below", 100, func(float64) float64 { return 0.97 * guess }, 67},
		{"falls to it", 100, func(p float64) float64 { return guess * (1.3 - 0.3*p) }, 67},
		{"falls from it", 100, func(p float64) float64 { return guess * (1 - 0.08*p) }, 0},
		{"is below", 100, func(float64) float64 { return 0.9 * guess }, 0},
		{"is not finite", 100, func(float64) float64 { return math.NaN() }, 0},
	} {
		w, first := Watch{Cause: "the cause"}, 0
		for step := range c.steps {
			s := Sample{N: 32, D: 4, Loss: c.loss(float64(step) / float64(c.steps)), Candidates: 63, Accuracy: math.NaN(), Step: step, Steps: c.steps}
			nan := math.NaN()
			a := w.check(Metrics{Std: nan, Rank: nan, Accuracy: nan}, s)
			if a != nil && first == 0 {
				first = step
				if a.Kind != Still || a.IsCollapse() || !strings.HasSuffix(a.Message, ": the cause") {
					t.Errorf("%s: %v: %s", c.name, a.Kind, a.Message)
				}
			}
		}
		if first != c.first {
			t.Errorf("%s: alarm at step %d, want %d", c.name, first, c.first)
		}
	}
}
