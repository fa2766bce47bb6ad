package ssl

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"marr/kernels"
	"marr/kernels/ref/golden"
	"marr/net"
	"marr/vk"
	"marr/vk/vktest"
)

// device is shared by all tests of the package.
var device *vk.Device

func TestMain(m *testing.M) { vktest.Main(m, &device) }

// Ten steps amplify the rounding of one: PyTorch's own float32 run ends up to 3.7e-5 from its float64 one.
const trainingTolerance = 1e-3

// lossTolerance is for one forward and backward of the loss alone.
const lossTolerance = 1e-4

func goldenCases(t *testing.T, op string) (cases []*golden.Case) {
	t.Helper()
	file, err := golden.Load("testdata/simclr.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range file.Cases {
		if c.Op == op {
			cases = append(cases, c)
		}
	}
	if len(cases) == 0 {
		t.Fatalf("no case of %s", op)
	}
	return cases
}

func TestSimCLRLossMatchesPyTorch(t *testing.T) {
	for _, c := range goldenCases(t, "simclr_loss") {
		st := kernels.NewStore(device)
		z := c.Inputs[0]
		prog, err := kernels.Build(device, st, func(g *kernels.Graph) {
			x := g.Input("z", kernels.F32, z.Shape...).Track()
			loss := kernels.NTXent(kernels.L2Normalize(x), c.Attrs["temperature"])
			g.Output("loss", loss)
			g.Backward(loss)
			g.Output("dz", x.Grad())
		})
		if err != nil {
			t.Fatal(err)
		}
		r := begin(t, prog.Segment("main"))
		kernels.Pack(r.Floats("z"), c.Values(z), z.Shape[1])
		finish(t, r)
		dz := make([]float32, z.Shape[0]*z.Shape[1])
		kernels.Unpack(dz, r.Output("dz"), z.Shape[1])
		for _, x := range []struct {
			want *golden.Result
			got  []float32
		}{{c.Output("loss"), r.Output("loss")[:1]}, {c.Grad("z"), dz}} {
			if d := x.want.Distance32(x.got); !(d <= lossTolerance) {
				t.Errorf("%s: %s: %.2g from PyTorch, want at most %g", c.Name, x.want.Name, d, lossTolerance)
			}
		}
		prog.Free()
		st.Free()
	}
}

