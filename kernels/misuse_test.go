package kernels_test

import (
	"errors"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/optest"
)

// TestMisuseIsABuildErrorWithAFix checks that a message names the op, the tensor, the mismatched numbers and the expected ones.
func TestMisuseIsABuildErrorWithAFix(t *testing.T) {
	x := func(g *kernels.Graph, shape ...int) *kernels.Tensor { return g.Input("x", kernels.F32, shape...) }
	w := func(g *kernels.Graph, shape ...int) *kernels.Param {
		return g.Store().Param("w", func() []float32 { return make([]float32, volume(shape)) }, shape...)
	}
	norm := func(g *kernels.Graph, c int) kernels.Norm {
		return kernels.Norm{Gamma: w(g, c), Beta: g.Store().Param("b", ones(c), c), Mean: g.Store().State("m", 0, c), Var: g.Store().State("v", 1, c)}
	}
	for want, f := range map[string]func(g *kernels.Graph){
		"kernels: Conv2D w: x#1 [2 5 5 3], w [8 3 3 4]: 3 input channels, want 4":                            func(g *kernels.Graph) { kernels.Conv2D(x(g, 2, 5, 5, 3), w(g, 8, 3, 3, 4), 1, 1) },
		"kernels: Conv2D w: x#1 [2 5 5]: want 4 axes of at least 1":                                          func(g *kernels.Graph) { kernels.Conv2D(x(g, 2, 5, 5), w(g, 8, 3, 3, 5), 1, 1) },
		"kernels: Conv2D w: x#1 [2 2 5 3] is smaller than the 5×3 kernel with padding 1":                     func(g *kernels.Graph) { kernels.Conv2D(x(g, 2, 2, 5, 3), w(g, 8, 5, 3, 3), 1, 1) },
		"kernels: Conv2D w: stride 0 and padding 1: want a stride of at least 1 and a padding of at least 0": func(g *kernels.Graph) { kernels.Conv2D(x(g, 2, 5, 5, 3), w(g, 8, 3, 3, 3), 0, 1) },
		"kernels: Linear w: x#1 [2 5], w [3 4]: 5 inputs, want 4":                                            func(g *kernels.Graph) { kernels.Linear(x(g, 2, 5), w(g, 3, 4), nil) },
		"kernels: MatMul: x#1 [2 3] (transposed: false) times x#2 [2 3] (transposed: false): inner sizes 3 and 2 differ": func(g *kernels.Graph) {
			kernels.MatMul(x(g, 2, 3), x(g, 2, 3), false, false)
		},
		"kernels: MatMul: x#1 [4 2 3] times x#2 [5 3 2]: batches of [4] and [5] matrices: want as many of both": func(g *kernels.Graph) {
			kernels.MatMul(x(g, 4, 2, 3), x(g, 5, 3, 2), false, false)
		},
		"kernels: MaxPool2D: kernel 3, stride 2 and padding 2: want a kernel and a stride of at least 1 and a padding of 0 to half the kernel": func(g *kernels.Graph) {
			kernels.MaxPool2D(x(g, 2, 5, 5, 3), 3, 2, 2)
		},
		"kernels: MaxPool2D: x#1 [2 2 5 3] is smaller than the kernel of 4 with padding 0": func(g *kernels.Graph) {
			kernels.MaxPool2D(x(g, 2, 2, 5, 3), 4, 2, 0)
		},
		"kernels: Add: x#1 [2 3] and x#2 [3 2]: shapes differ":          func(g *kernels.Graph) { kernels.Add(x(g, 2, 3), x(g, 3, 2)) },
		"kernels: Bias: x#1 [2 3] and w [4]: want a bias of 3":          func(g *kernels.Graph) { kernels.Bias(x(g, 2, 3), w(g, 4)) },
		"kernels: Slice: x#1 [4 3] from 2 to 5: want 0 ≤ from < to ≤ 4": func(g *kernels.Graph) { kernels.Slice(x(g, 4, 3), 2, 5) },
		"kernels: PrependToken: x#1 [2 3 4] with token x#2 [1 1 5]: want a token of 4": func(g *kernels.Graph) {
			kernels.PrependToken(x(g, 2, 3, 4), x(g, 1, 1, 5))
		},
		"kernels: SliceTokens: x#1 [2 3 4] from 1 to 4: want 0 ≤ from < to ≤ 3": func(g *kernels.Graph) { kernels.SliceTokens(x(g, 2, 3, 4), 1, 4) },
		"kernels: GatherTokens: x#1 [2 3 4] with index i#2 [5]: want numbers of type I32, as many for each of 2 samples": func(g *kernels.Graph) {
			kernels.GatherTokens(x(g, 2, 3, 4), g.Input("i", kernels.I32, 5), nil)
		},
		"kernels: AddPositions: x#1 [2 3 4] and x#2 [4 4]: want positions [3 4]": func(g *kernels.Graph) { kernels.AddPositions(x(g, 2, 3, 4), x(g, 4, 4)) },
		"kernels: ScaleSamples: x#1 [2 3 4] with factors x#2 [3]: want 2 constants": func(g *kernels.Graph) {
			kernels.ScaleSamples(x(g, 2, 3, 4), x(g, 3))
		},
		"kernels: Reshape: x#1 [4 6] to [3 6]: want as many elements": func(g *kernels.Graph) { kernels.Reshape(x(g, 4, 6), 3, 6) },
		"kernels: Reshape: x#1 [4 6] to [2 12]: want the same last axis, or sizes that 4 divides, because rows are padded": func(g *kernels.Graph) {
			kernels.Reshape(x(g, 4, 6), 2, 12)
		},
		"kernels: Concat: want at least one tensor":                    func(*kernels.Graph) { kernels.Concat() },
		"kernels: Concat: x#2 [4] and x#1 [3]: shapes differ":          func(g *kernels.Graph) { kernels.Concat(x(g, 2, 3), x(g, 2, 4)) },
		"kernels: GlobalAvgPool: x#1 [2 3]: want 4 axes of at least 1": func(g *kernels.Graph) { kernels.GlobalAvgPool(x(g, 2, 3)) },
		"kernels: BatchNorm w: x#1 [4 3]: 3 channels, want 5":          func(g *kernels.Graph) { kernels.BatchNorm(x(g, 4, 3), norm(g, 5), nil, false, true) },
		"kernels: BatchNorm w: x#1 [1 3]: a single value per channel has no variance: use a batch of at least 2": func(g *kernels.Graph) {
			kernels.BatchNorm(x(g, 1, 3), norm(g, 3), nil, false, true)
		},
		"kernels: Softmax: temperature 0: want it above 0": func(g *kernels.Graph) { kernels.Softmax(x(g, 2, 3), 0) },
		"kernels: Attention: x#1 [2 5 24] with 4 heads: want queries, keys and values of heads whose width is a multiple of 4": func(g *kernels.Graph) {
			kernels.Attention(x(g, 2, 5, 24), 4)
		},
		"kernels: Attention: x#1 [5 24]: want 3 axes of at least 1":                          func(g *kernels.Graph) { kernels.Attention(x(g, 5, 24), 2) },
		"kernels: GatherMicro: x#1 [5 3] in 2 blocks: want rows that divide by it":           func(g *kernels.Graph) { kernels.GatherMicro(x(g, 5, 3), 2) },
		"kernels: NTXent: x#1 [5 3]: want two views, the same number of rows of each":        func(g *kernels.Graph) { kernels.NTXent(x(g, 5, 3), 1) },
		"kernels: DecoupledNTXent: x#1 [2 3]: one image has no negatives: want at least two": func(g *kernels.Graph) { kernels.DecoupledNTXent(x(g, 2, 3), 1) },
		"kernels: CrossEntropy: x#1 [5 3] with targets x#2 [5]: want 5 of type I32":          func(g *kernels.Graph) { kernels.CrossEntropy(x(g, 5, 3), x(g, 5)) },
		"kernels: CrossEntropy: label smoothing -0.1: want it from 0 to 1": func(g *kernels.Graph) {
			kernels.SmoothedCrossEntropy(x(g, 5, 3), g.Input("t", kernels.I32, 5), -0.1)
		},
		"kernels: KoLeo: x#1 [1 3]: one row has no other: want at least two": func(g *kernels.Graph) { kernels.KoLeo(x(g, 1, 3)) },
		"kernels: SoftCrossEntropy: targets x#2 [2 3] have a gradient: pass StopGrad of them": func(g *kernels.Graph) {
			kernels.SoftCrossEntropy(x(g, 2, 3), x(g, 2, 3).Track(), 1)
		},
		"kernels: CosineLoss: x#1 [2 3] and x#2 [3 3]: shapes differ":                     func(g *kernels.Graph) { kernels.CosineLoss(x(g, 2, 3), x(g, 3, 3)) },
		"kernels: CorrelationLoss: x#1 [2 3]: want a square matrix":                       func(g *kernels.Graph) { kernels.CorrelationLoss(x(g, 2, 3), 1) },
		"kernels: NormalizedLinear w: x#1 [2 3], w [4]: want as many inputs as x is wide": func(g *kernels.Graph) { kernels.NormalizedLinear(x(g, 2, 3), w(g, 4)) },
		"kernels: CenteredSoftmax: x#1 [2 3] and c [4]: want a center of 3": func(g *kernels.Graph) {
			kernels.CenteredSoftmax(x(g, 2, 3), g.Store().State("c", 0, 4), g.Scalar("t"))
		},
		"kernels: InfoNCE: x#1 [3 2]: want a column for the positive of each row": func(g *kernels.Graph) { kernels.InfoNCE(x(g, 3, 2), false) },
		"kernels: Push: x#1 [5 3] into q [4 3]: want rows of the same width, and no more of them": func(g *kernels.Graph) {
			g.Store().State("q", 0, 4, 3).Push(g, x(g, 5, 3), g.Scalar("first"))
		},
		"kernels: State: q [2 2]: 3 first values":                                             func(g *kernels.Graph) { g.Store().StateFrom("q", func() []float32 { return make([]float32, 3) }, 2, 2) },
		"kernels: UpdateAverage: c: momentum 1.5: want one from 0 to 1":                       func(g *kernels.Graph) { g.Store().State("c", 0, 3).UpdateAverage(g, x(g, 3), 1.5) },
		"kernels: Momentum: average of w is a moving average already":                         func(g *kernels.Graph) { w(g, 4).Momentum().Momentum() },
		"kernels: Backward: x#1 [2 3]: want a loss of shape [1]":                              func(g *kernels.Graph) { g.Backward(x(g, 2, 3)) },
		"kernels: BackwardFrom: x#1 [2 3] and x#2 [3 2]: shapes differ":                       func(g *kernels.Graph) { g.BackwardFrom(x(g, 2, 3), x(g, 3, 2)) },
		"kernels: tensor: x [0 3]: want at least one element along every axis":                func(g *kernels.Graph) { x(g, 0, 3) },
		"kernels: Segment: the program already has a segment \"main\"":                        func(g *kernels.Graph) { g.Segment("main"); g.Segment("main") },
		"kernels: Param: w is [3], requested as [4]":                                          func(g *kernels.Graph) { w(g, 3); w(g, 4) },
		"kernels: Param: w [3]: 2 first values":                                               func(g *kernels.Graph) { g.Store().Param("w", ones(2), 3) },
		"kernels: State: w is already the name of a tensor of another kind":                   func(g *kernels.Graph) { w(g, 3); g.Store().State("w", 0, 3) },
		"kernels: parameters: the store has none: declare them before CheckFinite and Update": func(g *kernels.Graph) { kernels.SGD{}.Update(g) },
		"kernels: Average: a parameter's moving average was requested after Update, which would skip it: request all before it": func(g *kernels.Graph) {
			p := g.Store().Param("a", ones(3), 3)
			kernels.SGD{}.Update(g)
			p.Average(g)
		},
		"kernels: Update: Clip needs the norm of the gradients: call CheckFinite before Update": func(g *kernels.Graph) {
			g.Store().Param("a", ones(3), 3)
			g.Clip(1)
			kernels.SGD{}.Update(g)
		},
		"kernels: Clip: 1 comes after CheckFinite, which computes the factor: call Clip before it": func(g *kernels.Graph) {
			g.Store().Param("a", ones(3), 3)
			g.CheckFinite(g.Input("loss", kernels.F32, 1))
			g.Clip(1)
		},
		"kernels: ClipEach: 1 comes after Update, which clips: call ClipEach before it": func(g *kernels.Graph) {
			g.Store().Param("a", ones(3), 3)
			kernels.SGD{}.Update(g)
			g.ClipEach(1)
		},
		"kernels: Param: w was declared after CheckFinite or Update, which would skip it: declare all parameters before them": func(g *kernels.Graph) {
			g.Store().Param("a", ones(3), 3)
			kernels.SGD{}.Update(g)
			w(g, 4)
		},
	} {
		st := kernels.NewStore(device)
		p, err := kernels.Build(device, st, f)
		var misuse *kernels.BuildError
		if !errors.As(err, &misuse) || err.Error() != want || p != nil {
			t.Errorf("error  %v\nwant   %v", err, want)
		}
		st.Free()
	}
}

func TestParametersCannotBeDeclaredAfterTheFirstProgram(t *testing.T) {
	_, st := build(t, func(g *kernels.Graph) { g.Output("y", kernels.ReLU(g.Input("x", kernels.F32, 1, 1))) })
	_, err := kernels.Build(device, st, func(g *kernels.Graph) { g.Store().Param("w", ones(3), 3) })
	if err == nil || err.Error() != "kernels: Param: w: the store is on the device already: declare it in the first program" {
		t.Errorf("error %v", err)
	}
}

func TestTooLargeBindingIsAnErrorWithAFix(t *testing.T) {
	st := kernels.NewStore(bench.Narrow)
	defer st.Free()
	_, err := kernels.Build(bench.Narrow, st, func(g *kernels.Graph) {
		kernels.ReLU(g.Input("x", kernels.F32, 2, optest.NarrowRange)) // one row is more than a dispatch may bind
	})
	if err == nil || err.Error() != "kernels: relu: a dispatch needs at least 1 rows and the device binds 0: use a smaller image or model" {
		t.Errorf("error %v", err)
	}
}
