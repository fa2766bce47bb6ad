package kernels_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"marr/kernels"
	"marr/kernels/optest"
	"marr/kernels/ref"
	"marr/kernels/ref/golden"
)

func constant(name string, shape ...int) optest.Input {
	return optest.Input{Name: name, Kind: optest.Constant, Shape: shape}
}

func TestScaledOpsAndGELUMatchTheirReferences(t *testing.T) {
	var cases []optest.Case
	for _, shape := range [][]int{{1, 1}, {5, 7}, {3, 2, 5, 8}, {700, 5}} {
		split := shape[0] == 700
		x := []optest.Input{act("x", shape...)}
		cases = append(cases, optest.Case{Name: fmt.Sprintf("scale_%v", shape), Inputs: x, Split: split,
			Op:  func(in optest.In) *kernels.Tensor { return kernels.Scale(in.T("x"), -0.3) },
			Ref: func(in optest.Values) *ref.Tensor { return ref.Scale(in["x"], float64(float32(-0.3))) }},
			optest.Case{Name: fmt.Sprintf("add_scaled_%v", shape), Inputs: []optest.Input{act("a", shape...), act("b", shape...)}, Split: split,
				Op:  func(in optest.In) *kernels.Tensor { return kernels.AddScaled(in.T("a"), in.T("b"), -2.5) },
				Ref: func(in optest.Values) *ref.Tensor { return ref.AddScaled(in["a"], in["b"], -2.5) }},
			optest.Case{Name: fmt.Sprintf("difference_from_half_%v", shape), Inputs: x, Repeats: true,
				Op:  func(in optest.In) *kernels.Tensor { return kernels.AddScaled(in.T("x"), in.T("x"), -0.5) },
				Ref: func(in optest.Values) *ref.Tensor { return ref.AddScaled(in["x"], in["x"], -0.5) }})
		for _, size := range []float64{0.01, 1, 6} {
			cases = append(cases, optest.Case{Name: fmt.Sprintf("gelu_%v_%g", shape, size), Inputs: []optest.Input{between(act("x", shape...), -size, size)}, Split: split,
				Op:  func(in optest.In) *kernels.Tensor { return kernels.GELU(in.T("x")) },
				Ref: func(in optest.Values) *ref.Tensor { return ref.GELU(in["x"]) }})
		}
	}
	bench.Run(t, cases...)
}

