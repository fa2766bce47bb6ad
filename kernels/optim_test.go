package kernels_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/ref/golden"
	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/vk"
	"github.com/marr-ssl/marr/vk/vktest"
)

// optimizerTolerance is for a step of several float32 operations, each off by up to 6e-8, or by a little more for √ and ÷ on the device.
const optimizerTolerance = 1e-6

// optimizerProgram is a program that applies one optimizer to parameters whose gradients the host sets.
type optimizerProgram struct {
	t      *testing.T
	store  *kernels.Store
	prog   *kernels.Program
	params []*kernels.Param
	norm   float64 // of the last step's gradients
}

// updater returns a program for parameters of the given first values. The gradient of Σ r⊙(0 + p) with respect to p is r. A clip above 0 clips the
// gradients.
func updater(t *testing.T, dev *vk.Device, values map[string][]float32, clip float64, update func(g *kernels.Graph), names ...string) *optimizerProgram {
	t.Helper()
	u := &optimizerProgram{t: t, store: kernels.NewStore(dev)}
	t.Cleanup(u.store.Free)
	var err error
	u.prog, err = kernels.Build(dev, u.store, func(g *kernels.Graph) {
		g.ClearGrads()
		var last *kernels.Tensor
		for _, name := range names {
			v := values[name]
			p := g.Store().Param(name, func() []float32 { return v }, len(v))
			p.NoDecay = strings.HasSuffix(name, "bias")
			u.params = append(u.params, p)
			last = kernels.Bias(g.Input("zero "+name, kernels.F32, 1, len(v)), p)
			g.BackwardFrom(last, g.Input("gradient "+name, kernels.F32, 1, len(v)))
		}
		loss := g.Input("loss", kernels.F32, 1)
		g.Clip(clip)
		g.CheckFinite(loss)
		update(g)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.prog.Free)
	return u
}

// apply runs one step and returns its verdict.
func (u *optimizerProgram) apply(loss float32, gradients map[string][]float32, scalars map[string]float64) (tensor string, applied int) {
	u.t.Helper()
	r, err := u.prog.Segment("main").Begin()
	if err != nil {
		u.t.Fatal(err)
	}
	for _, p := range u.params {
		clear(r.Floats("zero " + p.Name))
		kernels.Pack(r.Floats("gradient "+p.Name), gradients[p.Name], p.Shape[0])
	}
	r.Floats("loss")[0] = loss
	for name, v := range scalars {
		r.Set(name, v)
	}
	if err := r.Submit(); err != nil {
		u.t.Fatal(err)
	}
	if err := r.Wait(); err != nil {
		u.t.Fatal(err)
	}
	u.norm = float64(r.Output("gradient_norm")[0])
	return u.store.Verdict(r.Output("halt"))
}

func (u *optimizerProgram) read(f func(p *kernels.Param) ([]float32, error), name string) []float32 {
	u.t.Helper()
	i := slices.IndexFunc(u.params, func(p *kernels.Param) bool { return p.Name == name })
	v, err := f(u.params[i])
	if err != nil {
		u.t.Fatal(err)
	}
	return v
}

func moment(m kernels.Moment) func(p *kernels.Param) ([]float32, error) {
	return func(p *kernels.Param) ([]float32, error) { return p.ReadMoment(m) }
}

func adamScalars(lr, decay, beta1, beta2 float64, step int) map[string]float64 {
	return map[string]float64{"lr": lr, "decay": decay, "c1": 1 - math.Pow(beta1, float64(step)), "c2": 1 - math.Pow(beta2, float64(step))}
}

func TestOptimizersMatchPyTorch(t *testing.T) {
	file, err := golden.Load("testdata/ops.json")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, c := range file.Cases {
		a, outputs := c.Attrs, map[string]func(p *kernels.Param) ([]float32, error){"p": (*kernels.Param).Read}
		var update func(g *kernels.Graph)
		switch c.Op {
		case "sgd":
			update, outputs["buf"] = kernels.SGD{OptMomentum: a["momentum"], Nesterov: a["nesterov"] == 1}.Update, moment(0)
		case "lars", "larc":
			update, outputs["buf"] = kernels.LARS{SGD: kernels.SGD{OptMomentum: a["momentum"]}, Trust: a["eta"], Clipped: c.Op == "larc"}.Update, moment(0)
		case "adamw":
			update = kernels.AdamW{Beta1: a["beta1"], Beta2: a["beta2"], Eps: a["eps"], Coupled: a["coupled"] == 1}.Update
			outputs["m"], outputs["v"] = moment(0), moment(1)
		default:
			continue
		}
		seen[c.Op] = true
		t.Run(c.Name, func(t *testing.T) {
			u := updater(t, device, map[string][]float32{"p": c.Values(c.Inputs[0])}, a["clip"], update, "p")
			for i, s := range c.Inputs[1:] { // g0, g1, …: the gradients of the steps
				scalars := adamScalars(a["lr"], a["weight_decay"], a["beta1"], a["beta2"], i+1)
				if c.Op != "adamw" {
					scalars = map[string]float64{"lr": a["lr"], "decay": a["weight_decay"]}
				}
				if _, applied := u.apply(1, map[string][]float32{"p": c.Values(s)}, scalars); applied != i+1 {
					t.Fatalf("%d steps applied, want %d", applied, i+1)
				}
			}
			for _, want := range c.Outputs {
				if d := want.Distance32(u.read(outputs[want.Name], "p")); !(d <= optimizerTolerance) {
					t.Errorf("%s: %.2g from PyTorch, want at most %g", want.Name, d, optimizerTolerance)
				}
			}
		})
	}
	if len(seen) != 4 {
		t.Errorf("golden cases only of %v", seen)
	}
}

// averaging returns update with moving averages for the parameters whose names begin with prefix.
func averaging(prefix string, update func(g *kernels.Graph)) func(g *kernels.Graph) {
	return func(g *kernels.Graph) {
		for _, p := range g.Store().Params() {
			if strings.HasPrefix(p.Name, prefix) {
				p.Average(g)
			}
		}
		update(g)
	}
}

// near checks that ‖got − want‖ ≤ tolerance·‖want‖.
func near(t *testing.T, what string, got []float32, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d numbers, want %d", what, len(got), len(want))
		return
	}
	diff, size := 0.0, 0.0
	for i, v := range want {
		d := float64(got[i]) - v
		diff, size = diff+d*d, size+v*v
	}
	if !(math.Sqrt(diff) <= tolerance*math.Sqrt(size)) {
		t.Errorf("%s: %.3g from %.3g, want at most %g of it", what, math.Sqrt(diff), math.Sqrt(size), tolerance)
	}
}

