package eval

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/ssl/parallel"
)

// plain returns the objective of the probe in float64, term by term.
func plain(x [][]float64, labels []int32, classes int, penalty float64, w []float64) float64 {
	d := len(x[0])
	loss := 0.0
	for i := range x {
		sum := 0.0
		var own float64
		for c := range classes {
			z := w[classes*d+c] + floats.Dot(w[c*d:(c+1)*d], x[i])
			sum += math.Exp(z)
			if c == int(labels[i]) {
				own = z
			}
		}
		loss += math.Log(sum) - own
	}
	loss /= float64(len(x))
	for _, v := range w[:classes*d] {
		loss += penalty * v * v
	}
	return loss
}

func plainGradient(x [][]float64, labels []int32, classes int, penalty float64, w []float64) []float64 {
	g := make([]float64, len(w))
	w = slices.Clone(w)
	for i := range w {
		const h = 1e-5
		v := w[i]
		w[i] = v + h
		up := plain(x, labels, classes, penalty, w)
		w[i] = v - h
		g[i] = (up - plain(x, labels, classes, penalty, w)) / (2 * h)
		w[i] = v
	}
	return g
}

func rowsOf(m *matrix, d int) [][]float64 {
	x := make([][]float64, m.n)
	for i := range x {
		for _, v := range m.row(i)[:d] {
			x[i] = append(x[i], float64(v))
		}
	}
	return x
}

// Tolerance: weights and products are float32 (6e-8 relative each, logits here up to 3); central differences in float64 with h = 1e-5 are good to 1e-9.
func TestProbeGradientMatchesFiniteDifferenceOfPlainObjective(t *testing.T) {
	for _, c := range []struct{ n, d, classes int }{{1, 1, 2}, {65, 5, 3}, {700, 17, 4}} {
		f := clusters(2, c.n, c.d, c.classes, 1)
		p := probe{x: normalized(f, 10), d: c.d, labels: f.Labels, classes: c.classes, penalty: 0.03, each: parallel.Each}
		w, grad := make([]float64, c.classes*(c.d+1)), make([]float64, c.classes*(c.d+1))
		src := rng.New(5)
		for i := range w {
			w[i] = 0.3 * src.Normal()
		}
		value := p.value(t.Context(), w, grad)
		x := rowsOf(p.x, c.d)
		if want := plain(x, f.Labels, c.classes, p.penalty, w); math.Abs(value-want) > 1e-6 {
			t.Errorf("%v: value %.9f, want %.9f", c, value, want)
		}
		if diff := floats.Distance(grad, plainGradient(x, f.Labels, c.classes, p.penalty, w), math.Inf(1)); diff > 2e-6 {
			t.Errorf("%v: gradient is off by %.2g", c, diff)
		}
	}
}

