package kernels_test

import (
	"math"
	"slices"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/vk"
	"github.com/marr-ssl/marr/vk/vktest"
)

// layers are those of a network whose batch norms fuse into convolutions.
type layers struct {
	g      *kernels.Graph
	params []*kernels.Param
}

func (l *layers) param(name string, shape ...int) *kernels.Param {
	v := ramp(volume(shape))
	for i := range v {
		v[i] = v[i]*0.3 + 0.2*float32(math.Sin(float64(i*len(name)))) // no two alike
	}
	l.params = append(l.params, l.g.Store().Param(name, func() []float32 { return v }, shape...))
	return l.params[len(l.params)-1]
}

func (l *layers) norm(name string, x, residual *kernels.Tensor, relu bool) *kernels.Tensor {
	c, st := x.Width(), l.g.Store()
	return kernels.BatchNorm(x, kernels.Norm{Eps: 1e-5, BNMomentum: 0.1, Mean: st.State(name+".mean", 0, c), Var: st.State(name+".var", 1, c),
		Gamma: l.param(name+".gamma", c), Beta: l.param(name+".beta", c)}, residual, relu, true)
}

func (l *layers) conv(name string, x *kernels.Tensor, out, side, stride int) *kernels.Tensor {
	return kernels.Conv2D(x, l.param(name, out, side, side, x.Width()), stride, side/2)
}

type network func(l *layers, x *kernels.Tensor) *kernels.Tensor

// gradients returns those of all parameters of a network for images of this height, in dispatches of so much work (0: any), and the kernels that ran.
func gradients(t *testing.T, words string, height int, work float64, build network) (grads map[string][]float32, ran map[string]int) {
	t.Helper()
	vktest.Configure(t, device, func(s *vk.Settings) { s.Kernels, s.Eager = words, false })
	l := &layers{}
	p, err := kernels.Build(device, store(t), func(g *kernels.Graph) {
		g.EnableTiming()
		g.LimitWork(work)
		l.g = g
		y := build(l, g.Input("x", kernels.F32, 6, height, 8, 8).Track())
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
	for _, p := range l.params {
		if grads[p.Name], err = p.ReadGrad(); err != nil {
			t.Fatal(err)
		}
	}
	return grads, ran
}

// wantGradients compares the gradients of fused and unfused batch norms.
func wantGradients(t *testing.T, words string, fused, unfused map[string][]float32) {
	t.Helper()
	for name, want := range unfused {
		if d := distance(fused[name], want); d > 2e-6 {
			t.Errorf("%s: the gradient of %s is %.1e off", words, name, d)
		}
	}
}

// twoBlocks are residual blocks, the second with a stride of 2.
func twoBlocks(l *layers, x *kernels.Tensor) *kernels.Tensor {
	block := func(name string, x *kernels.Tensor, out, stride int) *kernels.Tensor {
		shortcut := x
		if stride > 1 {
			shortcut = l.norm(name+".n0", l.conv(name+".c0", x, out, 1, stride), nil, false)
		}
		y := l.norm(name+".n1", l.conv(name+".c1", x, out, 3, stride), nil, true)
		return l.norm(name+".n2", l.conv(name+".c2", y, out, 3, 1), shortcut, true)
	}
	return block("b", block("a", l.norm("n", l.conv("c", x, 36, 3, 1), nil, true), 36, 1), 40, 2)
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
			fused, ran := gradients(t, words, height, 0, twoBlocks)
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
			plain, ran := gradients(t, words+",unfused", height, 0, twoBlocks)
			if ran["bn_back_sum"] != 6 || ran["bn_apply"] != 6 || ran["tiled.sums_"+tile] != 0 {
				t.Errorf("%s,unfused: %v", tile, ran)
			}
			wantGradients(t, words, fused, plain)
		}
	}
}

// A device whose watchdog allows little work cuts the kernels into slices, which changes no bit.
func TestFusedNormsDoNotDependOnSlices(t *testing.T) {
	whole, ran := gradients(t, "64x32", 8, 0, twoBlocks)
	sliced, more := gradients(t, "64x32", 8, 1e6, twoBlocks)
	if more["tiled.sums_64x32"] < 2*ran["tiled.sums_64x32"] || more["tiled.outer_64x32"] < 2*ran["tiled.outer_64x32"] {
		t.Errorf("the kernels are not cut: %v and %v", ran, more)
	}
	for name, want := range whole {
		if !slices.Equal(sliced[name], want) {
			t.Errorf("the gradient of %s differs: %.1e", name, distance(sliced[name], want))
		}
	}
}

// A reshaped tensor may have rows of another width than the norm beside it, whose coefficients are by channel.
func TestBatchNormsDoNotFuseThroughRowsOfAnotherWidth(t *testing.T) {
	networks := map[string]network{
		"the norm's result is reshaped and convolved": func(l *layers, x *kernels.Tensor) *kernels.Tensor {
			return l.conv("c2", kernels.Reshape(l.norm("n1", l.conv("c1", x, 8, 3, 1), nil, true), 6, 8, 16, 4), 8, 3, 1)
		},
		"the convolution's result is reshaped and normalized": func(l *layers, x *kernels.Tensor) *kernels.Tensor {
			return l.norm("n1", kernels.Reshape(l.conv("c1", x, 8, 3, 1), 6, 8, 16, 4), nil, false)
		},
		"the norm's result is reshaped and added by another": func(l *layers, x *kernels.Tensor) *kernels.Tensor {
			shortcut := kernels.Reshape(l.norm("n1", l.conv("c1", x, 8, 3, 1), nil, false), 6, 8, 16, 4)
			return l.norm("n2", kernels.Reshape(l.conv("c2", x, 8, 3, 1), shortcut.Shape()...), shortcut, true)
		},
	}
	words := kernels.InputAccess(device) + ",32x32"
	for name, build := range networks {
		t.Run(name, func(t *testing.T) {
			fused, _ := gradients(t, words, 8, 0, build)
			plain, _ := gradients(t, words+",unfused", 8, 0, build)
			wantGradients(t, words, fused, plain)
		})
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