func TestNonFiniteStepChangesNothingAndVerdictNamesTheTensor(t *testing.T) {
	for _, d := range []*vk.Device{device, bench.Narrow} {
		vktest.Configure(t, d, func(s *vk.Settings) { s.Eager = false }) // the eager twin would stop at the first op that reads the number
	}
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		name  string
		loss  float32
		at    string // parameter whose gradient gets a bad number
		index int
		bad   float32
		want  string
	}{
		{"loss", nan, "", 0, 0, "loss"},
		{"infinite loss", -inf, "", 0, 0, "loss"},
		{"first", 1, "a.weight", 0, nan, "gradient of a.weight"},
		{"last of a tensor", 1, "a.weight", 6, inf, "gradient of a.weight"},
		{"second", 1, "b.weight", 1999, -inf, "gradient of b.weight"}, // beyond the first chunk of a lane
		{"last", 1, "c.weight", 0, nan, "gradient of c.weight"},       // beyond the first part that the narrow device binds
	} {
		for where, dev := range map[string]*vk.Device{"whole": device, "in parts": bench.Narrow} {
			t.Run(c.name+" "+where, func(t *testing.T) { nonFinite(t, dev, c.loss, c.at, c.index, c.bad, c.want) })
		}
	}
}

// nonFinite applies a good step, one with a bad loss or a bad element in the gradient of `at`, and another good one.
func nonFinite(t *testing.T, dev *vk.Device, loss float32, at string, index int, bad float32, want string) {
	names := []string{"a.weight", "b.weight", "c.weight"}
	values := map[string][]float32{"a.weight": make([]float32, 7), "b.weight": make([]float32, 2000), "c.weight": make([]float32, 2000)}
	gradients := map[string][]float32{}
	for n, v := range values {
		rng.New(3).Uniform(v, -1, 1)
		gradients[n] = slices.Repeat([]float32{0.5}, len(v))
	}
	u := updater(t, dev, values, 0, averaging("", kernels.AdamW{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}.Update), names...)
	scalars := adamScalars(0.1, 0.1, 0.9, 0.999, 1)
	scalars["ema_rate"] = 0.5
	if tensor, applied := u.apply(1, gradients, scalars); tensor != "" || applied != 1 {
		t.Fatalf("verdict %q after %d steps with finite numbers", tensor, applied)
	}
	state := func() (all []float32) {
		for _, n := range names {
			for _, f := range []func(p *kernels.Param) ([]float32, error){(*kernels.Param).Read, moment(0), moment(1), (*kernels.Param).ReadAverage} {
				all = append(all, u.read(f, n)...)
			}
		}
		return all
	}
	before, good := state(), gradients[at]
	if at != "" {
		gradients[at] = slices.Clone(good)
		gradients[at][index] = bad
	}
	if tensor, applied := u.apply(loss, gradients, scalars); tensor != want || applied != 1 {
		t.Errorf("verdict %q after %d steps, want %q after 1", tensor, applied, want)
	}
	if at != "" {
		gradients[at] = good
	}
	if tensor, applied := u.apply(1, gradients, scalars); tensor != want || applied != 1 {
		t.Errorf("one finite step later: verdict %q after %d steps, want still %q after 1", tensor, applied, want)
	}
	if !slices.Equal(state(), before) {
		t.Error("parameters, moments or averages have changed")
	}
}

// TestGradientsWhoseSquaresOverflowAreFinite: the norm is then the largest float32 number, and clipping scales the gradients to almost 0.
func TestGradientsWhoseSquaresOverflowAreFinite(t *testing.T) {
	vktest.Configure(t, device, func(s *vk.Settings) { s.Eager = false })
	u := updater(t, device, map[string][]float32{"p": {1, 2}}, 1, kernels.SGD{}.Update, "p")
	tensor, applied := u.apply(1, map[string][]float32{"p": {1e30, 0}}, map[string]float64{"lr": 1, "decay": 0})
	if tensor != "" || applied != 1 || !(u.norm > 1e38) || math.IsInf(u.norm, 0) {
		t.Errorf("verdict %q after %d steps, norm %v: want none after 1, and a large number", tensor, applied, u.norm)
	}
	if p := u.read((*kernels.Param).Read, "p"); math.Abs(float64(p[0])-1) > 1e-6 || p[1] != 2 {
		t.Errorf("parameters %v, want 1 and 2 almost unchanged", p)
	}
}
