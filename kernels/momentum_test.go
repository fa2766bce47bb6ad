package kernels_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/rng"
)

// twinOp is an op on x with parameters of these shapes. The last one is as wide as the result.
type twinOp struct {
	x      []int
	params [][]int
	op     func(g *kernels.Graph, x *kernels.Tensor, p []*kernels.Param) *kernels.Tensor
}

func (c twinOp) width() int { return c.params[len(c.params)-1][0] }

var twinOps = map[string]twinOp{
	"convolution": {[]int{2, 5, 7, 3}, [][]int{{6, 3, 3, 3}}, func(_ *kernels.Graph, x *kernels.Tensor, p []*kernels.Param) *kernels.Tensor {
		return kernels.Conv2D(x, p[0], 2, 1)
	}},
	"pointwise convolution": {[]int{2, 3, 3, 5}, [][]int{{4, 1, 1, 5}}, func(_ *kernels.Graph, x *kernels.Tensor, p []*kernels.Param) *kernels.Tensor {
		return kernels.Conv2D(x, p[0], 1, 0)
	}},
	"linear": {[]int{5, 7}, [][]int{{6, 7}, {6}}, func(_ *kernels.Graph, x *kernels.Tensor, p []*kernels.Param) *kernels.Tensor {
		return kernels.Linear(x, p[0], p[1])
	}},
	"bias": {[]int{5, 7}, [][]int{{7}}, func(_ *kernels.Graph, x *kernels.Tensor, p []*kernels.Param) *kernels.Tensor {
		return kernels.Bias(x, p[0])
	}},
	"batch norm": {[]int{9, 6}, [][]int{{6}, {6}}, func(g *kernels.Graph, x *kernels.Tensor, p []*kernels.Param) *kernels.Tensor {
		return kernels.BatchNorm(x, twinNorm(g, p), nil, true, true)
	}},
	"batch norm in inference": {[]int{9, 6}, [][]int{{6}, {6}}, func(g *kernels.Graph, x *kernels.Tensor, p []*kernels.Param) *kernels.Tensor {
		return kernels.BatchNorm(x, twinNorm(g, p), x, false, false)
	}},
}

// twinNorm returns a batch norm with its own running statistics.
func twinNorm(g *kernels.Graph, p []*kernels.Param) kernels.Norm {
	st, c := g.Store(), p[0].Shape[0]
	return kernels.Norm{Gamma: p[0], Beta: p[1], Mean: st.State(p[0].Name+" mean", 0, c), Var: st.State(p[0].Name+" var", 1, c), Eps: 1e-5, BNMomentum: 0.1}
}

// TestOpsOnMomentumEqualOpsOnItsValues compares an op on moving averages with the same op on parameters of equal values, bit for bit. The same
// program runs the op on the averaged parameters, so it also checks that transposes are not confused and that averages pass no gradient to their parameters.
func TestOpsOnMomentumEqualOpsOnItsValues(t *testing.T) {
	for name, c := range twinOps {
		t.Run(name, func(t *testing.T) {
			sets, averages := map[string][]*kernels.Param{}, [][]float32{}
			prog, st := build(t, func(g *kernels.Graph) {
				for i, shape := range c.params {
					v := make([]float32, 2*volume(shape))
					rng.New(5, uint32(i)).Uniform(v, 0.5, 1.5)
					averages = append(averages, v[volume(shape):])
					for set, values := range map[string][]float32{"online": v[:volume(shape)], "copy": v[:volume(shape)], "plain": averages[i]} {
						p := g.Store().Param(set+string(rune('0'+i)), func() []float32 { return values }, shape...)
						sets[set] = append(sets[set], p)
					}
					sets["twin"] = append(sets["twin"], sets["online"][i].Momentum())
				}
				g.ClearGrads()
				for set, p := range sets {
					x := g.Input(set, kernels.F32, c.x...).Track()
					y := c.op(g, x, p)
					g.Output("y "+set, y)
					g.BackwardFrom(y, g.Input("dy "+set, kernels.F32, y.Shape()...))
					g.Output("dx "+set, x.Grad())
				}
			})
			for i, p := range sets["twin"] {
				if err := p.Write(averages[i]); err != nil {
					t.Fatal(err)
				}
			}
			r := begin(t, prog.Segment("main"))
			for set := range sets {
				kernels.Pack(r.Floats(set), uniform(6, volume(c.x)), c.x[len(c.x)-1])
				dy := r.Floats("dy " + set)
				kernels.Pack(dy, uniform(7, len(dy)/((c.width()+3)/4*4)*c.width()), c.width())
			}
			if prog.Segment("main").HasScalar("micro") {
				r.Set("micro", 0)
			}
			wait(t, submit(t, r))
			for _, what := range []string{"y ", "dx "} {
				if got, want := r.Output(what+"twin"), r.Output(what+"plain"); !slices.Equal(got, want) {
					t.Errorf("%sof averages is %v, of parameters of their values %v", what, got[:4], want[:4])
				}
			}
			if slices.Equal(r.Output("y twin"), r.Output("y online")) {
				t.Error("averages and parameters give the same result")
			}
			for i, p := range sets["online"] {
				if got, want := gradient(t, p), gradient(t, sets["copy"][i]); !slices.Equal(got, want) {
					t.Errorf("gradient of %s is %v beside its average, %v without", p.Name, got[:4], want[:4])
				}
				if _, err := p.Momentum().ReadGrad(); err == nil || !strings.Contains(err.Error(), "is a moving average: it has no gradient") {
					t.Errorf("gradient of an average: error %v", err)
				}
			}
			if n := len(st.Params()); n != 3*len(c.params) {
				t.Errorf("%d parameters are listed, want %d", n, 3*len(c.params))
			}
		})
	}
}

