package watch

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels/rng"
)

// pool makes the tests faster.
var pool = func() []float32 {
	src, x := rng.New(1), make([]float32, 99991) // a prime: no width makes rows repeat
	for i := range x {
		x[i] = float32(src.Normal())
	}
	return x
}()

// normal returns n embeddings of width d, uniform on the sphere.
func normal(seed, n, d int) []float32 {
	z := make([]float32, n*d)
	for i := range z {
		z[i] = pool[(7919*seed+i)%len(pool)]
	}
	return z
}

// softmax returns the teacher's probabilities for logits.
func softmax(logits []float32, k int, temperature float64) []float32 {
	p := make([]float32, len(logits))
	for at := 0; at < len(p); at += k {
		row, sum := logits[at:at+k], 0.
		top := float64(slices.Max(row))
		for _, v := range row {
			sum += math.Exp((float64(v) - top) / temperature)
		}
		for j, v := range row {
			p[at+j] = float32(math.Exp((float64(v)-top)/temperature) / sum)
		}
	}
	return p
}

func near(t *testing.T, name string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s %.9g, want %.9g ± %g", name, got, want, tolerance)
	}
}

// The numbers are PyTorch's in float64, for rows rounded to float32:
//
//	z = [[sin(1+3*i+0.7*j*j)+0.5 for j in range(6)] for i in range(10)];  t = normalize(tensor(z));  s = svdvals(t);  p = s/s.sum()
//	t.std(0).mean(), exp(-(p*p.log()).sum()), ((t@t.T).sum()-10)/90
//	P = softmax(tensor([[3*sin(2+5*i+k) for k in range(4)] for i in range(10)]), 1);  m = P.mean(0)
//	-(P*P.log()).sum(1).mean(), -(m*m.log()).sum(), (P*(P/m).log()).sum(1).mean()
func TestMetricsAgreeWithPyTorch(t *testing.T) {
	s := Sample{N: 10, D: 6, K: 4}
	var logits []float32
	for i := range 10 {
		for j := range 6 {
			s.Z = append(s.Z, float32(math.Sin(float64(1+3*i)+0.7*float64(j*j))+0.5))
		}
		for k := range 4 {
			logits = append(logits, float32(3*math.Sin(float64(2+5*i+k))))
		}
	}
	s.Teacher = softmax(logits, 4, 1)
	r := Measure(s)
	near(t, "std", r.Std, 0.3252998893893283, 1e-9)
	near(t, "rank", r.Rank, 2.8128784917671363, 1e-5) // of rank 3 but for rounding, which roots of eigenvalues know to 1e-8
	near(t, "cosine", r.Cosine, 0.31072733884538006, 1e-9)
	near(t, "entropy", r.Entropy, 0.6873126347721976, 1e-6) // float32 probabilities
	near(t, "marginal", r.MarginalEntropy, 1.343042037575145, 1e-6)
	near(t, "KL", r.KL, 0.6557294028029473, 1e-6)
	near(t, "std of uniform", r.UniformStd, 1/math.Sqrt(6), 1e-15)
	near(t, "entropy of uniform", r.MaxEntropy, math.Log(4), 1e-15)
	near(t, "max rank", r.MaxRank, 6, 0)
}

func TestMetricsOfKnownCasesAreExact(t *testing.T) {
	eye := func(n, d int) []float32 {
		z := make([]float32, n*d)
		for i := range n {
			z[i*d+i%d] = float32(1 + i)
		}
		return z
	}
	for _, c := range []struct {
		name              string
		z                 []float32
		n, d              int
		std, rank, cosine float64
	}{
		{"an axis each", eye(4, 4), 4, 4, 0.5, 4, 0},                                                   // a coordinate is 1, 0, 0, 0: variance ¼
		{"two images an axis, more rows than columns", eye(8, 4), 8, 4, math.Sqrt(3. / 14), 4, 1. / 7}, // one other of seven is the same
		{"fewer rows than columns", eye(2, 5), 2, 5, 2 * math.Sqrt(0.5) / 5, 2, 0},
		{"one direction", []float32{1, 2, 2, 4, 3, 6}, 3, 2, 0, 1, 1},
		{"two poles", []float32{1, 0, -1, 0, 2, 0, -2, 0}, 4, 2, math.Sqrt(4./3) / 2, 1, -1. / 3},
		{"nothing", make([]float32, 12), 4, 3, 0, 0, 0},
	} {
		r := Measure(Sample{Z: c.z, N: c.n, D: c.d})
		near(t, c.name+": std", r.Std, c.std, 1e-7)
		near(t, c.name+": rank", r.Rank, c.rank, 1e-6) // a rounding of 1e-16 in an eigenvalue is 1e-8 in its root, and 2e-7 in the entropy
		near(t, c.name+": cosine", r.Cosine, c.cosine, 1e-12)
	}
	for _, c := range []struct {
		name              string
		p                 []float32
		entropy, marginal float64
	}{
		{"uniform", []float32{.25, .25, .25, .25, .25, .25, .25, .25}, math.Log(4), math.Log(4)},
		{"dominated", []float32{0, 1, 0, 0, 0, 1, 0, 0}, 0, 0},
		{"sharp and even", []float32{0, 1, 0, 0, 0, 0, 0, 1}, 0, math.Log(2)},
	} {
		r := Measure(Sample{Z: c.p, N: 2, D: 4, Teacher: c.p, K: 4})
		near(t, c.name+": entropy", r.Entropy, c.entropy, 1e-12)
		near(t, c.name+": marginal", r.MarginalEntropy, c.marginal, 1e-12)
		near(t, c.name+": KL", r.KL, c.marginal-c.entropy, 1e-12)
	}
}

