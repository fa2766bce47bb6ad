package ref

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// exact is the tolerance for results of exact arithmetic or of a few roundings.
const exact = 1e-15

func near(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s = %v, want %v", what, got, want)
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= tolerance) {
			t.Fatalf("%s = %v, want %v", what, got, want)
		}
	}
}

func TestConvOfAllOnesCountsTapsInsideTheImage(t *testing.T) {
	x, w := New(1, 2, 3, 1), New(1, 3, 3, 1)
	for _, d := range [][]float64{x.Data, w.Data} {
		for i := range d {
			d[i] = 1
		}
	}
	near(t, "conv", Conv2D(x, w, 1, 1).Data, []float64{4, 6, 4, 4, 6, 4}, exact)
	near(t, "conv stride 2", Conv2D(x, w, 2, 1).Data, []float64{4, 4}, exact)
}

func TestConvDoesNotFlipTheKernel(t *testing.T) {
	x, w := From([]float64{1, 2, 3}, 1, 1, 3, 1), From([]float64{10, 1}, 1, 1, 2, 1)
	near(t, "conv", Conv2D(x, w, 1, 0).Data, []float64{12, 23}, exact)
}

func TestBatchNormOutputHasMeanBetaAndVarianceGammaSquared(t *testing.T) {
	x := From([]float64{1, 8, 2, 4, 6, 0}, 3, 2)
	y, mean, variance := BatchNormTrain(x, From([]float64{2, 3}, 2), From([]float64{5, -1}, 2), 0, nil, false)
	near(t, "mean", mean.Data, []float64{3, 4}, exact)
	near(t, "variance", variance.Data, []float64{14. / 3, 32. / 3}, 1e-14)
	for c, want := range []float64{5, -1} {
		a, b, d := y.Data[c], y.Data[2+c], y.Data[4+c]
		m := (a + b + d) / 3
		v := ((a-m)*(a-m) + (b-m)*(b-m) + (d-m)*(d-m)) / 3
		near(t, "moments", []float64{m, v}, []float64{want, float64((c + 2) * (c + 2))}, 1e-14)
	}
}

func TestRunningVarianceIsUnbiased(t *testing.T) {
	zero, one := New(1), From([]float64{1}, 1)
	m, v := RunningUpdate(zero, one, From([]float64{4}, 1), From([]float64{2}, 1), 5, 0.1)
	near(t, "mean", m.Data, []float64{0.4}, exact)
	near(t, "variance", v.Data, []float64{0.9 + 0.1*2*5/4}, exact)
}

func TestMatMulTranspositionsAgree(t *testing.T) {
	a, b := From([]float64{1, 2, 3, 4, 5, 6}, 2, 3), From([]float64{1, 0, 2, -1, 3, 1}, 3, 2)
	want := []float64{14, 1, 32, 1}
	near(t, "ab", MatMul(a, b, false, false).Data, want, exact)
	near(t, "aᵀb", MatMul(transpose(a), b, true, false).Data, want, exact)
	near(t, "abᵀ", MatMul(a, transpose(b), false, true).Data, want, exact)
	near(t, "aᵀbᵀ", MatMul(transpose(a), transpose(b), true, true).Data, want, exact)
}

func TestL2NormalizeKeepsZeroRows(t *testing.T) {
	near(t, "rows", L2Normalize(From([]float64{3, 4, 0, 0}, 2, 2)).Data, []float64{0.6, 0.8, 0, 0}, exact)
}

func TestSoftmaxSurvivesLogitsBeyondTheRangeOfExp(t *testing.T) {
	x := From([]float64{1000, 1000, -1000}, 1, 3)
	near(t, "softmax", Softmax(x, 1).Data, []float64{0.5, 0.5, 0}, exact)
	near(t, "log-softmax", LogSoftmax(x, 1).Data, []float64{-math.Ln2, -math.Ln2, -2000 - math.Ln2}, 1e-12)
}

// Computed with PyTorch in float64: q = [[1, 0], [0, 2]], k = [[1, 1], [0, 1]], v = [[1, 2], [3, −1]]; and the same with q × 1000.
func TestAttentionKnownValues(t *testing.T) {
	qkv := From([]float64{1, 0, 1, 1, 1, 2, 0, 2, 0, 1, 3, -1}, 1, 2, 6)
	near(t, "y", Attention(qkv, 1).Data, []float64{1.660477, 1.009285, 2, .5}, 5e-7)
	qkv.Data[0], qkv.Data[7] = 1000, 2000
	near(t, "y of large scores", Attention(qkv, 1).Data, []float64{1, 2, 2, .5}, exact)
	near(t, "two heads of one number", Attention(qkv, 2).Data, []float64{1, .5, 2, .5}, exact)
}

