package ssl

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"marr/kernels"
	"marr/kernels/rng"
	"marr/net"
)

// What re-implementations of these methods get wrong, by the number that it has in our list. Shown elsewhere: colour jitter, order of ops, crops, blur
// and solarisation (23 to 29) by TestViewsMatchTorchvision, TestRowsAreTorchvisionsOnTheSameDraws and TestPresetsHaveTheirSourcesNumbers, kNN (30) by
// TestKNNMatchesBruteForce. The rest are of methods that are not here, or of how results are told.
func TestDetails(t *testing.T) {
	for _, d := range []struct {
		name  string
		check func(t *testing.T)
	}{
		{"01 NT-Xent leaves out the image itself alone, and is a mean over both views", ntxentIsItsFormula(0.5)},
		{"02 NT-Xent is exact at a low temperature", ntxentIsItsFormula(0.005)},
		{"03 SimCLR has batch norm behind the hidden layer, and a bias behind the last alone", headIs("simclr", "projector", "0.weight 1.bias 1.weight 3.bias 3.weight")},
		{"04 BYOL sums both directions, 2 − 2cos each", opposite(bothWays, 8)},
		{"05 BYOL's product is the online network, DINO's the teacher", products},
		{"06 momentum encoders normalise by their own batches, and keep statistics of their own", momentumStatistics},
		{"07 averages move after the optimizer, by the cosine of the step", averagesMove},
		{"08 momentum encoders begin as copies", copies},
		{"09 DINO's loss has the centre of before, and no pair of one view", centred},
		{"10 DINO's head begins small, and its last layer is frozen whole", dinoHead},
		{"11 each parameter's gradient is clipped by itself, and biases do not decay", clippedEach},
		{"12 DINO's views of one size are one population", populations},
		{"13 LARS adapts weights, and neither adapts nor decays vectors", adapted("lars", 0.1, func(p, _ float64) float64 { return 0.001 * p })},
		{"14 LARC trusts 0.02, and goes no farther than SGD", adapted("larc", 0, func(p, g float64) float64 { return math.Min(0.02*p, g) })},
		{"16 the first step of a warm-up has a rate", warmedUp},
		{"19 SimSiam takes the mean of both directions", opposite(negativeBothWays, 1)},
		{"19 SimSiam's projector ends in a batch norm without scale and shift", headIs("simsiam", "projector", "0.weight 1.bias 1.weight 3.weight 4.bias 4.weight 6.weight")},
		{"32 features have batch norm's running statistics", alone},
	} {
		t.Run(d.name, d.check)
	}
}

// started is a method's run on eight samples before its first step: SGD of rate 1 without decay, unless it is changed.
func started(t *testing.T, method string, change func(c *Config, m Method)) *Trainer {
	t.Helper()
	m, err := New(method)
	if err != nil {
		t.Fatal(err)
	}
	c := smallConfig()
	c.Method, c.Optimizer, c.LR, c.Warmup = method, "sgd", 1, 0
	if change != nil {
		change(&c, m)
	}
	x, err := NewTrainer(kernels.NewStore(device), c, m, eightOf(method))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Free)
	return x
}

func step(t *testing.T, x *Trainer) (r Report) {
	t.Helper()
	if err := x.Train(context.Background(), x.Step()+1, func(y Report) { r = y }); err != nil {
		t.Fatal(err)
	}
	return r
}

// values are all parameters by name; with the states where they are asked for.
func values(t *testing.T, x *Trainer) map[string][]float32 {
	t.Helper()
	all := map[string][]float32{}
	for _, p := range x.Store.Params() {
		all[p.Name] = must(t)(p.Read())
		if p.Averaged() {
			all["average "+p.Name] = must(t)(p.ReadAverage())
		}
	}
	for _, s := range x.Store.States() {
		all[s.Name] = must(t)(s.Read())
	}
	return all
}

// apart is the 2-norm of a − b.
func apart(a, b []float32) float64 {
	d := make([]float32, len(a))
	for i := range d {
		d[i] = a[i] - b[i]
	}
	return norm(d)
}

