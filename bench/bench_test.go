package bench

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"marr/kernels"
	"marr/vk"
	"marr/vk/vktest"
)

// device is shared by all tests of the package.
var device *vk.Device

func TestMain(m *testing.M) { vktest.Main(m, &device) }

// slowPeak is roughly two CPU cores.
var slowPeak = Peak{FMA: Rate{Best: 90}, Copy: Rate{Best: 5}}

func TestPeakIsMeasured(t *testing.T) {
	p, err := MeasurePeak(device)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []Rate{p.FMA, p.Copy} {
		if !(r.Min > 0) || r.Min > r.Median || r.Median > r.Best || r.Runs != finalRuns || !strings.HasPrefix(r.Kernel, "bench_") {
			t.Errorf("%+v", r)
		}
	}
}

func TestBatchesAreCutOnSlowDevicesOnly(t *testing.T) {
	fast := Peak{FMA: Rate{Best: 5000}, Copy: Rate{Best: 500}}
	for _, c := range Cases(slowPeak) {
		if n := Scale(c, fast); n != c.Batch {
			t.Errorf("%s: %d of %d on a fast device", c.Name, n, c.Batch)
		}
		n := Scale(c, slowPeak)
		if n > c.Batch || n < min(2, c.Batch) {
			t.Errorf("%s: %d of %d", c.Name, n, c.Batch)
		}
		for _, p := range c.Passes {
			if s := p.estimate(n, slowPeak); n > 2 && s > rowTime.Seconds() {
				t.Errorf("%s %s: %d of %d would take %.2f s", c.Name, p.Name, n, c.Batch, s)
			}
			if s := p.estimate(2*n, slowPeak); n < c.Batch && 2*n <= c.Batch && c.slowest(2*n) <= rowTime.Seconds() {
				t.Errorf("%s %s: %d would do too, in %.2f s", c.Name, p.Name, 2*n, s)
			}
		}
	}
}

// slowest is the estimate of a case's slowest pass on the slow device.
func (c Case) slowest(n int) (s float64) {
	for _, p := range c.Passes {
		s = max(s, p.estimate(n, slowPeak))
	}
	return s
}

// TestCasesCoverTheNetworks counts the distinct convolutions of torchvision's networks: 3×3, 1×1 and stem.
func TestCasesCoverTheNetworks(t *testing.T) {
	for _, fast := range []bool{false, true} {
		p, groups := slowPeak, map[string]int{}
		if fast {
			p.FMA.Best = 5000
		}
		seen := map[string]bool{}
		for _, c := range Cases(p) {
			groups[c.Group]++
			if key := c.Group + c.Name; seen[key] {
				t.Errorf("%s, %s stands twice", c.Group, c.Name)
			} else {
				seen[key] = true
			}
		}
		if n := groups["conv: resnet18, cifar stem, 32 px"]; n != 11 {
			t.Errorf("ResNet-18 has 11 convolutions of different shape, not %d", n)
		}
		if n := groups["conv: resnet50, imagenet stem, 224 px"]; n != 23 {
			t.Errorf("ResNet-50 has 23 convolutions of different shape, not %d", n)
		}
		if name := map[bool]string{false: "NN 512³", true: "NN 4096³"}[fast]; !seen["matmul"+name] {
			t.Errorf("no %s", name)
		}
	}
}

// small cuts every case to two images or rows, whatever the device does with so few.
func small(cases []Case) []Case {
	for i := range cases {
		cases[i].Batch = min(2, cases[i].Batch)
	}
	return cases
}

// TestEveryCaseRuns records each op with its gradients once and finds all passes.
func TestEveryCaseRuns(t *testing.T) {
	light := regexp.MustCompile(`resnet18.*(@4 |64→128 @32)|narrow|linear|NN|once|global average`)
	rows, err := Kernels(context.Background(), device, small(Cases(slowPeak)), slowPeak, KernelOptions{Filter: light, Runs: 1}, func(Row) {})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) < 40 {
		t.Errorf("only %d rows", len(rows))
	}
	for _, r := range rows {
		if r.Problem != "" || r.Kernel == "" || !(r.Time.Median > 0) || !(r.Share > 0) || r.Time.Runs != 1 || (r.GFLOP == 0) != r.Memory {
			t.Errorf("%+v", r)
		}
	}
}