// A rotation of the space, other lengths, another order of images and another order of prototypes do not change the metrics.
func TestMetricsDoNotDependOnRotationLengthsAndOrder(t *testing.T) {
	const n, d = 96, 24
	z := normal(1, n, d)
	for i := range z {
		z[i] = z[i]/float32(1+i%d) + 0.2 // neither even nor centered
	}
	want := Measure(Sample{Z: z, N: n, D: d, Teacher: softmax(z, d, 0.1), K: d})
	turned := slices.Clone(z)
	for j := range d - 1 { // a rotation in each plane of neighbors
		sin, cos := math.Sincos(float64(1 + j))
		for at := 0; at < len(turned); at += d {
			a, b := float64(turned[at+j]), float64(turned[at+j+1])
			turned[at+j], turned[at+j+1] = float32(cos*a-sin*b), float32(sin*a+cos*b)
		}
	}
	scaled, order := slices.Clone(z), make([]float32, 0, n*d)
	for i := range scaled {
		scaled[i] *= float32(math.Exp(float64(i/d%40) - 20))
	}
	for i := n - 1; i >= 0; i-- {
		order = append(order, z[i*d:(i+1)*d]...)
	}
	permuted := softmax(z, d, 0.1)
	for at := 0; at < len(permuted); at += d {
		slices.Reverse(permuted[at : at+d])
	}
	for name, x := range map[string][]float32{"rotation": turned, "lengths": scaled, "order": order} {
		r := Measure(Sample{Z: x, N: n, D: d, Teacher: permuted, K: d})
		near(t, name+": rank", r.Rank, want.Rank, 1e-4*want.Rank) // float32 coordinates
		near(t, name+": cosine", r.Cosine, want.Cosine, 1e-6)
		near(t, name+": KL", r.KL, want.KL, 1e-6)
		if name != "rotation" { // the mean of deviations, not of variances, depends on the axes
			near(t, name+": std", r.Std, want.Std, 1e-6)
		}
	}
}

// Measure reads at most 512 equally spaced rows: not the rows between them, but also those of the last eighth.
func TestMeasureReadsEquallySpacedRows(t *testing.T) {
	const n, d = 2048, 8
	all, some := normal(1, n, d), []float32(nil)
	for i := 0; i < n; i += 4 {
		some = append(some, all[i*d:(i+1)*d]...)
	}
	a := Measure(Sample{Z: all, N: n, D: d, Teacher: softmax(all, d, 1), K: d, Accuracy: 0.5})
	b := Measure(Sample{Z: some, N: n / 4, D: d, Teacher: softmax(some, d, 1), K: d, Accuracy: 0.5})
	if a != b {
		t.Errorf("%+v, want %+v", a, b)
	}
}

func TestUndefinedMetricsAreNaN(t *testing.T) {
	inf := float32(math.Inf(1))
	for name, s := range map[string]Sample{
		"one image": {Z: []float32{1, 2}, N: 1, D: 2}, "none": {D: 2}, "infinite": {Z: []float32{1, inf, 0, 1}, N: 2, D: 2},
		"teacher infinite": {Z: []float32{inf}, N: 1, D: 1, Teacher: []float32{inf, 0}, K: 2},
	} {
		if r := Measure(s); !math.IsNaN(r.Std) || !math.IsNaN(r.Rank) || !math.IsNaN(r.Cosine) || !math.IsNaN(r.Entropy) || !math.IsNaN(r.KL) {
			t.Errorf("%s: %+v", name, r)
		}
	}
	for want, s := range map[string]Sample{"3 numbers of embeddings for [2 2]": {Z: make([]float32, 3), N: 2, D: 2},
		"3 probabilities of a teacher with K = 2": {Z: []float32{1}, N: 1, D: 1, Teacher: make([]float32, 3), K: 2}} {
		func() {
			defer func() {
				if e, _ := recover().(string); !strings.Contains(e, want) {
					t.Errorf("panic %q, want %q", e, want)
				}
			}()
			Measure(s)
		}()
	}
}

func BenchmarkMeasure(b *testing.B) {
	for _, d := range []int{128, 512, 2048} {
		s := Sample{Z: normal(1, 512, d), N: 512, D: d}
		b.Run(map[int]string{128: "512x128", 512: "512x512", 2048: "512x2048"}[d], func(b *testing.B) {
			for b.Loop() {
				Measure(s)
			}
		})
	}
}
