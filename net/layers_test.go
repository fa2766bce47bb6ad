package net_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/ref"
	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/net"
)

// forward runs a module once on x and returns its output. In training mode it updates the running statistics.
func forward(t *testing.T, st *kernels.Store, m net.Module, mode net.Mode, x []float32, shape ...int) []float32 {
	t.Helper()
	var out []int
	prog, err := kernels.Build(device, st, func(g *kernels.Graph) {
		y := m.Forward(g.Input("x", kernels.F32, shape...), mode)
		g.Output("y", y)
		g.UpdateRunningStats()
		out = y.Shape()
	})
	if err != nil {
		t.Fatal(err)
	}
	defer prog.Free()
	seg := prog.Segment("main")
	r, err := seg.Begin()
	if err != nil {
		t.Fatal(err)
	}
	kernels.Pack(r.Floats("x"), x, shape[len(shape)-1])
	if seg.HasScalar("micro") {
		r.Set("micro", 0)
	}
	r.Draw(1, 0)
	if err := r.Submit(); err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
	y := make([]float32, out[0]*out[1])
	kernels.Unpack(y, r.Output("y"), out[1])
	return y
}

func uniform(n int, stream uint32) []float32 {
	v := make([]float32, n)
	rng.New(11, stream).Uniform(v, -1, 1)
	return v
}

// distance returns ‖a−b‖/‖b‖.
func distance(a []float32, b []float64) float64 {
	var diff, size float64
	for i, v := range b {
		diff, size = diff+(float64(a[i])-v)*(float64(a[i])-v), size+v*v
	}
	return math.Sqrt(diff / size)
}

func wide(t *testing.T, st *kernels.Store, name string) *ref.Tensor {
	t.Helper()
	p := param(t, st, name)
	return ref.FromFloat32(read(t, p.Read), p.Shape...)
}

// Sums of 24 products in float32 and float64 differ by about 1e-7. Batch norm over 6 rows multiplies that by a few.
const layerTolerance = 1e-5

func TestProjectorIsLinearNormReLULinear(t *testing.T) {
	st := kernels.NewStore(device)
	defer st.Free()
	m := net.Scope{Store: st, Seed: 1}.Projector("projector", 24, 9, 7)
	if p := param(t, st, "projector.1.bias"); p.Write(uniform(9, 1)) != nil {
		t.Fatal("write")
	}
	x := uniform(6*24, 2)
	got := forward(t, st, m, net.Train, x, 6, 24)
	h := ref.Linear(ref.FromFloat32(x, 6, 24), wide(t, st, "projector.0.weight"), nil)
	h, mean, variance := ref.BatchNormTrain(h, wide(t, st, "projector.1.weight"), wide(t, st, "projector.1.bias"), 1e-5, nil, true)
	want := ref.Linear(h, wide(t, st, "projector.3.weight"), wide(t, st, "projector.3.bias"))
	if d := distance(got, want.Data); !(d <= layerTolerance) {
		t.Errorf("%.2g from the reference, want at most %g", d, layerTolerance)
	}
	m0, v0 := ref.New(9), ref.New(9)
	for i := range v0.Data {
		v0.Data[i] = 1
	}
	m1, v1 := ref.RunningUpdate(m0, v0, mean, variance, 6, 0.1)
	for name, want := range map[string]*ref.Tensor{"running_mean": m1, "running_var": v1} {
		if d := distance(read(t, state(t, st, "projector.1."+name).Read), want.Data); !(d <= layerTolerance) {
			t.Errorf("%s: %.2g from the reference, want at most %g", name, d, layerTolerance)
		}
	}
}

// SimSiam's projector for CIFAR-10 has two layers. That of three is compared with PyTorch's in package ssl.
func TestSimSiamProjectorOfTwoLayersMatchesItsReference(t *testing.T) {
	st := kernels.NewStore(device)
	defer st.Free()
	m := net.Scope{Store: st, Seed: 1}.NormMLP("projector", net.PlainNorm, 24, 9, 7)
	x, one, zero := uniform(6*24, 2), ref.New(7), ref.New(7)
	for i := range one.Data {
		one.Data[i] = 1
	}
	got := forward(t, st, m, net.Train, x, 6, 24)
	h := ref.Linear(ref.FromFloat32(x, 6, 24), wide(t, st, "projector.0.weight"), nil)
	h, _, _ = ref.BatchNormTrain(h, wide(t, st, "projector.1.weight"), wide(t, st, "projector.1.bias"), 1e-5, nil, true)
	want, _, _ := ref.BatchNormTrain(ref.Linear(h, wide(t, st, "projector.3.weight"), nil), one, zero, 1e-5, nil, false)
	if d := distance(got, want.Data); !(d <= layerTolerance) {
		t.Errorf("%.2g from the reference, want at most %g", d, layerTolerance)
	}
}

func TestHeadIsLinearReLULinear(t *testing.T) {
	st := kernels.NewStore(device)
	defer st.Free()
	m := net.Scope{Store: st, Seed: 1}.MLP("head", 24, 24, 10)
	x := uniform(5*24, 3)
	got := forward(t, st, m, net.Eval, x, 5, 24)
	h := ref.ReLU(ref.Linear(ref.FromFloat32(x, 5, 24), wide(t, st, "head.0.weight"), wide(t, st, "head.0.bias")))
	want := ref.Linear(h, wide(t, st, "head.2.weight"), wide(t, st, "head.2.bias"))
	if d := distance(got, want.Data); !(d <= layerTolerance) {
		t.Errorf("%.2g from the reference, want at most %g", d, layerTolerance)
	}
}