// TestHelpersCountToTheirPass looks at what a strided convolution consists of: a data gradient is four dispatches, a weight gradient two.
func TestHelpersCountToTheirPass(t *testing.T) {
	c := convCase("", 2, conv{8, 8, 3, 2, 8})
	var weights []kernels.OpTime
	for _, track := range []bool{false, true} {
		b, err := c.build(device, 2, track, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer b.free()
		ops, err := b.run()
		if err != nil {
			t.Fatal(err)
		}
		ahead, back := split(ops)
		if !track {
			weights = back
			continue
		}
		passes, err := c.passes(ops, weights)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(passes[dgrad]); n != len(back)-len(weights) || n == 0 || len(passes[wgrad]) != len(weights) || len(passes[forward]) != len(ahead) {
			t.Errorf("%d, %d, %d dispatches of %d", len(passes[forward]), n, len(passes[wgrad]), len(ops))
		}
		for _, o := range passes[dgrad] {
			if !strings.Contains(o.Label, "weight") {
				t.Errorf("%s has no part in a data gradient", o.Label)
			}
		}
	}
}

// TestRowThatIsTooLargeSaysSoAndTheRestRuns opens the device with so little to bind that one weight cannot be bound whole.
func TestRowThatIsTooLargeSaysSoAndTheRestRuns(t *testing.T) {
	narrow, err := vk.Open("", vk.Options{StorageRange: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer narrow.Close()
	cases := []Case{convCase("conv", 2, conv{128, 256, 3, 1, 4}), convCase("conv", 2, conv{8, 8, 3, 1, 4})}
	rows, err := Kernels(context.Background(), narrow, cases, slowPeak, KernelOptions{Runs: 1}, func(Row) {})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 6 {
		t.Fatalf("%d rows, want 6", len(rows))
	}
	for i, r := range rows {
		if tooLarge := i < 3; (r.Problem != "") != tooLarge || tooLarge != strings.Contains(r.Problem, "binds 65536 at once") || (r.Time.Runs == 0) != tooLarge {
			t.Errorf("%+v", r)
		}
	}
	var text strings.Builder
	(&Report{Device: narrow.Info(), Rows: rows}).Print(&text)
	if n := strings.Count(text.String(), "does not fit:"); n != 1 {
		t.Errorf("the reason is given %d times in\n%s", n, text.String())
	}
}

func TestStoppedBenchKeepsItsRows(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cases := []Case{convCase("conv", 2, conv{4, 4, 1, 1, 4}), convCase("conv", 2, conv{8, 4, 1, 1, 4})}
	rows, err := Kernels(ctx, device, cases, slowPeak, KernelOptions{Runs: 1}, func(Row) { cancel() })
	if err == nil || len(rows) == 0 || len(rows) > 3 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

func TestStepIsSplitAndTimed(t *testing.T) {
	o := StepOptions{Arch: "resnet10", Width: 4, Batch: 8, Size: 16, Steps: 2}
	s, err := MeasureStep(context.Background(), device, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := s.Parts
	if s.Stem != "strided" || s.Time.Runs != 2 || p.Steps != timedSteps || !(p.Views > 0 && p.Forward > 0 && p.Backward > 0 && p.Update > 0) {
		t.Errorf("%+v", s)
	}
	if !(s.Host > 0) || !(s.ViewsPerS > 0) || s.Planned <= 0 || s.Store <= 0 || s.Used < s.Planned+s.Store || len(s.Kernels) < 10 {
		t.Errorf("host %g, %g views/s, planned %d, store %d, used %d, kernels %+v", s.Host, s.ViewsPerS, s.Planned, s.Store, s.Used, s.Kernels)
	}
}

// TestPlanNeedsNoRun plans a batch that would take long here.
func TestPlanNeedsNoRun(t *testing.T) {
	o := StepOptions{Arch: "resnet10", Width: 4, Batch: 64, Size: 16}
	a, err := PlanStep(t.Context(), device, o)
	if err != nil {
		t.Fatal(err)
	}
	o.Batch *= 2
	b, err := PlanStep(t.Context(), device, o)
	if err != nil {
		t.Fatal(err)
	}
	if a.Time.Runs != 0 || a.Store != b.Store || b.Planned < a.Planned*3/2 || b.Used < b.Planned+b.Store {
		t.Errorf("planned %d and %d for twice as many, store %d and %d, used %d", a.Planned, b.Planned, a.Store, b.Store, b.Used)
	}
}

// TestPeerThatFailsCostsItsOwnFiguresAlone asks a program for JSON that prints none.
func TestPeerThatFailsCostsItsOwnFiguresAlone(t *testing.T) {
	o := StepOptions{Arch: "resnet10", Width: 4, Batch: 8, Size: 16, Steps: 1}
	s, err := MeasureStep(context.Background(), device, o, []PeerCommand{{Python: "false"}, {Python: "true"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range s.Peers {
		if p.Problem == "" || len(p.Rounds) != 0 {
			t.Errorf("%+v", p)
		}
	}
	if !(s.ViewsPerS > 0) {
		t.Errorf("%g views/s", s.ViewsPerS)
	}
}

func TestTrainingIsSummedUp(t *testing.T) {
	r, err := Train(context.Background(), device, StepOptions{Arch: "resnet10", Width: 4, Batch: 8, Size: 16, Steps: 11})
	if err != nil {
		t.Fatal(err)
	}
	if !(r.First > 0 && r.Last > 0 && r.ImagesPerS > 0) {
		t.Errorf("%+v", r)
	}
}