// The reference is gradient descent with a fixed step until its gradient is below 1e-6. The objective is convex, so both must end at the same
// value. The tolerance 1e-6 is for the float32 products of the probe.
func TestFitReachesTheMinimumOfSlowGradientDescent(t *testing.T) {
	f := clusters(2, 60, 3, 3, 1)
	p := probe{x: normalized(f, 10), d: 3, labels: f.Labels, classes: 3, penalty: 1e-3, each: parallel.Each}
	x := rowsOf(p.x, 3)
	w := make([]float64, 12)
	norm := math.Inf(1)
	for step := 0; norm > 1e-6 && step < 100000; step++ {
		g := plainGradient(x, f.Labels, 3, p.penalty, w)
		floats.AddScaled(w, -0.05, g)
		norm = floats.Norm(g, 2)
	}
	if norm > 1e-6 {
		t.Fatalf("gradient descent stopped at a gradient of %.2g", norm)
	}
	want := plain(x, f.Labels, 3, p.penalty, w)
	got, err := p.fit(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	if v := plain(x, f.Labels, 3, p.penalty, got); math.Abs(v-want) > 1e-6 {
		t.Errorf("L-BFGS ends at %.9f, gradient descent at %.9f", v, want)
	}
	if diff := floats.Distance(got[:9], w[:9], math.Inf(1)); diff > 1e-2 { // curvature of at least 2·penalty: |Δw| ≤ √(1e-6/1e-3) ≈ 0.03
		t.Errorf("weights differ by %.2g", diff)
	}
}

// Two points on a line, one of each class, features ±10: by symmetry the logits are ±10u with W = (−u, u) and no bias,
// and u minimizes log(1 + exp(−20u)) + 2λu².
func TestFitMatchesTheClosedFormOfTwoPoints(t *testing.T) {
	f := &Features{N: 2, D: 1, X: []float32{-3, 5}, Labels: []int32{0, 1}}
	p := probe{x: normalized(f, 10), d: 1, labels: f.Labels, classes: 2, penalty: 1e-4, each: serial}
	w, err := p.fit(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	lo, hi := 0.0, 10.0 // bisection on the derivative −20/(1 + exp(20u)) + 4λu
	for range 100 {
		if u := (lo + hi) / 2; -20/(1+math.Exp(20*u))+4e-4*u < 0 {
			lo = u
		} else {
			hi = u
		}
	}
	if math.Abs(w[1]-lo) > 1e-3 || math.Abs(w[0]+lo) > 1e-3 || math.Abs(w[2]) > 1e-3 || math.Abs(w[3]) > 1e-3 {
		t.Fatalf("parameters %v, want %.5f and its negative, biases 0", w, lo)
	}
}

func TestLinearProbeFitsSeparableClasses(t *testing.T) {
	last := 0
	got, err := Linear(t.Context(), clusters(2, 200, 20, 5, 0.1), clusters(3, 100, 20, 5, 0.1), LinearOptions{Progress: func(step, steps int) {
		if steps != 100 || step != min(last+1, steps) {
			t.Errorf("step %d of %d after step %d, want the next of 100", step, steps, last)
		}
		last = step
	}})
	if err != nil || got != 100 || last < 10 {
		t.Fatalf("%v %% %v after %d steps, want 100 %%", got, err, last)
	}
	one, err := Linear(t.Context(), clusters(2, 10, 3, 1, 1), clusters(3, 10, 3, 1, 1), LinearOptions{})
	if err != nil || one != 100 {
		t.Fatalf("a single class: %v %% %v, want 100 %%", one, err)
	}
	zero := &Features{N: 4, D: 2, X: make([]float32, 8), Labels: []int32{0, 1, 1, 1}} // collapsed to zero: only the bias is left
	collapsed, err := Linear(t.Context(), zero, zero, LinearOptions{})
	if err != nil || collapsed != 75 {
		t.Fatalf("features of zero: %v %% %v, want the share of the larger class, 75 %%", collapsed, err)
	}
}

func TestFewShotIsTheLinearProbeOnEachSample(t *testing.T) {
	train, test := clusters(2, 200, 6, 4, 1.5), clusters(3, 150, 6, 4, 1.5)
	var percent []float64
	for draw := range 6 {
		chosen, err := Sample(train.Labels, 3, 11, draw)
		if err != nil {
			t.Fatal(err)
		}
		part := &Features{N: len(chosen), D: train.D}
		for _, i := range chosen {
			part.X = append(part.X, train.X[i*train.D:(i+1)*train.D]...)
			part.Labels = append(part.Labels, train.Labels[i])
		}
		v, err := Linear(t.Context(), part, test, LinearOptions{})
		if err != nil {
			t.Fatal(err)
		}
		percent = append(percent, v)
	}
	mean, std, err := LinearFewShot(t.Context(), train, test, 3, 6, 11)
	if want, spread := stat.MeanStdDev(percent, nil); err != nil || mean != want || std != spread {
		t.Fatalf("%v ± %v %v, want %v ± %v", mean, std, err, want, spread)
	}
	if std == 0 {
		t.Fatal("every draw gave the same accuracy")
	}
	if mean, std, err = LinearFewShot(t.Context(), train, test, 3, 1, 11); err != nil || mean != percent[0] || std != 0 {
		t.Fatalf("one draw: %v ± %v %v, want %v ± 0", mean, std, err, percent[0])
	}
}

func TestSampleDrawsEachClassWithoutReplacement(t *testing.T) {
	labels := make([]int32, 90)
	for i := range labels {
		labels[i] = int32(i % 3)
	}
	const perClass, draws = 10, 2000
	count := make([]int, len(labels))
	for draw := range draws {
		chosen, err := Sample(labels, perClass, 4, draw)
		if err != nil || len(chosen) != 3*perClass {
			t.Fatalf("%d images, %v", len(chosen), err)
		}
		seen := map[int]bool{}
		for at, i := range chosen {
			if seen[i] || labels[i] != int32(at/perClass) {
				t.Fatalf("draw %d: image %d of class %d at place %d, or twice", draw, i, labels[i], at)
			}
			seen[i] = true
			count[i]++
		}
	}
	for i, c := range count { // binomial(2000, 1/3): 667 ± 21; five of these
		if c < 561 || c > 773 {
			t.Errorf("image %d was drawn %d times of %d", i, c, draws)
		}
	}
	a, _ := Sample(labels, perClass, 4, 0)
	b, _ := Sample(labels, perClass, 4, 0)
	other, _ := Sample(labels, perClass, 5, 0)
	if !slices.Equal(a, b) || slices.Equal(a, other) {
		t.Fatal("a draw must repeat under its seed and change with it")
	}
	all, err := Sample(labels, 30, 4, 0)
	if slices.Sort(all); err != nil || all[0] != 0 || all[89] != 89 || len(slices.Compact(all)) != 90 {
		t.Fatalf("drawing every image gave %v %v", all, err)
	}
}

func TestSampleRefusesWhatItCannotDraw(t *testing.T) {
	for _, c := range []struct {
		labels         []int32
		perClass, draw int
	}{{[]int32{0, 1, 1}, 2, 0}, {[]int32{0, -1}, 1, 0}, {[]int32{0}, 0, 0}, {[]int32{0}, 1, -1}} {
		if got, err := Sample(c.labels, c.perClass, 0, c.draw); err == nil {
			t.Errorf("%+v gave %v", c, got)
		}
	}
}
