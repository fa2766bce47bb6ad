package kernels_test

import (
	"math"
	"slices"
	"testing"

	"marr/kernels"
	"marr/vk"
	"marr/vk/vktest"
)

// twoBlocks builds two residual blocks for images of this height, the second with a stride of 2, in dispatches of so much work (0: any), and their backward pass. It returns the gradients of all parameters and of the images, and
// the kernels that ran.
func twoBlocks(t *testing.T, words string, height int, work float64) (grads map[string][]float32, ran map[string]int) {
	t.Helper()
	vktest.Configure(t, device, func(s *vk.Settings) { s.Kernels, s.Eager = words, false })
	st := store(t)
	var params []*kernels.Param
	param := func(name string, shape ...int) *kernels.Param {
		n := 1
		for _, d := range shape {
			n *= d
		}
		v := ramp(n)
		for i := range v {
			v[i] = v[i]*0.3 + 0.2*float32(math.Sin(float64(i*len(name)))) // no two alike
		}
		params = append(params, st.Param(name, func() []float32 { return v }, shape...))
		return params[len(params)-1]
	}
	p, err := kernels.Build(device, st, func(g *kernels.Graph) {
		g.EnableTiming()
		g.LimitWork(work)
		norm := func(name string, x, residual *kernels.Tensor, relu bool) *kernels.Tensor {
			c := x.Width()
			return kernels.BatchNorm(x, kernels.Norm{Eps: 1e-5, BNMomentum: 0.1, Mean: st.State(name+".mean", 0, c), Var: st.State(name+".var", 1, c),
				Gamma: param(name+".gamma", c), Beta: param(name+".beta", c)}, residual, relu, true)
		}
		conv := func(name string, x *kernels.Tensor, out, side, stride int) *kernels.Tensor {
			return kernels.Conv2D(x, param(name, out, side, side, x.Width()), stride, side/2)
		}
		block := func(name string, x *kernels.Tensor, out, stride int) *kernels.Tensor {
			shortcut := x
			if stride > 1 {
				shortcut = norm(name+".n0", conv(name+".c0", x, out, 1, stride), nil, false)
			}
			y := norm(name+".n1", conv(name+".c1", x, out, 3, stride), nil, true)
			return norm(name+".n2", conv(name+".c2", y, out, 3, 1), shortcut, true)
		}
		x := norm("n", conv("c", g.Input("x", kernels.F32, 6, height, 8, 8).Track(), 36, 3, 1), nil, true)
		y := block("b", block("a", x, 36, 1), 40, 2)
		g.ClearGrads()
		g.BackwardFrom(y, g.Input("dy", kernels.F32, y.Shape()...))
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Free)
	ran, grads = map[string]int{}, map[string][]float32{}
	for _, o := range runConvNorm(t, p) {
		ran[o.Kernel]++
	}
	for _, p := range params {
		if grads[p.Name], err = p.ReadGrad(); err != nil {
			t.Fatal(err)
		}
	}
	return grads, ran
}

// Batch norms whose gradient comes from convolutions alone, or from a shortcut and then convolutions, take their sums from the convolutions' kernels. In
// the network of twoBlocks all do but the last norm, and that of the second block's shortcut.
func TestConvolutionsComputeTheSumsOfBatchNormGradients(t *testing.T) {
	for _, tile := range kernels.TilesOf(device.Info()) {
		for height, dispatches := range map[int]int{
			8: 1 + 1 + 2 + 1, // of n, a.n1, a.n2 (the strided convolution, and the shortcut) and b.n1
			9: 1 + 1 + 5 + 1, // a strided convolution of an odd side has four dispatches, for a quarter of the positions each
		} {
			words := kernels.InputAccess(device) + "," + tile
			fused, ran := twoBlocks(t, words, height, 0)
			if ran["bn_back_sum"] != 2 {
				t.Errorf("%s: %d batch norms read their gradient for its sums, want 2: %v", tile, ran["bn_back_sum"], ran)
			}
			if n := ran["tiled.sums_"+tile]; n != dispatches {
				t.Errorf("%s: %d dispatches with sums, want %d: %v", tile, n, dispatches, ran)
			}
			if ran["bn_apply"] != 3 { // a.n1 and b.n1 are read by a convolution alone, b.n0 by a norm that adds it
				t.Errorf("%s: %d batch norms wrote their result, want 3: %v", tile, ran["bn_apply"], ran)
			}
			if ran["bn_back"] != 1 { // that of b.n2, whose gradient is not masked yet
				t.Errorf("%s: %d batch norms wrote the gradient of their input, want 1: %v", tile, ran["bn_back"], ran)
			}
			plain, ran := twoBlocks(t, words+",unfused", height, 0)
			if ran["bn_back_sum"] != 6 || ran["bn_apply"] != 6 || ran["tiled.sums_"+tile] != 0 {
				t.Errorf("%s,unfused: %v", tile, ran)
			}
			for name, want := range plain {
				if d := distance(fused[name], want); d > 2e-6 {
					t.Errorf("%s: the gradient of %s is %.1e off", tile, name, d)
				}
			}
		}
	}
}

// A device whose watchdog allows little work cuts the kernels into slices, which changes no bit.
func TestFusedNormsDoNotDependOnSlices(t *testing.T) {
	whole, ran := twoBlocks(t, "64x32", 8, 0)
	sliced, more := twoBlocks(t, "64x32", 8, 1e6)
	if more["tiled.sums_64x32"] < 2*ran["tiled.sums_64x32"] || more["tiled.outer_64x32"] < 2*ran["tiled.outer_64x32"] {
		t.Errorf("the kernels are not cut: %v and %v", ran, more)
	}
	for name, want := range whole {
		if !slices.Equal(sliced[name], want) {
			t.Errorf("the gradient of %s differs: %.1e", name, distance(sliced[name], want))
		}
	}
}

// distance is ‖a − b‖ / ‖b‖.
func distance(a, b []float32) float64 {
	var diff, all float64
	for i := range b {
		diff += math.Pow(float64(a[i]-b[i]), 2)
		all += math.Pow(float64(b[i]), 2)
	}
	return math.Sqrt(diff / all)
}