func TestCrossEntropyCountsLabeledRowsOnly(t *testing.T) {
	logits := From([]float64{0, 0, 7, -3, 0, math.Log(3)}, 3, 2)
	near(t, "loss", CrossEntropy(logits, []int32{0, -1, 1}).Data, []float64{(math.Log(2) + math.Log(4./3)) / 2}, exact)
	near(t, "unlabeled", CrossEntropy(logits, []int32{-1, -1, -1}).Data, []float64{0}, 0)
}

func TestNTXentKnownValues(t *testing.T) {
	// One image: the denominator has only the positive. N equal embeddings: 2N−1 equal terms.
	near(t, "one image", NTXent(From([]float64{1, 0, 0, 1}, 2, 2), 0.2).Data, []float64{0}, exact)
	near(t, "equal", NTXent(From([]float64{1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0}, 6, 2), 0.2).Data, []float64{math.Log(5)}, 1e-14)
	// Two opposite images with equal views: positive e^{1/T}, two negatives e^{−1/T}.
	z := From([]float64{1, -1, 1, -1}, 4, 1)
	near(t, "opposite, decoupled", DecoupledNTXent(z, 0.5).Data, []float64{math.Log(2) - 4}, exact)
	near(t, "opposite", NTXent(z, 0.5).Data, []float64{math.Log1p(2 * math.Exp(-4))}, exact)
}

func TestFirstAdamStepMovesByTheLearningRate(t *testing.T) {
	p, g, zero := From([]float64{1, 1}, 2), From([]float64{1e-3, -50}, 2), New(2)
	got, _, _ := AdamW(p, g, zero, zero, 1, AdamWParams{LR: 0.1, Beta1: 0.9, Beta2: 0.999})
	near(t, "p", got.Data, []float64{0.9, 1.1}, 1e-14)
	got, _, _ = AdamW(p, New(2), zero, zero, 1, AdamWParams{LR: 0.1, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Decay: 0.5})
	near(t, "decayed p", got.Data, []float64{0.95, 0.95}, exact)
}

func TestSGDAccumulatesVelocity(t *testing.T) {
	p, v, g := From([]float64{1}, 1), New(1), From([]float64{1}, 1)
	for range 2 {
		p, v = SGD(p, g, v, SGDParams{LR: 0.1, Momentum: 0.5})
	}
	near(t, "p, v", []float64{p.Data[0], v.Data[0]}, []float64{1 - 0.1 - 0.15, 1.5}, exact)
}

func TestCropWithoutResizeCopies(t *testing.T) {
	img := From([]float64{0, .1, .2, .3, .4, .5, .6, .7, .8}, 3, 3, 1)
	near(t, "crop", ResizedCrop(img, Box{1, 0, 2, 2}, 2, 2, Bilinear).Data, []float64{.3, .4, .6, .7}, exact)
}

func TestBilinearHalvingIsATriangleFilter(t *testing.T) {
	// s = 2, reach 2: output 0 is centered at 1; its pixels 0, 1, 2 at distances ½, ½, 1½ have weights 3, 3, 1.
	img := From([]float64{1, 0, 0, 0}, 1, 4, 1)
	near(t, "row", ResizedCrop(img, Box{0, 0, 1, 4}, 1, 2, Bilinear).Data, []float64{3. / 7, 0}, exact)
}

func TestFlipTwiceIsIdentityAndContrastZeroIsMeanGray(t *testing.T) {
	img := From([]float64{1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1}, 2, 2, 3)
	near(t, "flip", FlipHorizontal(FlipHorizontal(img)).Data, img.Data, 0)
	gray := 0.0
	for i := range 4 {
		gray += dot(img.Row(i), GrayWeights[:]) / 4
	}
	near(t, "contrast", Contrast(img, 0).Data, slices.Repeat([]float64{gray}, 12), exact)
}

func TestMisuseNamesOpAndShapes(t *testing.T) {
	for want, f := range map[string]func(){
		"ref: Conv2D: w wants shape [-1 -1 -1 3]: [8 3 3 4]":       func() { Conv2D(New(1, 5, 5, 3), New(8, 3, 3, 4), 1, 1) },
		"ref: Add: shapes differ: [2 3] [3 2]":                     func() { Add(New(2, 3), New(3, 2)) },
		"ref: MatMul: inner lengths differ":                        func() { MatMul(New(2, 3), New(2, 3), false, false) },
		"ref: NTXent: z needs two views of each image":             func() { NTXent(New(3, 2), 1) },
		"ref: CrossEntropy: target outside the classes":            func() { CrossEntropy(New(1, 3), []int32{3}) },
		"ref: RunningUpdate: an unbiased variance needs 2 samples": func() { RunningUpdate(New(1), New(1), New(1), New(1), 1, 0.1) },
	} {
		func() {
			defer func() {
				if got, _ := recover().(string); !strings.HasPrefix(got, want) {
					t.Errorf("panic %q, want it to start with %q", got, want)
				}
			}()
			f()
		}()
	}
}