func TestHeadsAreNamedAsInTorchSequential(t *testing.T) {
	st := kernels.NewStore(device)
	scope := net.Scope{Store: st, Seed: 1}
	scope.Projector("projector", 8, 6, 4)
	scope.MLP("head", 8, 6, 4)
	scope.MLP("fc", 8, 4)
	scope.NormMLP("normed", net.ScaledNorm, 8, 6, 4)
	scope.NormMLP("plain", net.NoNorm, 8, 6, 4)
	scope.NormMLP("two", net.PlainNorm, 8, 6, 4)
	scope.NormMLP("three", net.PlainNorm, 8, 6, 6, 4)
	scope.NormMLP("biased", net.OnlyBias, 8, 6, 4)
	var got []string
	for _, p := range st.Params() {
		got = append(got, p.Name)
	}
	slices.Sort(got)
	want := []string{"biased.0.weight", "biased.1.bias", "biased.1.weight", "biased.3.bias", "biased.3.weight", "fc.bias", "fc.weight", "head.0.bias", "head.0.weight", "head.2.bias", "head.2.weight",
		"normed.0.weight", "normed.1.bias", "normed.1.weight", "normed.3.weight", "normed.4.bias", "normed.4.weight",
		"plain.0.weight", "plain.1.bias", "plain.1.weight", "plain.3.weight",
		"projector.0.weight", "projector.1.bias", "projector.1.weight", "projector.3.bias", "projector.3.weight",
		"three.0.weight", "three.1.bias", "three.1.weight", "three.3.weight", "three.4.bias", "three.4.weight", "three.6.weight",
		"two.0.weight", "two.1.bias", "two.1.weight", "two.3.weight"}
	if !slices.Equal(got, want) {
		t.Fatalf("names %v, want %v", got, want)
	}
}

// Biases, and the scales and shifts of norms, have no weight decay, as is usual.
func TestOnlyVectorsHaveNoWeightDecay(t *testing.T) {
	st := network(t, tiny(t), true)
	net.Scope{Store: st, Seed: 1}.MLP("head", 24, 24, 5)
	for _, p := range st.Params() {
		if want := len(p.Shape) == 1; p.NoDecay != want {
			t.Errorf("%s %v: NoDecay %t, want %t", p.Name, p.Shape, p.NoDecay, want)
		}
	}
}

// With the running statistics set to those of a batch, inference on half of it must equal the training output of that half. This covers every batch
// norm, also those of the shortcuts. One update from (0, 1) gives running statistics of 0.1·μ and 0.9 + 0.1·σ²·n/(n−1); the test solves them for μ
// and σ². The division by 0.1 costs a digit of float32.
func TestInferenceWithTheStatisticsOfABatchEqualsTraining(t *testing.T) {
	const n, px, tolerance = 6, 16, 1e-4
	st := kernels.NewStore(device)
	defer st.Free()
	m, err := resnet(t, "resnet10", "strided", 5, "").New(st, 1)
	if err != nil {
		t.Fatal(err)
	}
	x := uniform(n*px*px*3, 4)
	want := forward(t, st, m, net.Train, x, n, px, px, 3)
	rows := map[string]float64{"bn1": 64, "layer1": 64, "layer2": 16, "layer3": 4, "layer4": 1} // pixels of an image, then all images
	for _, s := range st.States() {
		if strings.HasPrefix(s.Name, "marr.") {
			continue
		}
		v, count := read(t, s.Read), n*rows[strings.Split(s.Name, ".")[1]]
		for i := range v {
			if strings.HasSuffix(s.Name, ".running_var") {
				v[i] = float32((float64(v[i]) - 0.9) / 0.1 * (count - 1) / count)
			} else {
				v[i] /= 0.1
			}
		}
		if err := s.Write(v); err != nil {
			t.Fatal(err)
		}
	}
	got := forward(t, st, m, net.Eval, x[:len(x)/2], n/2, px, px, 3)
	if d := distance(got, ref.FromFloat32(want[:len(want)/2], len(want)/2).Data); !(d <= tolerance) {
		t.Errorf("inference is %.2g from training, want at most %g", d, tolerance)
	}
}

// A stage of stride 2 needs two rows. Images of the smallest accepted size leave exactly two.
func TestImagesTooSmallForTheStagesAreRefused(t *testing.T) {
	for _, c := range []struct {
		stem    string
		minSize int
		hint    string
	}{{"cifar", 5, "5×5 pixels"}, {"strided", 9, "9×9 pixels, or --stem cifar"}, {"imagenet", 17, "17×17 pixels, or --stem cifar or strided"}} {
		for _, arch := range []string{"resnet10", "resnet18", "resnet34", "resnet50"} {
			st := kernels.NewStore(device)
			m, err := resnet(t, arch, c.stem, 3, "").New(st, 1)
			if err != nil {
				t.Fatal(err)
			}
			trace := func(h, w int) (*kernels.Graph, error) {
				return kernels.TraceOps(st, func(g *kernels.Graph) { m.Forward(g.Input("x", kernels.F32, 2, h, w, 3), net.Eval) })
			}
			g, err := trace(c.minSize, c.minSize+1)
			if err != nil {
				t.Fatal(err)
			}
			narrowest := c.minSize
			for _, n := range g.Trace() {
				if n.Attr["stride"] == 2 {
					narrowest = min(narrowest, n.In[0].Dim(1))
				}
			}
			if narrowest != 2 {
				t.Errorf("%s, %s: the last stage of stride 2 finds %d rows, want 2", arch, c.stem, narrowest)
			}
			for _, size := range [][2]int{{c.minSize - 1, 40}, {40, c.minSize - 1}} {
				if _, err := trace(size[0], size[1]); err == nil || !strings.HasSuffix(err.Error(), "use images of at least "+c.hint) {
					t.Errorf("%s, %s, %v pixels: error %v, want %s", arch, c.stem, size, err, c.hint)
				}
			}
		}
	}
}
