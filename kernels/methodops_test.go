package kernels_test

import (
	"math"
	"slices"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/ref"
	"github.com/marr-ssl/marr/kernels/ref/golden"
	"github.com/marr-ssl/marr/vk"
	"github.com/marr-ssl/marr/vk/vktest"
)

// GELU is accurate to 1e-6 everywhere, including near 0 and where erf is 1.
func TestGELUIsAccurateAcrossItsRange(t *testing.T) {
	const n = 4001
	prog, _ := build(t, func(g *kernels.Graph) { g.Output("y", kernels.GELU(g.Input("x", kernels.F32, n))) })
	r := begin(t, prog.Segment("main"))
	x := r.Floats("x")[:n]
	for i := range x {
		x[i] = float32(i-n/2) / 200
	}
	x = slices.Clone(x)
	wait(t, submit(t, r))
	for i, want := range ref.GELU(ref.FromFloat32(x, n)).Data {
		if got := float64(r.Output("y")[i]); !(math.Abs(got-want) <= 1e-6*max(1, math.Abs(want))) {
			t.Fatalf("GELU(%v) is %v, want %v", x[i], got, want)
		}
	}
}

// Rows of zeros in both inputs give a loss of 2 and no gradient.
func TestCosineLossOfRowsOfZerosIsFinite(t *testing.T) {
	prog, _ := build(t, func(g *kernels.Graph) {
		p, z := g.Input("p", kernels.F32, 2, 3).Track(), g.Input("z", kernels.F32, 2, 3)
		loss := kernels.CosineLoss(p, z)
		g.Output("loss", loss)
		g.Backward(loss)
		g.Output("dp", p.Grad())
	})
	r := begin(t, prog.Segment("main"))
	copy(r.Floats("p"), []float32{0, 0, 0, 0, 1, 0, 0})
	copy(r.Floats("z"), []float32{0, 0, 0, 0, 0, 0, 0})
	wait(t, submit(t, r))
	if loss, dp := r.Output("loss")[0], r.Output("dp"); loss != 2 || slices.ContainsFunc(dp, func(v float32) bool { return v != 0 }) {
		t.Errorf("loss %v, gradient %v: want 2 and zeros", loss, dp)
	}
}

// centering returns the program of DINO's teacher: probabilities by the old center, then the update of the center.
func centering(t *testing.T, momentum float64, shape ...int) (*kernels.Program, *kernels.State) {
	t.Helper()
	var c *kernels.State
	prog, _ := build(t, func(g *kernels.Graph) {
		c = g.Store().State("center", 0, shape[1])
		p := g.Store().Param("p", ones(1), 1)
		x := g.Input("x", kernels.F32, shape...)
		g.ClearGrads()
		g.BackwardFrom(kernels.Bias(g.Input("zero", kernels.F32, 1, 1), p), g.Input("dp", kernels.F32, 1, 1))
		y := kernels.CenteredSoftmax(x, c, g.Scalar("temperature"))
		g.Output("y", y)
		g.CheckFinite(g.Input("loss", kernels.F32, 1))
		c.UpdateAverage(g, kernels.ColumnMean(x), momentum)
	})
	return prog, c
}

// centerTolerance bounds ‖device − PyTorch‖/‖PyTorch‖. PyTorch's own float32 is up to 2e-6 from its float64.
const centerTolerance = 1e-4

func TestCentersMatchPyTorch(t *testing.T) {
	file, err := golden.Load("testdata/ops.json")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, c := range file.Cases {
		if c.Op != "center" {
			continue
		}
		seen++
		t.Run(c.Name, func(t *testing.T) {
			shape := c.Inputs[0].Shape
			prog, center := centering(t, c.Attrs["momentum"], shape...)
			probabilities := make([]float32, volume(shape))
			for _, s := range c.Inputs {
				r := begin(t, prog.Segment("main"))
				kernels.Pack(r.Floats("x"), c.Values(s), shape[1])
				r.Set("temperature", c.Attrs["temperature"])
				wait(t, submit(t, r))
				kernels.Unpack(probabilities, r.Output("y"), shape[1])
			}
			state, err := center.Read()
			if err != nil {
				t.Fatal(err)
			}
			for name, got := range map[string][]float32{"y": probabilities, "center": state} {
				if d := c.Output(name).Distance32(got); !(d <= centerTolerance) {
					t.Errorf("%s: %.2g from PyTorch, want at most %g", name, d, centerTolerance)
				}
			}
		})
	}
	if seen == 0 {
		t.Error("no golden case")
	}
}

func TestNonFiniteStepKeepsTheCenter(t *testing.T) {
	vktest.Configure(t, device, func(s *vk.Settings) { s.Eager = false }) // the eager twin would stop at the number
	prog, c := centering(t, 0.5, 2, 3)
	for i, loss := range []float32{1, float32(math.NaN()), 1} {
		r := begin(t, prog.Segment("main"))
		copy(r.Floats("x"), []float32{1, 2, 4, 0, 3, 2, 0})
		r.Floats("loss")[0] = loss
		r.Set("temperature", 1)
		wait(t, submit(t, r))
		if v, err := c.Read(); err != nil || !slices.Equal(v, []float32{1, 1, 1}) {
			t.Errorf("center %v, %v behind step %d, want 1, 1 and 1", v, err, i)
		}
	}
}