func gradient(t *testing.T, p *kernels.Param) []float32 {
	t.Helper()
	v, err := p.ReadGrad()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestTransposesOfAveragesAreRecomputedAfterTheOptimizer convolves with an average before and after the optimizer step, and again in the next
// run.
func TestTransposesOfAveragesAreRecomputedAfterTheOptimizer(t *testing.T) {
	var p *kernels.Param
	prog, _ := build(t, func(g *kernels.Graph) {
		p = g.Store().Param("p", ones(1), 1, 1, 1, 1)
		x := g.Input("x", kernels.F32, 1, 1, 1, 1)
		g.ClearGrads()
		g.Output("before", kernels.Conv2D(x, p.Momentum(), 1, 0))
		g.BackwardFrom(kernels.Conv2D(x, p, 1, 0), x)
		kernels.SGD{}.Update(g)
		g.Output("behind", kernels.Conv2D(x, p.Momentum(), 1, 0))
	})
	for _, want := range []struct{ before, behind float32 }{{1, 0.5}, {0.5, -0.25}} { // p is 1, 0, −1
		r := begin(t, prog.Segment("main"))
		r.Floats("x")[0] = 1
		for name, v := range map[string]float64{"lr": 1, "decay": 0, "ema_rate": 0.5} {
			r.Set(name, v)
		}
		wait(t, submit(t, r))
		if a, b := r.Output("before")[0], r.Output("behind")[0]; a != want.before || b != want.behind {
			t.Errorf("%v before the step and %v behind it, want %v and %v", a, b, want.before, want.behind)
		}
	}
}

// TestSlowAveragesAreAccurate: with m = 0.9996 an average that starts at 0 is (1 − mᵏ)·p after k steps. 1 − m from a rounded m would be off by 7e-5.
func TestSlowAveragesAreAccurate(t *testing.T) {
	const m = 0.9996
	update := averaging("", kernels.AdamW{Beta1: 0.9, Beta2: 0.99, Eps: 1e-8}.Update)
	u := updater(t, device, map[string][]float32{"p": {1, -3}}, 0, update, "p")
	if err := u.params[0].WriteAverage([]float32{0, 0}); err != nil {
		t.Fatal(err)
	}
	for k := 1; k <= 9; k++ {
		scalars := adamScalars(0, 0, 0.9, 0.99, k)
		scalars["ema_rate"] = 1 - m
		u.apply(1, map[string][]float32{"p": {1, 1}}, scalars)
		want := 1 - math.Pow(m, float64(k))
		near(t, "average", u.read((*kernels.Param).ReadAverage, "p"), []float64{want, -3 * want}, optimizerTolerance)
	}
}