// TestGELUIsExactAcrossItsRange: to 1e-6 everywhere, beside 0 and where erf is 1 too.
func TestGELUIsExactAcrossItsRange(t *testing.T) {
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

func TestNormalizedLinearMatchesItsReference(t *testing.T) {
	var cases []optest.Case
	for _, d := range [][3]int{{1, 2, 1}, {3, 5, 7}, {17, 33, 6}, {601, 4, 1}} {
		n, c, k := d[0], d[1], d[2]
		cases = append(cases, optest.Case{Name: fmt.Sprint(d), Inputs: []optest.Input{act("x", n, c), par("w", k, c)}, Split: n == 601,
			Op:  func(in optest.In) *kernels.Tensor { return kernels.NormalizedLinear(in.T("x"), in.P("w")) },
			Ref: func(in optest.Values) *ref.Tensor { return ref.Linear(in["x"], ref.L2Normalize(in["w"]), nil) }})
	}
	bench.Run(t, cases...)
}

func TestLossesBetweenBranchesMatchTheirReferences(t *testing.T) {
	var cases []optest.Case
	for _, shape := range [][]int{{1, 3}, {5, 7}, {33, 64}, {500, 5}} {
		split := shape[0] == 500
		p, z := between(act("p", shape...), -0.5, 1), between(act("z", shape...), -0.5, 1)
		loss := func(in optest.Values) *ref.Tensor { return ref.CosineLoss(in["p"], in["z"]) }
		cases = append(cases, optest.Case{Name: fmt.Sprintf("cosine_%v", shape), Inputs: []optest.Input{p, z}, Split: split, Ref: loss,
			Op: func(in optest.In) *kernels.Tensor { return kernels.CosineLoss(in.T("p"), in.T("z")) }},
			optest.Case{Name: fmt.Sprintf("cosine_to_a_constant_%v", shape), Inputs: []optest.Input{p, between(constant("z", shape...), -0.5, 1)}, Ref: loss,
				Op: func(in optest.In) *kernels.Tensor { return kernels.CosineLoss(in.T("p"), in.T("z")) }},
			optest.Case{Name: fmt.Sprintf("negative_cosine_%v", shape), Inputs: []optest.Input{p, z}, Split: split,
				Op:  func(in optest.In) *kernels.Tensor { return kernels.NegativeCosine(in.T("p"), in.T("z")) },
				Ref: func(in optest.Values) *ref.Tensor { return ref.Scale(ref.Cosine(in["p"], in["z"]), -1) }})
		targets := between(constant("t", shape...), 0, 2/float64(shape[1]))
		for _, temperature := range []float64{1, 0.1} {
			cases = append(cases, optest.Case{Name: fmt.Sprintf("soft_cross_entropy_%v_%g", shape, temperature), Split: split,
				Inputs: []optest.Input{act("x", shape...), targets},
				Op:     func(in optest.In) *kernels.Tensor { return kernels.SoftCrossEntropy(in.T("x"), in.T("t"), temperature) },
				Ref:    func(in optest.Values) *ref.Tensor { return ref.SoftCrossEntropy(in["x"], in["t"], temperature) }})
		}
	}
	for _, k := range []int{129, 1030} { // more than one round of a group's lanes
		cases = append(cases, optest.Case{Name: fmt.Sprintf("soft_cross_entropy_%d", k), Inputs: []optest.Input{act("x", 3, k), between(constant("t", 3, k), 0, 0.1)},
			Op:  func(in optest.In) *kernels.Tensor { return kernels.SoftCrossEntropy(in.T("x"), in.T("t"), 0.1) },
			Ref: func(in optest.Values) *ref.Tensor { return ref.SoftCrossEntropy(in["x"], in["t"], 0.1) }})
	}
	bench.Run(t, cases...)
}

// Rows of zeros give a loss of 2 and no gradient, as long as the others are zeros too.
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

func TestColumnMeanMatchesItsReference(t *testing.T) {
	var cases []optest.Case
	for _, shape := range [][]int{{1, 1}, {5, 7}, {2200, 3}} {
		cases = append(cases, optest.Case{Name: fmt.Sprint(shape), Inputs: []optest.Input{between(constant("x", shape...), 0, 1)}, Split: shape[0] > 5,
			Op:  func(in optest.In) *kernels.Tensor { return kernels.ColumnMean(in.T("x")) },
			Ref: func(in optest.Values) *ref.Tensor { return ref.ColumnMean(in["x"]) }})
	}
	bench.Run(t, cases...)
}

// centering is a program of DINO's teacher: probabilities with the center as it was, then the center's step.
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
		c.Average(g, kernels.ColumnMean(x), momentum)
	})
	return prog, c
}

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
				if d := c.Output(name).Distance32(got); !(d <= goldenTolerance) {
					t.Errorf("%s: %.2g from PyTorch, want at most %g", name, d, goldenTolerance)
				}
			}
		})
	}
	if seen == 0 {
		t.Error("no golden case")
	}
}

func TestCenteredSoftmaxMatchesItsReferenceInParts(t *testing.T) {
	for _, shape := range [][]int{{1, 1}, {601, 7}, {3, 1030}} {
		bench.Run(t, optest.Case{Name: fmt.Sprint(shape), Split: shape[0] == 601,
			Inputs: []optest.Input{constant("x", shape...), {Name: "c", Kind: optest.State, Shape: shape[1:]}},
			Op: func(in optest.In) *kernels.Tensor {
				return kernels.CenteredSoftmax(in.T("x"), in.S("c"), kernels.ConstantScalar(in.Graph, 0.5))
			},
			Ref: func(in optest.Values) *ref.Tensor { return ref.CenteredSoftmax(in["x"], in["c"], 0.5) }})
	}
}

func TestANonFiniteStepLeavesTheCenter(t *testing.T) {
	t.Setenv("MARR_EAGER", "") // which would stop at the number
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