func begin(t *testing.T, s *kernels.Segment) *kernels.Run {
	t.Helper()
	r, err := s.Begin()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func finish(t *testing.T, r *kernels.Run) {
	t.Helper()
	if err := r.Submit(); err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
}

// tenSteps is a SimCLR run from a golden case's state on its views: the method's own loss, an optimizer that decays every parameter.
type tenSteps struct {
	c    *golden.Case
	st   *kernels.Store
	prog *kernels.Program
	opt  net.Optimizer
}

func newTenSteps(t *testing.T, c *golden.Case) *tenSteps {
	t.Helper()
	x := &tenSteps{c: c, st: kernels.NewStore(device)}
	if strings.Contains(c.Name, "adamw") {
		x.opt = net.AdamW{AdamW: kernels.AdamW{Beta1: c.Attrs["beta1"], Beta2: c.Attrs["beta2"], Eps: c.Attrs["eps"], DecayAll: true}, Decay: c.Attrs["weight_decay"]}
	} else {
		x.opt = net.SGD{SGD: kernels.SGD{Momentum: c.Attrs["momentum"], DecayAll: true}, Decay: c.Attrs["weight_decay"]}
	}
	width := int(c.Attrs["width"])
	backbone, err := net.NewResNet(x.st, net.Config{Arch: "resnet10", Stem: "strided", Width: width, Channels: 1}, 1)
	if err != nil {
		t.Fatal(err)
	}
	method := &SimCLR{Temperature: c.Attrs["temperature"], Out: int(c.Attrs["embedding"])}
	x.prog, err = kernels.Build(device, x.st, func(g *kernels.Graph) {
		views := g.Input("views", kernels.F32, 2*int(c.Attrs["batch"]), 16, 16, 1)
		n := views.Dim(0) / 2
		pair := []*kernels.Tensor{kernels.Slice(views, 0, n), kernels.Slice(views, n, 2*n)}
		loss := method.Loss(&Step{Graph: g, Store: x.st, Backbone: backbone, Dim: backbone.Dim(), N: n, Views: pair, Seed: 1})
		g.Output("loss", loss)
		g.ClearGrads()
		g.Backward(loss)
		g.CheckFinite(loss)
		x.opt.Update(g)
		g.Fold()
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range x.st.Params() {
		if err := p.Write(x.values(t, p.Name)); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

func (x *tenSteps) values(t *testing.T, name string) []float32 {
	t.Helper()
	i := slices.IndexFunc(x.c.Inputs, func(s golden.Spec) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("%s has no input %s", x.c.Name, name)
	}
	return x.c.Values(x.c.Inputs[i])
}

func (x *tenSteps) step(t *testing.T, i int) float64 {
	t.Helper()
	r := begin(t, x.prog.Segment("main"))
	kernels.Pack(r.Floats("views"), x.values(t, fmt.Sprintf("views%d", i)), 1)
	r.Set("micro", 0)
	x.opt.Set(r, i, x.c.Attrs["lr"])
	finish(t, r)
	return float64(r.Output("loss")[0])
}

func TestTenStepsMatchPyTorch(t *testing.T) {
	for _, c := range goldenCases(t, "simclr_train") {
		t.Run(c.Name, func(t *testing.T) {
			x := newTenSteps(t, c)
			defer x.st.Free()
			defer x.prog.Free()
			var losses []float64
			for i := range 10 {
				losses = append(losses, x.step(t, i))
				if i == 0 {
					x.checkGradients(t)
				}
			}
			if d := c.Output("loss").Distance(losses); !(d <= trainingTolerance) {
				t.Errorf("losses %v: %.2g from PyTorch, want at most %g", losses, d, trainingTolerance)
			}
			x.checkEnd(t)
		})
	}
}

func (x *tenSteps) checkGradients(t *testing.T) {
	t.Helper()
	for _, p := range x.st.Params() {
		got, err := p.ReadGrad()
		if err != nil {
			t.Fatal(err)
		}
		if want := x.c.Grad(p.Name); !(want.Distance32(got) <= trainingTolerance) {
			t.Errorf("gradient of %s: %.2g from PyTorch, want at most %g", p.Name, want.Distance32(got), trainingTolerance)
		}
	}
}

// checkEnd compares parameters and running statistics after ten steps, and how far each parameter has moved: values alone would hide a small
// update of a large weight.
func (x *tenSteps) checkEnd(t *testing.T) {
	t.Helper()
	check := func(name string, got []float32, err error) *golden.Result {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		want := x.c.Output(name)
		if d := want.Distance32(got); !(d <= trainingTolerance) {
			t.Errorf("%s after ten steps: %.2g from PyTorch, want at most %g", name, d, trainingTolerance)
		}
		return want
	}
	for _, p := range x.st.Params() {
		got, err := p.Read()
		want, sum := check(p.Name, got, err), 0.0
		for i, v := range x.values(t, p.Name) {
			sum += float64(got[i]-v) * float64(got[i]-v)
		}
		if d := math.Abs(math.Sqrt(sum)-want.Moved) / want.Moved; want.Moved > 0 && !(d <= trainingTolerance) {
			t.Errorf("%s moved by %g, PyTorch by %g", p.Name, math.Sqrt(sum), want.Moved)
		}
	}
	for _, s := range x.st.States() {
		if !strings.HasPrefix(s.Name, "marr.") {
			got, err := s.Read()
			check(s.Name, got, err)
		}
	}
}
