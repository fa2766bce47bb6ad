package kernels_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/vk"
	"github.com/marr-ssl/marr/vk/vktest"
)

// build returns a program on a new store. The test's cleanup frees both.
func build(t *testing.T, f func(g *kernels.Graph)) (*kernels.Program, *kernels.Store) {
	t.Helper()
	st := kernels.NewStore(device)
	t.Cleanup(st.Free)
	p, err := kernels.Build(device, st, f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Free)
	return p, st
}

func begin(t *testing.T, s *kernels.Segment) *kernels.Run {
	t.Helper()
	r, err := s.Begin()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func submit(t *testing.T, r *kernels.Run) *kernels.Run {
	t.Helper()
	if err := r.Submit(); err != nil {
		t.Fatal(err)
	}
	return r
}

func wait(t *testing.T, r *kernels.Run) *kernels.Run {
	t.Helper()
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
	return r
}

func uniform(seed uint64, n int) []float32 {
	v := make([]float32, n)
	rng.New(seed).Uniform(v, -1, 1)
	return v
}

func ones(n int) func() []float32 {
	return func() []float32 { return slices.Repeat([]float32{1}, n) }
}

func volume(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

func TestTwoRunsInFlightKeepTheirInputsAndOutputsApart(t *testing.T) {
	const n = 4096
	p, _ := build(t, func(g *kernels.Graph) {
		x := g.Input("x", kernels.F32, n, 4)
		g.Output("y", kernels.Add(x, kernels.ReLU(x)))
	})
	var runs []*kernels.Run
	check := func(i int) {
		for j, y := range wait(t, runs[i]).Output("y") {
			if want := float32(2 * (i + 1) * (j%7 + 1)); y != want {
				t.Fatalf("run %d: element %d is %v, want %v", i, j, y, want)
			}
		}
	}
	for i := range 9 {
		r := begin(t, p.Segment("main"))
		x := r.Floats("x")
		for j := range x {
			x[j] = float32((i + 1) * (j%7 + 1))
		}
		runs = append(runs, submit(t, r))
		if i%2 == 0 {
			wait(t, r)
		}
		if i > 0 {
			check(i - 1) // run i is in flight or over
		}
	}
	check(8)
}

func TestBarriersSeparateOnlyDependentOps(t *testing.T) {
	vktest.Configure(t, device, func(s *vk.Settings) { s.Eager = false }) // the eager twin has a segment for each op
	p, _ := build(t, func(g *kernels.Graph) {
		a, b := g.Input("a", kernels.F32, 8, 4), g.Input("b", kernels.F32, 8, 4)
		x := kernels.ReLU(a)           // 0
		y := kernels.ReLU(b)           // 1: independent of 0
		z := kernels.Add(x, y)         // 2: waits for both
		g.Output("u", kernels.ReLU(x)) // 3: the last barrier covers x
		g.Output("z", z)
	})
	if ops, at := p.Segment("main").Barriers(); ops != 4 || !slices.Equal(at, []int{2}) {
		t.Errorf("%d ops with barriers before %v, want 4 with one before op 2", ops, at)
	}
}

func TestEagerTwinNamesTheNonFiniteOp(t *testing.T) {
	vktest.Configure(t, device, func(s *vk.Settings) { s.Eager = false })
	p, _ := build(t, func(g *kernels.Graph) {
		g.Eager()
		x := g.Input("x", kernels.F32, 2, 3)
		g.Output("y", kernels.Softmax(kernels.Add(x, kernels.ReLU(x)), 1))
	})
	r := begin(t, p.Segment("main"))
	copy(r.Floats("x"), []float32{1, 2, 3, 0, 4, float32(math.Inf(1)), 6, 0})
	err := r.Submit()
	var bad *kernels.NonFiniteError
	if !errors.As(err, &bad) || !strings.HasPrefix(bad.Op, "relu") || !strings.HasPrefix(bad.Tensor, "ReLU#") || bad.Index != 5 {
		t.Fatalf("error %v, want one that names the ReLU, element 5", err)
	}
	if err := r.Wait(); !errors.As(err, &bad) {
		t.Errorf("Wait after it: %v", err)
	}
	for range 3 { // the program still works, in both slots
		r := begin(t, p.Segment("main"))
		clear(r.Floats("x"))
		wait(t, submit(t, r))
	}
}

// TestMicroBatchesAccumulateTheFullBatchGradient: k micro-batches with loss/k each give the gradient of the full batch, if there is no batch
// norm. The order of sums differs, so results differ by rounding.
func TestMicroBatchesAccumulateTheFullBatchGradient(t *testing.T) {
	const batch, classes = 8, 5
	x, targets := uniform(1, batch*6*6*3), []int32{0, 4, 1, 3, 2, 2, 0, 1}
	gradients := func(k int) map[string][]float32 {
		p, st := build(t, func(g *kernels.Graph) {
			g.Micro(k)
			g.Segment("clear")
			g.ClearGrads()
			g.Segment("micro")
			param := func(name string, shape ...int) *kernels.Param {
				return g.Store().Param(name, func() []float32 { return uniform(uint64(len(name)), volume(shape)) }, shape...)
			}
			in := g.Input("x", kernels.F32, batch/k, 6, 6, 3)
			h := kernels.ReLU(kernels.Bias(kernels.Conv2D(in, param("conv", 7, 3, 3, 3), 2, 1), param("shift", 7)))
			y := kernels.Linear(kernels.GlobalAvgPool(h), param("weight", classes, 7), param("b", classes))
			loss := kernels.CrossEntropy(y, g.Input("t", kernels.I32, batch/k))
			g.Output("loss", loss)
			g.Backward(loss)
		})
		wait(t, submit(t, begin(t, p.Segment("clear"))))
		for range 2 { // the second step tests that gradients are cleared
			wait(t, submit(t, begin(t, p.Segment("clear"))))
			for m := range k {
				r := begin(t, p.Segment("micro"))
				n := batch / k
				kernels.Pack(r.Floats("x"), x[m*n*108:(m+1)*n*108], 3)
				copy(r.Ints("t"), targets[m*n:(m+1)*n])
				wait(t, submit(t, r))
			}
		}
		out := map[string][]float32{}
		for _, p := range st.Params() {
			v, err := p.ReadGrad()
			if err != nil {
				t.Fatal(err)
			}
			out[p.Name] = v
		}
		return out
	}
	one := gradients(1)
	for _, k := range []int{2, 4} {
		for name, got := range gradients(k) {
			want := make([]float64, len(got))
			for i, v := range one[name] {
				want[i] = float64(v)
			}
			near(t, fmt.Sprintf("%s over %d micro-batches", name, k), got, want, 2e-6)
		}
	}
}

func TestRunningStatisticsUpdateByMicroBatchInOrder(t *testing.T) {
	const k, rows, c = 3, 5, 6
	var n kernels.Norm
	p, _ := build(t, func(g *kernels.Graph) {
		g.Micro(k)
		g.Segment("micro")
		st := g.Store()
		n = kernels.Norm{Gamma: st.Param("g", ones(c), c), Beta: st.Param("b", ones(c), c), Mean: st.State("mean", 0, c), Var: st.State("var", 1, c), Eps: 1e-5, BNMomentum: 0.25}
		g.Output("y", kernels.BatchNorm(g.Input("x", kernels.F32, rows, c), n, nil, false, true))
		g.Segment("update")
		g.UpdateRunningStats()
	})
	mean, variance := make([]float64, c), slices.Repeat([]float64{1}, c)
	for step := range 2 {
		for m := range k {
			x := uniform(uint64(10*step+m), rows*c)
			for j := range c {
				mu, m2 := 0.0, 0.0
				for i := range rows {
					mu += float64(x[i*c+j]) / rows
				}
				for i := range rows {
					d := float64(x[i*c+j]) - mu
					m2 += d * d
				}
				mean[j] = 0.75*mean[j] + 0.25*mu
				variance[j] = 0.75*variance[j] + 0.25*m2/(rows-1)
			}
			r := begin(t, p.Segment("micro"))
			kernels.Pack(r.Floats("x"), x, c)
			r.Set("micro", float64(m))
			submit(t, r)
		}
		wait(t, submit(t, begin(t, p.Segment("update"))))
	}
	for what, s := range map[string]struct {
		x    *kernels.State
		want []float64
	}{"mean": {n.Mean, mean}, "variance": {n.Var, variance}} {
		got, err := s.x.Read()
		if err != nil {
			t.Fatal(err)
		}
		near(t, what, got, s.want, 1e-6)
	}
}

func TestNonFiniteStepKeepsRunningStatistics(t *testing.T) {
	var n kernels.Norm
	p, _ := build(t, func(g *kernels.Graph) {
		st := g.Store()
		n = kernels.Norm{Gamma: st.Param("g", ones(3), 3), Beta: st.Param("b", ones(3), 3), Mean: st.State("mean", 0, 3), Var: st.State("var", 1, 3), Eps: 1e-5, BNMomentum: 0.1}
		g.Output("y", kernels.BatchNorm(g.Input("x", kernels.F32, 4, 3), n, nil, false, true))
		g.CheckFinite(g.Input("loss", kernels.F32, 1))
		g.UpdateRunningStats()
	})
	for _, loss := range []float32{1, float32(math.NaN())} {
		before, err := n.Var.Read()
		if err != nil {
			t.Fatal(err)
		}
		r := begin(t, p.Segment("main"))
		kernels.Pack(r.Floats("x"), uniform(3, 12), 3)
		r.Set("micro", 0)
		r.Floats("loss")[0] = loss
		wait(t, submit(t, r))
		after, err := n.Var.Read()
		if err != nil {
			t.Fatal(err)
		}
		if finite := loss == loss; slices.Equal(before, after) == finite {
			t.Errorf("loss %v: running variance from %v to %v", loss, before, after)
		}
	}
}

func TestStopGradBlocksTheGradient(t *testing.T) {
	p, _ := build(t, func(g *kernels.Graph) {
		x := g.Input("x", kernels.F32, 2, 4).Track()
		constant := kernels.StopGrad(kernels.Add(x, x))
		y := kernels.Add(kernels.ReLU(x), constant)
		g.BackwardFrom(y, g.Input("r", kernels.F32, 2, 4))
		g.Output("y", y)
		g.Output("dx", x.Grad())
		if constant.Grad() != nil {
			t.Error("a constant has a gradient")
		}
	})
	r := begin(t, p.Segment("main"))
	for i := range 8 {
		r.Floats("x")[i], r.Floats("r")[i] = 2, float32(i)
	}
	wait(t, submit(t, r))
	for i := range 8 {
		if y, dx := r.Output("y")[i], r.Output("dx")[i]; y != 6 || dx != float32(i) {
			t.Errorf("element %d: y %v with gradient %v, want 6 with %d", i, y, dx, i)
		}
	}
}

func TestTooLargeProgramIsAMemoryError(t *testing.T) {
	limit := device.Info().Limits.MaxAllocation
	if limit <= 0 || limit >= 1<<45 {
		t.Fatalf("the device allocates up to %d bytes at once: make the tensor of this test larger", limit)
	}
	st := kernels.NewStore(device)
	defer st.Free()
	_, err := kernels.Build(device, st, func(g *kernels.Graph) {
		g.Input("large", kernels.F32, int(limit>>12)+1, 1<<10)
	})
	var full *kernels.MemoryError
	var oom *vk.OutOfMemoryError
	if !errors.As(err, &full) || !errors.As(err, &oom) || full.Planned < limit {
		t.Fatalf("error %v, want a *MemoryError that wraps the device's", err)
	}
	if !strings.HasPrefix(err.Error(), "kernels: a program of ") || !strings.HasSuffix(err.Error(), "use a smaller batch") {
		t.Errorf("error %q", err)
	}
}
