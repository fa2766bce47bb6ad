package ssl

import (
	"math"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/net"
)

// Each case is a mistake that re-implementations make. The number is that of the case in a list that TestDetails of package train continues.
func TestLossesMatchTheirFormulasInFloat64(t *testing.T) {
	for _, d := range []struct {
		name  string
		check func(t *testing.T)
	}{
		{"01 NT-Xent excludes only the similarity of an embedding with itself, and is the mean over both views", ntxentIsItsFormula(0.5)},
		{"02 NT-Xent is exact at a low temperature", ntxentIsItsFormula(0.005)},
		{"04 BYOL is the sum of both directions, 2 − 2cos each", opposite(symmetricLoss, 8)},
		{"09 DINO's loss uses the center of the previous step, and no pair of a view with itself", centeredLoss},
		{"19 SimSiam is the mean of both directions", opposite(symmetricNegativeCosine, 1)},
	} {
		t.Run(d.name, d.check)
	}
}

// evaluate returns the value of a loss of inputs [n width] by name, after the updates that it registers for the end of a step.
func evaluate(t *testing.T, width int, in map[string][]float32, build func(s *Step, in embeddings) *kernels.Tensor) float64 {
	t.Helper()
	loss, _ := differentiate(t, width, in, "", build)
	return loss
}

// differentiate returns the loss as evaluate does, and its gradient with respect to the input of this name ("": none).
func differentiate(t *testing.T, width int, in map[string][]float32, input string, build func(s *Step, in embeddings) *kernels.Tensor) (float64, []float32) {
	t.Helper()
	s := &Step{Heads: net.Scope{Store: kernels.NewStore(device)}, N: 1}
	t.Cleanup(s.Heads.Store.Free)
	prog, err := kernels.Build(device, s.Heads.Store, func(g *kernels.Graph) {
		s.Graph = g
		x := embeddings{}
		for name, v := range in {
			x[name] = g.Input(name, kernels.F32, len(v)/width, width)
		}
		if input != "" {
			x[input].Track()
		}
		loss := build(s, x)
		g.Output("loss", loss)
		if input != "" {
			g.Backward(loss)
			g.Output("gradient", x[input].Grad())
		}
		for _, f := range s.Requests.AfterUpdate {
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
	for name, v := range s.Requests.Scalars {
		r.Set(name, v.At(0, 1))
	}
	setMicro(prog, r)
	finish(t, r)
	gradient := make([]float32, len(in[input]))
	if input != "" {
		kernels.Unpack(gradient, r.Output("gradient"), width)
	}
	return float64(r.Output("loss")[0]), gradient
}

// setMicro sets the index of the micro-batch, which losses with a batch norm have.
func setMicro(prog *kernels.Program, r *kernels.Run) {
	if prog.Segment("main").HasScalar("micro") {
		r.Set("micro", 0)
	}
}

func normal(seed uint64, n int) []float32 {
	src, v := rng.New(seed), make([]float32, n)
	for i := range v {
		v[i] = float32(src.Normal())
	}
	return v
}

// ntxentIsItsFormula compares NT-Xent with −log(exp(z_i·z_j/τ) / Σ_{k≠i} exp(z_i·z_k/τ)), j the other view of i, mean over i.
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

// opposite checks a loss of two directions on predictions opposite to their targets.
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

// centeredLoss compares DINO's loss on two views of one image, with c = 0, and its next center c = 0.1·mean t with
//
//	loss = ½ Σ_{i≠j} −Σ_k softmax((t_i − c)/τ_t) log softmax(s_j/τ_s)
func centeredLoss(t *testing.T) {
	const k = 5
	in := map[string][]float32{"t1": normal(1, k), "t2": normal(2, k), "s1": normal(3, k), "s2": normal(4, k)}
	m := &DINO{Prototypes: k, StudentTemp: 0.5, TeacherTemp: 0.3, CenterMomentum: 0.9}
	var center *kernels.State
	got := evaluate(t, k, in, func(s *Step, in embeddings) *kernels.Tensor {
		loss, _ := m.distill(s, []*kernels.Tensor{in["s1"], in["s2"]}, kernels.Concat(in["t1"], in["t2"]))
		center = s.Heads.Store.State("center", 0, k)
		return loss
	})
	over := func(v []float32, temperature float64) (x []float64) {
		for _, v := range v {
			x = append(x, float64(v)/temperature)
		}
		return x
	}
	want := 0.0
	for _, pair := range [][2]string{{"t1", "s2"}, {"t2", "s1"}} {
		teacher, student := over(in[pair[0]], m.TeacherTemp), over(in[pair[1]], m.StudentTemp)
		for i := range k {
			want -= 0.5 * math.Exp(teacher[i]-logSumExp(teacher)) * (student[i] - logSumExp(student))
		}
	}
	if !(math.Abs(got-want) <= 1e-5*want) {
		t.Errorf("loss %g, want %g", got, want)
	}
	for i, c := range read(t, center.Read) {
		if want := 0.1 * float64(in["t1"][i]+in["t2"][i]) / 2; math.Abs(float64(c)-want) > 1e-6 {
			t.Errorf("center %d is %g after the step, want %g", i, c, want)
		}
	}
}

func read(t *testing.T, f func() ([]float32, error)) []float32 {
	t.Helper()
	v, err := f()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func norm(v []float32) float64 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum)
}
