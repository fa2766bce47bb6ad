package train

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl"
)

// Each case is a mistake that re-implementations of these methods make in training. Package ssl tests the formulas of the losses. Other tests cover color
// jitter, order of ops, crops, blur and solarization (23 to 29: TestViewsMatchTorchvision, TestRowsAreTorchvisionsOnTheSameDraws and
// TestPresetsHaveTheirSourcesNumbers) and k-NN (30: TestKNNMatchesBruteForce). The missing numbers concern other methods and reports of results.
func TestDetails(t *testing.T) {
	for _, d := range []struct {
		name  string
		check func(t *testing.T)
	}{
		{"03 SimCLR has batch norm after the hidden layer, and a bias only after the last layer", headIs("simclr", "projector", "0.weight 1.bias 1.weight 3.bias 3.weight")},
		{"05 BYOL exports the online network, DINO the teacher", exportBranches},
		{"06 momentum encoders normalize by their own batches, and have their own running statistics", momentumStatistics},
		{"07 averages are updated after the optimizer, with the momentum of the cosine schedule", averagesMove},
		{"08 momentum encoders start as copies", copies},
		{"10 DINO's head has small first values, and its last layer is frozen completely", dinoHead},
		{"11 each parameter's gradient is clipped separately, and biases have no weight decay", clippedEach},
		{"12 DINO's views of one size share batch norm statistics", batchNormBatches},
		{"13 LARS adapts the rate of weights, and neither adapts nor decays vectors", adapted("lars", 0.1, func(p, _ float64) float64 { return 0.001 * p })},
		{"14 LARC has a trust coefficient of 0.02, and never moves farther than SGD", adapted("larc", 0, func(p, g float64) float64 { return math.Min(0.02*p, g) })},
		{"16 the first step of a warm-up has a rate above 0", warmedUp},
		{"19 SimSiam's projector ends in a batch norm without scale and shift", headIs("simsiam", "projector", "0.weight 1.bias 1.weight 3.weight 4.bias 4.weight 6.weight")},
		{"20 MoCo v2's projector has no batch norm", headIs("mocov2", "projector", "0.bias 0.weight 2.bias 2.weight")},
		{"21 MoCo v3's predictor has no bias, and for a ResNet no batch norm at its end", headIs("mocov3", "predictor", "0.weight 1.bias 1.weight 3.weight")},
		{"LeJEPA's projector has a bias in its last layer alone", headIs("lejepa", "projector", "0.weight 1.bias 1.weight 3.weight 4.bias 4.weight 6.bias 6.weight")},
		{"32 features use the running statistics of batch norm", featuresOfOneImage},
	} {
		t.Run(d.name, d.check)
	}
}

// started returns a trainer of a method on eight samples before its first step: SGD with rate 1 and no decay, unless change sets others.
func started(t *testing.T, method string, change func(c *Config, m ssl.Method)) *Trainer {
	t.Helper()
	m, err := ssl.New(method)
	if err != nil {
		t.Fatal(err)
	}
	c := configFor(m)
	c.Optimizer, c.LR, c.Warmup = "sgd", 1, 0
	if change != nil {
		change(&c, m)
	}
	set := eightOf(method)
	x, err := New(kernels.NewStore(device), c, Job{Method: taught(m, set), Set: set})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Free)
	return x
}

func step(t *testing.T, x *Trainer) (r StepResult) {
	t.Helper()
	if err := x.Train(context.Background(), x.Step()+1, func(y StepResult) { r = y }); err != nil {
		t.Fatal(err)
	}
	return r
}

// values returns all parameters, averages and states by name.
func values(t *testing.T, x *Trainer) map[string][]float32 {
	t.Helper()
	all := map[string][]float32{}
	for _, p := range x.Store.Params() {
		all[p.Name] = must(t)(p.Read())
		if p.HasAverage() {
			all["average "+p.Name] = must(t)(p.ReadAverage())
		}
	}
	for _, s := range x.Store.States() {
		all[s.Name] = must(t)(s.Read())
	}
	return all
}

// apart returns the 2-norm of a − b.
func apart(a, b []float32) float64 {
	d := make([]float32, len(a))
	for i := range d {
		d[i] = a[i] - b[i]
	}
	return norm(d)
}

// headIs compares the names of a head's parameters.
func headIs(method, prefix, want string) func(t *testing.T) {
	return func(t *testing.T) {
		var names []string
		for _, p := range started(t, method, nil).Store.Params() {
			if own, ok := strings.CutPrefix(p.Name, prefix+"."); ok {
				names = append(names, own)
			}
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != want {
			t.Errorf("parameters %q, want %q", got, want)
		}
	}
}

func exportBranches(t *testing.T) {
	for method, want := range map[string]string{"byol": "", "simclr": "", "dino": net.Teacher} {
		if x := started(t, method, nil); x.Branch() != want || (want == "") != (x.ExportBranch() == net.Module(x.Backbone)) {
			t.Errorf("%s evaluates branch %q, want %q", method, x.Branch(), want)
		}
	}
}

// The first step gives a copy the same activations and so the statistics of the online network. An average of those would be a hundredth.
func momentumStatistics(t *testing.T) {
	x := started(t, "byol", nil)
	step(t, x)
	one := values(t, x)
	online, own := "backbone.layer4.0.bn2.running_mean", "momentum.backbone.layer4.0.bn2.running_mean"
	if norm(one[own]) == 0 || apart(one[own], one[online]) > 0 {
		t.Errorf("after the first step, the statistics are %g from those of the online network, of norm %g", apart(one[own], one[online]), norm(one[own]))
	}
	step(t, x)
	if two := values(t, x); apart(two[own], one[own]) == 0 || apart(two[own], two[online]) == 0 {
		t.Error("after the second step, the statistics are those of the first or of the online network")
	}
}

func averagesMove(t *testing.T) {
	x := started(t, "byol", func(c *Config, m ssl.Method) { m.(*ssl.BYOL).Momentum, c.Epochs, c.LR = 0.9, 2, 0.1 })
	before := values(t, x)
	for k := range 2 {
		step(t, x)
		after := values(t, x)
		m := 1 - 0.1*(math.Cos(math.Pi*float64(k)/2)+1)/2
		const name = "backbone.layer3.0.conv1.weight"
		want := make([]float32, len(after[name]))
		for i, v := range before["average "+name] {
			want[i] = float32(m*float64(v) + (1-m)*float64(after[name][i]))
		}
		if d := apart(after["average "+name], want); !(d <= 1e-6*norm(want)) {
			t.Errorf("step %d: the average is %g from m·old + (1 − m)·new with m = %g", k, d, m)
		}
		before = after
	}
}

func copies(t *testing.T) {
	for _, method := range []string{"byol", "dino"} {
		x := started(t, method, nil)
		v := values(t, x)
		for _, p := range x.Store.Params() {
			if average := v["average "+p.Name]; p.HasAverage() && apart(average, v[p.Name]) != 0 {
				t.Errorf("%s: the average of %s starts with other values", method, p.Name)
			}
		}
	}
}
