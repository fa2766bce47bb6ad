package ssl

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/ref/golden"
	"github.com/marr-ssl/marr/net"
)

// tenSteps trains a method on the views of a golden case, from its initial values, with an optimizer that decays every parameter.
type tenSteps struct {
	c       *golden.Case
	st      *kernels.Store
	prog    *kernels.Program
	opt     net.Optimizer
	step    *Step
	locals  *kernels.Tensor
	targets string // the input of the targets, labels or indices; "": none
}

// recording adds to what a program of ten steps records.
type recording func(g *kernels.Graph)

// newTenSteps prepares a method with this many views of one size for each image.
func newTenSteps(t *testing.T, c *golden.Case, method Method, views int, more ...recording) *tenSteps {
	t.Helper()
	x := &tenSteps{c: c, st: kernels.NewStore(device)}
	if c.Attrs["beta1"] > 0 {
		x.opt = net.AdamW{AdamW: kernels.AdamW{Beta1: c.Attrs["beta1"], Beta2: c.Attrs["beta2"], Eps: c.Attrs["eps"], DecayAll: true}, Decay: c.Attrs["weight_decay"]}
	} else {
		x.opt = net.SGD{SGD: kernels.SGD{OptMomentum: c.Attrs["momentum"], DecayAll: true}, Decay: c.Attrs["weight_decay"]}
	}
	network, err := tenStepNetwork(c)
	if err != nil {
		t.Fatal(err)
	}
	backbone, err := network.New(x.st, 1)
	if err != nil {
		t.Fatal(err)
	}
	x.prog, err = kernels.Build(device, x.st, func(g *kernels.Graph) {
		for _, record := range more {
			record(g)
		}
		all := g.Input("views", kernels.F32, x.spec(t, "views0").Shape...)
		s := &Step{Graph: g, Backbone: backbone, Heads: net.Scope{Store: x.st, Seed: 1}, N: int(c.Attrs["batch"])}
		for v := range views {
			rows := all.Dim(0) / views
			s.Views, s.Targets, s.TargetClasses = append(s.Views, kernels.Slice(all, v*rows, (v+1)*rows)), append(s.Targets, nil), append(s.TargetClasses, 0)
		}
		for v := range int(c.Attrs["locals"]) {
			if v == 0 {
				x.locals = g.Input("locals", kernels.F32, x.spec(t, "locals0").Shape...)
			}
			s.Views = append(s.Views, kernels.Slice(x.locals, v*s.N, (v+1)*s.N))
		}
		switch m := method.(type) {
		case *Supervised:
			x.targets, s.NumLabels = "labels", x.classes(t)
		case *DIET:
			x.targets, s.Samples = "indices", x.classes(t)
		case *Distill:
			s.Samples, m.Teacher = s.N, &TeacherFeatures{Dim: x.spec(t, "teacher0").Shape[1], Values: x.values(t, "teacher0")}
		default:
			if len(c.Ints) > 0 {
				x.targets = "targets"
				s.Targets[0], s.TargetClasses[0] = g.Input(x.targets, kernels.I32, s.N), x.classes(t)
			}
		}
		x.step = s
		loss := method.Loss(s)
		g.Output("loss", loss)
		g.ClearGrads()
		g.Backward(loss)
		g.ClipEach(c.Attrs["clip"])
		g.CheckFinite(loss)
		x.opt.Update(g)
		g.UpdateRunningStats()
		for _, f := range s.Requests.AfterUpdate {
			f(g)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range x.st.Params() {
		err := p.Write(x.values(t, p.Name))
		if err == nil && p.HasAverage() {
			err = p.WriteAverage(x.values(t, p.Name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range x.st.States() {
		if strings.HasPrefix(s.Name, "queue") {
			if err := s.Write(x.values(t, s.Name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return x
}

// tenStepNetwork returns the network of a golden case: a vision transformer if the case has patches.
func tenStepNetwork(c *golden.Case) (net.Config, error) {
	if c.Attrs["patch"] == 0 {
		return net.NewConfig("resnet10", map[string]any{"stem": "strided", "width": int(c.Attrs["width"])}, "", 1)
	}
	settings := map[string]any{"positions": "sincos"}
	for _, name := range []string{"patch", "embed-dim", "depth", "heads", "grid"} {
		settings[name] = int(c.Attrs[name])
	}
	return net.NewConfig("vit-tiny", settings, "", 1)
}

// momentumPrefix returns the prefix of the momentum encoder's names in the golden file.
func (x *tenSteps) momentumPrefix() string {
	if x.c.Op == "dino_train" {
		return "teacher."
	}
	return "target."
}

// classes returns the width of the last layer.
func (x *tenSteps) classes(t *testing.T) int {
	t.Helper()
	last := x.c.Inputs[slices.IndexFunc(x.c.Inputs, func(s golden.Spec) bool { return strings.HasPrefix(s.Name, "views") })-1]
	return last.Shape[0]
}

// torchName removes the prefix of the backbone, which PyTorch's names do not have.
func torchName(name string) string { return strings.TrimPrefix(name, net.BackbonePrefix) }

func (x *tenSteps) spec(t *testing.T, name string) golden.Spec {
	t.Helper()
	i := slices.IndexFunc(x.c.Inputs, func(s golden.Spec) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("%s has no input %s", x.c.Name, name)
	}
	return x.c.Inputs[i]
}

// values returns the golden values of a tensor of the store.
func (x *tenSteps) values(t *testing.T, name string) []float32 {
	t.Helper()
	return x.c.Values(x.spec(t, torchName(name)))
}

func (x *tenSteps) replay(t *testing.T, i int) float64 {
	t.Helper()
	r := begin(t, x.prog.Segment("main"))
	kernels.Pack(r.Floats("views"), x.values(t, fmt.Sprintf("views%d", i)), 1)
	if x.locals != nil {
		kernels.Pack(r.Floats("locals"), x.values(t, fmt.Sprintf("locals%d", i)), 1)
	}
	if rows := x.step.Requests.TeacherRows; rows != nil {
		kernels.Pack(r.Floats("teacher_rows"), x.values(t, fmt.Sprintf("teacher%d", i)), rows.Dim)
	}
	for name, v := range x.step.Requests.Scalars {
		r.Set(name, v.At(i, 10))
	}
	for name, v := range x.step.Requests.Gates {
		x.opt.SetGate(r, name, i, net.FrozenSteps(v, i, 10), v.At(i, 10))
	}
	r.Draw(1, uint32(i))
	if name := fmt.Sprintf("%s%d", drawnInput, i); slices.ContainsFunc(x.c.Inputs, func(s golden.Spec) bool { return s.Name == name }) {
		kernels.Pack(r.Floats(drawnInput), x.values(t, name), x.spec(t, name).Shape[1])
	}
	if x.targets != "" {
		copy(r.Ints(x.targets), x.c.Ints[i].Data)
	}
	if ratio := x.c.Attrs["mask_ratio"]; ratio > 0 {
		x.mask(t, r, i, ratio)
	}
	setMicro(x.prog, r)
	x.opt.Set(r, i, x.c.Attrs["lr"])
	if m := x.step.Requests.Momentum; m != nil {
		r.Set("ema_rate", 1-m.At(i, 10))
	}
	finish(t, r)
	return float64(r.Output("loss")[0])
}

// mask fills the inputs of a mask by the golden noise of a step.
func (x *tenSteps) mask(t *testing.T, r *kernels.Run, i int, ratio float64) {
	t.Helper()
	r.Draw(1, 0)
	noise := x.values(t, fmt.Sprintf("noise%d", i))
	k := newMask(x.step.N, len(noise)/x.step.N, ratio)
	for n := range k.images {
		k.fill(argsort(noise[n*k.patches:][:k.patches]), r.Ints("mask" + keptTokens)[n*(1+k.visible):], r.Ints("mask" + restoredTokens)[n*(1+k.patches):],
			r.Ints("mask" + removedPatches)[n*(k.patches-k.visible):])
	}
}

// tenStepMethods has the golden ten steps of each method: the op in the file that the part before _train names, and the number of views.
var tenStepMethods = []struct {
	op     string
	views  int
	method func(attr func(string) int, c *golden.Case) Method
}{
	{"simclr_train", 2, func(attr func(string) int, c *golden.Case) Method {
		return &SimCLR{Temperature: c.Attrs["temperature"], Out: attr("embedding"), OutputNorm: c.Attrs["output_norm"] == 1}
	}},
	{"byol_train", 2, func(attr func(string) int, c *golden.Case) Method {
		return &BYOL{Momentum: c.Attrs["ema"], Hidden: attr("hidden"), Out: attr("embedding"), PredictorHidden: attr("predictor_hidden")}
	}},
	{"simsiam_train", 2, func(attr func(string) int, _ *golden.Case) Method {
		return &SimSiam{Hidden: attr("hidden"), Out: attr("embedding"), Layers: 3, PredictorHidden: attr("predictor_hidden")}
	}},
	{"barlow_train", 2, func(attr func(string) int, c *golden.Case) Method {
		return &BarlowTwins{Lambda: c.Attrs["lambda"], Hidden: attr("hidden"), Out: attr("embedding")}
	}},
	{"vicreg_train", 2, func(attr func(string) int, c *golden.Case) Method {
		return &VICReg{Invariance: c.Attrs["invariance"], Variance: c.Attrs["variance"], Covariance: c.Attrs["covariance"],
			Hidden: attr("hidden"), Out: attr("embedding")}
	}},
	{"dino_train", 2, func(attr func(string) int, c *golden.Case) Method {
		return &DINO{Prototypes: attr("prototypes"), Hidden: attr("hidden"), NormInHead: c.Attrs["normed"] == 1, Bottleneck: attr("bottleneck"), StudentTemp: c.Attrs["student_temperature"],
			TeacherTemp: c.Attrs["teacher_temperature"], Momentum: c.Attrs["ema"], CenterMomentum: c.Attrs["centre_momentum"], FreezeLast: c.Attrs["frozen"] / 10,
			KoLeo: c.Attrs["koleo"]}
	}},
	{"mocov2_train", 2, func(attr func(string) int, c *golden.Case) Method {
		return &MoCoV2{Temperature: c.Attrs["temperature"], Momentum: c.Attrs["ema"], Queue: attr("queue"), Hidden: attr("hidden"), Out: attr("embedding"), Symmetric: c.Attrs["symmetric"] == 1}
	}},
	{"mocov3_train", 2, func(attr func(string) int, c *golden.Case) Method {
		return &MoCoV3{Temperature: c.Attrs["temperature"], Momentum: c.Attrs["ema"], Hidden: attr("hidden"), Out: attr("embedding"), Layers: attr("layers"), PredictorHidden: attr("predictor_hidden"),
			PredictorNorm: c.Attrs["predictor_norm"] == 1}
	}},
	{"nnclr_train", 2, func(attr func(string) int, c *golden.Case) Method {
		return &NNCLR{Temperature: c.Attrs["temperature"], Queue: attr("queue"), Hidden: attr("hidden"), Out: attr("embedding"), PredictorHidden: attr("predictor_hidden")}
	}},
	{"swav_train", 2, func(attr func(string) int, c *golden.Case) Method {
		return &SwAV{Prototypes: attr("prototypes"), Temperature: c.Attrs["temperature"], Epsilon: c.Attrs["epsilon"], Hidden: attr("hidden"), Out: attr("embedding"), Queue: attr("queue"),
			Freeze: c.Attrs["frozen"] / 10}
	}},
	{"lejepa_train", 2, func(attr func(string) int, c *golden.Case) Method {
		return &LeJEPA{Lambda: c.Attrs["lambda"], Slices: attr("slices"), Hidden: attr("hidden"), Out: attr("embedding")}
	}},
	{"visreg_train", 2, func(attr func(string) int, c *golden.Case) Method {
		return &VISReg{Lambda: c.Attrs["lambda"], Slices: attr("slices"), Hidden: attr("hidden"), Out: attr("embedding")}
	}},
	{"mae_train", 1, func(attr func(string) int, c *golden.Case) Method {
		return &MAE{MaskRatio: c.Attrs["mask_ratio"], NormPixels: c.Attrs["norm_pix"] == 1, Width: attr("decoder_dim"), Depth: attr("decoder_depth"), Heads: attr("decoder_heads")}
	}},
	{"diet_train", 1, func(_ func(string) int, c *golden.Case) Method { return &DIET{Smoothing: c.Attrs["smoothing"]} }},
	{"distill_train", 1, func(attr func(string) int, c *golden.Case) Method {
		return &Distill{Temperature: c.Attrs["temperature"], Queue: attr("queue")}
	}},
	{"supervised_train", 1, func(func(string) int, *golden.Case) Method { return &Supervised{} }},
	{"order_train", 3, func(attr func(string) int, _ *golden.Case) Method { return &Order{Hidden: attr("hidden")} }},
	{"rotation_train", 1, func(func(string) int, *golden.Case) Method { return &Rotation{} }},
	{"jigsaw_train", 1, func(attr func(string) int, c *golden.Case) Method {
		return &Jigsaw{Hidden: attr("hidden"), NormalizeTiles: c.Attrs["normalised"] == 1}
	}},
}

func TestTenStepsMatchPyTorch(t *testing.T) {
	for _, m := range tenStepMethods {
		for _, c := range goldenCases(t, m.op) {
			method := m.method(func(name string) int { return int(c.Attrs[name]) }, c)
			t.Run(c.Name, func(t *testing.T) { newTenSteps(t, c, method, m.views).run(t) })
		}
	}
}

func TestEveryMethodHasGoldenSteps(t *testing.T) {
	var golden []string
	for _, m := range tenStepMethods {
		golden = append(golden, strings.TrimSuffix(m.op, "_train"))
	}
	if slices.Sort(golden); !slices.Equal(golden, Methods()) {
		t.Errorf("methods with golden steps: %v, want all: %v", golden, Methods())
	}
}

func (x *tenSteps) run(t *testing.T) {
	t.Helper()
	defer x.st.Free()
	defer x.prog.Free()
	var losses []float64
	for i := range 10 {
		losses = append(losses, x.replay(t, i))
		if i == 0 {
			x.checkGradients(t)
		}
	}
	if d := x.c.Output("loss").Distance(losses); !(d <= trainingTolerance) {
		t.Errorf("losses %v: %.2g from PyTorch, want at most %g", losses, d, trainingTolerance)
	}
	x.checkEnd(t)
}

func (x *tenSteps) checkGradients(t *testing.T) {
	t.Helper()
	for _, p := range x.st.Params() {
		got, err := p.ReadGrad()
		if err != nil {
			t.Fatal(err)
		}
		if want := x.c.Grad(torchName(p.Name)); !(want.Distance32(got) <= trainingTolerance) {
			t.Errorf("gradient of %s: %.2g from PyTorch, want at most %g", p.Name, want.Distance32(got), trainingTolerance)
		}
	}
}

// checkEnd compares parameters and running statistics after ten steps, and the norm of each parameter's update: the values alone would hide a small
// update of a large weight.
func (x *tenSteps) checkEnd(t *testing.T) {
	t.Helper()
	check := func(name string, got []float32, err error) *golden.Result {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		want := x.c.Output(torchName(name))
		if d := want.Distance32(got); !(d <= trainingTolerance) {
			t.Errorf("%s after ten steps: %.2g from PyTorch, want at most %g", name, d, trainingTolerance)
		}
		return want
	}
	for _, p := range x.st.Params() {
		if p.HasAverage() {
			got, err := p.ReadAverage()
			check(x.momentumPrefix()+torchName(p.Name), got, err)
		}
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
			name := s.Name
			if own, ok := strings.CutPrefix(name, "momentum."); ok {
				name = x.momentumPrefix() + torchName(own)
			} else if name == "center" {
				name = "centre"
			}
			check(name, got, err)
		}
	}
}
