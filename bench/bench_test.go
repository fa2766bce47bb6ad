package bench

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/vk"
	"github.com/marr-ssl/marr/vk/vktest"
)

// device is shared by all tests of this package.
var device *vk.Device

func TestMain(m *testing.M) { vktest.Main(m, &device) }

// slowPeak is roughly two CPU cores.
var slowPeak = Peak{FMA: Rate{Best: 90}, Copy: Rate{Best: 5}}

func TestPeakIsMeasured(t *testing.T) {
	if testing.Short() {
		t.Skip("measures the peak of the device")
	}
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

func TestOnlySlowDevicesGetSmallerBatches(t *testing.T) {
	fast := Peak{FMA: Rate{Best: 5000}, Copy: Rate{Best: 500}}
	for _, c := range Cases(slowPeak) {
		if n := ScaleBatch(c, fast); n != c.Batch {
			t.Errorf("%s: %d of %d on a fast device", c.Name, n, c.Batch)
		}
		n := ScaleBatch(c, slowPeak)
		if n > c.Batch || n < min(2, c.Batch) {
			t.Errorf("%s: %d of %d", c.Name, n, c.Batch)
		}
		for _, p := range c.Passes {
			if s := p.estimate(n, slowPeak); n > 2 && s > maxRowTime.Seconds() {
				t.Errorf("%s %s: %d of %d would take %.2f s", c.Name, p.Name, n, c.Batch, s)
			}
			if s := p.estimate(2*n, slowPeak); n < c.Batch && 2*n <= c.Batch && c.slowest(2*n) <= maxRowTime.Seconds() {
				t.Errorf("%s %s: %d would also fit, in %.2f s", c.Name, p.Name, 2*n, s)
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
				t.Errorf("%s, %s is listed twice", c.Group, c.Name)
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

// TestEveryCaseRuns runs each op and its gradients once and checks that every pass has a measurement.
func TestEveryCaseRuns(t *testing.T) {
	light := regexp.MustCompile(`resnet18.*(@4 |64→128 @32)|depthwise.*@2 |narrow|linear|NN|once|global average`)
	rows, err := MeasureKernels(context.Background(), device, small(Cases(slowPeak)), slowPeak, KernelOptions{Filter: light, Runs: 1}, func(Row) {})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) < 40 {
		t.Errorf("only %d rows", len(rows))
	}
	for _, r := range rows {
		if r.Problem != "" || r.Kernel == "" || !(r.Time.Median > 0) || !(r.Share > 0) || r.Time.Runs != 1 || (r.GFLOP == 0) != r.MemoryBound {
			t.Errorf("%+v", r)
		}
	}
}

// TestAuxiliaryDispatchesCountTowardTheirPass uses a strided convolution, whose data gradient has four dispatches and whose weight gradient has two.
func TestAuxiliaryDispatchesCountTowardTheirPass(t *testing.T) {
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
		fwd, bwd := splitPasses(ops)
		if !track {
			weights = bwd
			continue
		}
		passes, err := c.passes(ops, weights)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(passes[dgrad]); n != len(bwd)-len(weights) || n == 0 || len(passes[wgrad]) != len(weights) || len(passes[forward]) != len(fwd) {
			t.Errorf("%d, %d, %d dispatches of %d", len(passes[forward]), n, len(passes[wgrad]), len(ops))
		}
		for _, o := range passes[dgrad] {
			if !strings.Contains(o.Label, "weight") {
				t.Errorf("%s does not belong to a data gradient", o.Label)
			}
		}
	}
}

// TestRowThatDoesNotFitGivesTheReasonAndTheRestRuns limits the size of a binding so that one weight does not fit into it.
func TestRowThatDoesNotFitGivesTheReasonAndTheRestRuns(t *testing.T) {
	narrow, err := vk.Open("", vk.Options{StorageRange: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer narrow.Close()
	cases := []Case{convCase("conv", 2, conv{128, 256, 3, 1, 4}), convCase("conv", 2, conv{8, 8, 3, 1, 4})}
	rows, err := MeasureKernels(context.Background(), narrow, cases, slowPeak, KernelOptions{Runs: 1}, func(Row) {})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 6 {
		t.Fatalf("%d rows, want 6", len(rows))
	}
	for i, r := range rows {
		large := i < 3
		if (r.Problem != "") != large || strings.Contains(r.Problem, "binds 65536 at once") != large || (r.Time.Runs == 0) != large {
			t.Errorf("%+v", r)
		}
	}
	var text strings.Builder
	(&Results{Device: narrow.Info(), Rows: rows}).Print(&text)
	if n := strings.Count(text.String(), "does not fit:"); n != 1 {
		t.Errorf("the reason is given %d times in\n%s", n, text.String())
	}
}

func TestStoppedBenchmarkKeepsItsRows(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cases := []Case{convCase("conv", 2, conv{4, 4, 1, 1, 4}), convCase("conv", 2, conv{8, 4, 1, 1, 4})}
	rows, err := MeasureKernels(ctx, device, cases, slowPeak, KernelOptions{Runs: 1}, func(Row) { cancel() })
	if err == nil || len(rows) == 0 || len(rows) > 3 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

func TestStepIsSplitAndTimed(t *testing.T) {
	o := StepOptions{Arch: "resnet10", Backbone: map[string]any{"width": 4}, Batch: 8, Size: 16, Steps: 2}
	s, err := MeasureStep(context.Background(), device, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := s.Parts
	if s.Backbone["stem"] != "strided" || s.Time.Runs != 2 || p.Steps != profiledSteps || !(p.Views > 0 && p.Forward > 0 && p.Backward > 0 && p.Update > 0) {
		t.Errorf("%+v", s)
	}
	if !(s.HostMs > 0) || !(s.ViewsPerS > 0) || s.Activations <= 0 || s.Parameters <= 0 || s.Allocated < s.Activations+s.Parameters || len(s.Kernels) < 10 {
		t.Errorf("host %g, %g views/s, activations %d, parameters %d, allocated %d, kernels %+v",
			s.HostMs, s.ViewsPerS, s.Activations, s.Parameters, s.Allocated, s.Kernels)
	}
}

// TestPlanNeedsNoRun plans two batches without running a step.
func TestPlanNeedsNoRun(t *testing.T) {
	o := StepOptions{Arch: "resnet10", Backbone: map[string]any{"width": 4}, Batch: 64, Size: 16}
	a, err := PlanStep(t.Context(), device, o)
	if err != nil {
		t.Fatal(err)
	}
	o.Batch *= 2
	b, err := PlanStep(t.Context(), device, o)
	if err != nil {
		t.Fatal(err)
	}
	if a.Time.Runs != 0 || a.Parameters != b.Parameters || b.Activations < a.Activations*3/2 || b.Allocated < b.Activations+b.Parameters {
		t.Errorf("activations %d and %d for twice the batch, parameters %d and %d, allocated %d",
			a.Activations, b.Activations, a.Parameters, b.Parameters, b.Allocated)
	}
}

// TestFailedPeerDoesNotFailTheMeasurement runs programs that print no JSON in place of Python.
func TestFailedPeerDoesNotFailTheMeasurement(t *testing.T) {
	o := StepOptions{Arch: "resnet10", Backbone: map[string]any{"width": 4}, Batch: 8, Size: 16, Steps: 1}
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

func TestTrainingHasLossesAndSpeed(t *testing.T) {
	r, err := MeasureTraining(context.Background(), device, StepOptions{Arch: "resnet10", Backbone: map[string]any{"width": 4}, Batch: 8, Size: 16, Steps: 11})
	if err != nil {
		t.Fatal(err)
	}
	if !(r.FirstLoss > 0 && r.LastLoss > 0 && r.ImagesPerS > 0) {
		t.Errorf("%+v", r)
	}
}
