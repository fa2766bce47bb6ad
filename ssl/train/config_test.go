package train

import (
	"math"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data/datatest"
)

func TestLearningRateScalesWithTheBatchUnlessItIsGiven(t *testing.T) {
	set := datatest.Noise(4, 16, 1)
	for _, x := range []struct {
		base, lr, end      float64 // end: of the weight decay
		batch              int
		wantLR, wantBase   float64
		wantEnd            float64
		wantText, schedule string
	}{
		{2e-3, 0, -1, 256, 2e-3, 2e-3, 0.1, "learning rate 0.002 = 0.002 × 256/256, cosine after 10 % of warm-up", ""},
		{2e-3, 0, 0.4, 512, 4e-3, 2e-3, 0.4, "learning rate 0.004 = 0.002 × 512/256, step after 10 % of warm-up, weight decay 0.1 to 0.4", "step"},
		{2e-3, 5e-3, 0, 512, 5e-3, 0, 0, "learning rate 0.005, constant after 10 % of warm-up, weight decay 0.1 to 0", "constant"},
	} {
		c := DefaultConfig()
		c.BaseLR, c.LR, c.Batch, c.Decay, c.DecayEnd, c.Schedule = x.base, x.lr, x.batch, 0.1, x.end, x.schedule
		for range 2 { // again changes nothing
			c.Resolve(set)
		}
		if c.LR != x.wantLR || c.BaseLR != x.wantBase || c.DecayEnd != x.wantEnd || c.Description() != x.wantText {
			t.Errorf("lr %g, base %g, decay to %g, %q; want %+v", c.LR, c.BaseLR, c.DecayEnd, c.Description(), x)
		}
	}
}

// The first step of SGD moves a parameter by rate·(gradient + decay·value), with the rate and decay of the schedule. SimSiam's predictor has the
// peak learning rate unless ScheduledPredictor is set.
func TestStepUsesTheScheduledRateAndDecayOfEachParameter(t *testing.T) {
	for _, at := range []struct {
		step        int
		rate, decay float64 // half of the 20 steps are warm-up
		scheduled   bool
	}{
		{0, 0.5 / 10, 0.125, false}, {0, 0.5 / 10, 0.125, true},
		{12, 0.1 + 0.2*(1+math.Cos(math.Pi*0.2)), 0.5 - 0.1875*(1+math.Cos(math.Pi*0.6)), false},
	} {
		c := smallConfig()
		c.LR, c.LREnd, c.Warmup, c.Optimizer, c.Decay, c.DecayEnd = 0.5, 0.1, 0.5, "sgd", 0.125, 0.5
		x, err := New(kernels.NewStore(device), c, Job{Method: &ssl.SimSiam{Out: 16, Layers: 3, ScheduledPredictor: at.scheduled}, Set: datatest.Noise(40, 16, 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer x.Free()
		before := map[string][]float32{}
		for _, p := range x.Store.Params() {
			before[p.Name] = must(t)(p.Read())
		}
		x.ContinueFrom(at.step)
		if err := x.Train(t.Context(), at.step+1, func(StepResult) {}); err != nil {
			t.Fatal(err)
		}
		for _, p := range x.Store.Params() {
			rate, decay := at.rate, at.decay
			if strings.HasPrefix(p.Name, "predictor.") && !at.scheduled {
				rate = 0.5
			}
			if p.NoDecay {
				decay = 0
			}
			var off, moved float64
			g, v := must(t)(p.ReadGrad()), must(t)(p.Read())
			for i, was := range before[p.Name] {
				want := -rate * (float64(g[i]) + decay*float64(was))
				off, moved = off+math.Pow(float64(v[i]-was)-want, 2), moved+want*want
			}
			if !(off <= 1e-6*moved+1e-14) { // float32 resolves 6e-8 at 1
				t.Errorf("%+v: %s moved by %.3g, %.3g off", at, p.Name, math.Sqrt(moved), math.Sqrt(off))
			}
		}
	}
}

func TestConstantRateIsThePeakUnderEverySchedule(t *testing.T) {
	for _, name := range net.Schedules {
		c := DefaultConfig()
		c.Schedule, c.LR = name, 0.3
		rate, _, err := c.schedules()
		if err != nil {
			t.Fatal(err)
		}
		s := ssl.Step{LearningRate: rate, PeakRate: c.LR}
		gate := s.ConstantRate("x")
		for step := range 200 {
			if got := rate.At(step, 200) * s.Requests.Gates[gate].At(step, 200); math.Abs(got-0.3) > 1e-12 {
				t.Fatalf("%s, step %d: %v, want 0.3", name, step, got)
			}
		}
	}
}

func TestConfigSetsTheOptimizersConstants(t *testing.T) {
	c := smallConfig()
	c.Optimizer, c.Beta2, c.LREnd = "adamw", 0.95, c.LR/2
	x := trainer(t, c, &ssl.SimSiam{Out: 16, Layers: 3}, datatest.Noise(40, 16, 1))
	if o := x.optimizer.(net.AdamW); o.Beta2 != 0.95 || o.Beta1 != 0.9 {
		t.Errorf("Adam's constants are %g and %g, want 0.9 and 0.95", o.Beta1, o.Beta2)
	}
	if text := x.Config.Description(); !strings.HasSuffix(text, " at the end") {
		t.Errorf("%q does not state the rate at the end", text)
	}
}