// evaluate builds a loss of inputs [n width] by name, with what follows a step, and returns its value.
func evaluate(t *testing.T, width int, in map[string][]float32, build func(s *Step, in embeddings) *kernels.Tensor) float64 {
	t.Helper()
	s := &Step{Store: kernels.NewStore(device), N: 1}
	t.Cleanup(s.Store.Free)
	prog, err := kernels.Build(device, s.Store, func(g *kernels.Graph) {
		s.Graph = g
		x := embeddings{}
		for name, v := range in {
			x[name] = g.Input(name, kernels.F32, len(v)/width, width)
		}
		g.Output("loss", build(s, x))
		for _, f := range s.after {
			f(g)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer prog.Free()
	r := begin(t, prog.Segment("main"))
	for name, v := range in {
		kernels.Pack(r.Floats(name), v, width)
	}
	for name, v := range s.scalars {
		r.Set(name, v.At(0, 1))
	}
	finish(t, r)
	return float64(r.Output("loss")[0])
}

func normal(seed uint64, n int) []float32 {
	src, v := rng.New(seed), make([]float32, n)
	for i := range v {
		v[i] = float32(src.Normal())
	}
	return v
}

// ntxentIsItsFormula: −log(exp(z_i·z_j/τ) / Σ_{k≠i} exp(z_i·z_k/τ)), j the other view of i, mean over i.
func ntxentIsItsFormula(temperature float64) func(t *testing.T) {
	return func(t *testing.T) {
		const n, d = 3, 4
		z := normal(1, 2*n*d)
		got := evaluate(t, d, map[string][]float32{"z": z}, func(_ *Step, in embeddings) *kernels.Tensor {
			return kernels.NTXent(kernels.L2Normalize(in["z"]), temperature)
		})
		want := 0.0
		for i := range 2 * n {
			var logits []float64
			positive := 0.0
			for k := range 2 * n {
				a, b, dot := z[i*d:(i+1)*d], z[k*d:(k+1)*d], 0.0
				for j := range a {
					dot += float64(a[j]) * float64(b[j])
				}
				dot /= norm(a) * norm(b) * temperature
				if k != i {
					logits = append(logits, dot)
				}
				if k == (i+n)%(2*n) {
					positive = dot
				}
			}
			want += (logSumExp(logits) - positive) / (2 * n)
		}
		if !(math.Abs(got-want) <= 1e-5*want) {
			t.Errorf("loss %g, want %g", got, want)
		}
	}
}

func logSumExp(x []float64) float64 {
	most, sum := math.Inf(-1), 0.0
	for _, v := range x {
		most = math.Max(most, v)
	}
	for _, v := range x {
		sum += math.Exp(v - most)
	}
	return most + math.Log(sum)
}

// opposite gives a loss of two directions predictions that point away from their targets.
func opposite(loss func(p, z [2]*kernels.Tensor) *kernels.Tensor, want float64) func(t *testing.T) {
	return func(t *testing.T) {
		in := map[string][]float32{"a": normal(1, 12), "b": normal(2, 12)}
		got := evaluate(t, 4, in, func(_ *Step, in embeddings) *kernels.Tensor {
			return loss([2]*kernels.Tensor{kernels.Scale(in["b"], -2), kernels.Scale(in["a"], -3)}, [2]*kernels.Tensor{in["a"], in["b"]})
		})
		if math.Abs(got-want) > 1e-5 {
			t.Errorf("loss %g, want %g", got, want)
		}
	}
}

// headIs compares the parameters of a head, by their names.
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

func products(t *testing.T) {
	for method, want := range map[string]string{"byol": "", "simclr": "", "dino": net.Teacher} {
		if x := started(t, method, nil); x.loss.product != want || (want == "") != (x.Product() == net.Module(x.Backbone)) {
			t.Errorf("%s evaluates branch %q, want %q", method, x.loss.product, want)
		}
	}
}

// As copies they see at first what the online network sees, and have its statistics; an average of its statistics would have a hundredth of them.
func momentumStatistics(t *testing.T) {
	x := started(t, "byol", nil)
	step(t, x)
	one := values(t, x)
	online, own := "layer4.0.bn2.running_mean", "momentum.layer4.0.bn2.running_mean"
	if norm(one[own]) == 0 || apart(one[own], one[online]) > 0 {
		t.Errorf("after the first step they are %g from those of the online network, of norm %g", apart(one[own], one[online]), norm(one[own]))
	}
	step(t, x)
	if two := values(t, x); apart(two[own], one[own]) == 0 || apart(two[own], two[online]) == 0 {
		t.Error("after the second step they have not moved, or are those of the online network")
	}
}

func averagesMove(t *testing.T) {
	x := started(t, "byol", func(c *Config, m Method) { m.(*BYOL).Momentum, c.Epochs, c.LR = 0.9, 2, 0.1 })
	before := values(t, x)
	for k := range 2 {
		step(t, x)
		after := values(t, x)
		m := 1 - 0.1*(math.Cos(math.Pi*float64(k)/2)+1)/2
		const name = "layer3.0.conv1.weight"
		want := make([]float32, len(after[name]))
		for i, v := range before["average "+name] {
			want[i] = float32(m*float64(v) + (1-m)*float64(after[name][i]))
		}
		if d := apart(after["average "+name], want); !(d <= 1e-6*norm(want)) {
			t.Errorf("step %d: %g from m = %g of the old average and the rest of the new value", k, d, m)
		}
		before = after
	}
}

func copies(t *testing.T) {
	for _, method := range []string{"byol", "dino"} {
		x := started(t, method, nil)
		v := values(t, x)
		for _, p := range x.Store.Params() {
			if average := v["average "+p.Name]; p.Averaged() && apart(average, v[p.Name]) != 0 {
				t.Errorf("%s: the average of %s begins as another", method, p.Name)
			}
		}
	}
}
