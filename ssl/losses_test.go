package ssl

import (
	"fmt"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/ref/golden"
	"github.com/marr-ssl/marr/net"
)

// embeddings are the inputs of a golden case by name.
type embeddings map[string]*kernels.Tensor

// checkLoss compares a loss on the embeddings of a golden case, its gradients and the states [K] that it updates with the case. from maps inputs to the
// states that they initialize, and states maps golden outputs to states.
func checkLoss(t *testing.T, c *golden.Case, from, states map[string]string, build func(s *Step, in embeddings) *kernels.Tensor) {
	t.Helper()
	st := kernels.NewStore(device)
	defer st.Free()
	in, s := embeddings{}, &Step{Heads: net.Scope{Store: st}, N: c.Inputs[0].Shape[0]}
	values := map[string][]float32{}
	prog, err := kernels.Build(device, st, func(g *kernels.Graph) {
		s.Graph = g
		for _, x := range c.Inputs {
			values[x.Name] = c.Values(x)
			if len(x.Shape) == 2 && x.Name != drawnInput {
				in[x.Name] = g.Input(x.Name, kernels.F32, x.Shape...)
			}
		}
		for _, r := range c.Grads {
			in[r.Name].Track()
		}
		loss := build(s, in)
		g.Output("loss", loss)
		g.Backward(loss)
		for _, r := range c.Grads {
			g.Output("d"+r.Name, in[r.Name].Grad())
		}
		for _, f := range s.Requests.AfterUpdate {
			f(g)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer prog.Free()
	state := func(name string) *kernels.State {
		for _, x := range st.States() {
			if x.Name == name {
				return x
			}
		}
		t.Fatalf("no state %s", name)
		return nil
	}
	for input, name := range from {
		if err := state(name).Write(values[input]); err != nil {
			t.Fatal(err)
		}
	}
	r := begin(t, prog.Segment("main"))
	r.Draw(1, 0)
	if v := values[drawnInput]; v != nil {
		kernels.Pack(r.Floats(drawnInput), v, c.Inputs[0].Shape[1])
	}
	for name, x := range in {
		kernels.Pack(r.Floats(name), values[name], x.Width())
	}
	for name, v := range s.Requests.Scalars {
		r.Set(name, v.At(0, 1))
	}
	setMicro(prog, r)
	finish(t, r)
	check := func(want *golden.Result, got []float32) {
		t.Helper()
		if d := want.Distance32(got); !(d <= lossTolerance) {
			t.Errorf("%s: %s: %.2g from PyTorch, want at most %g", c.Name, want.Name, d, lossTolerance)
		}
	}
	check(c.Output("loss"), r.Output("loss")[:1])
	for _, want := range c.Grads {
		x := in[want.Name]
		got := make([]float32, x.Rows()*x.Width())
		kernels.Unpack(got, r.Output("d"+want.Name), x.Width())
		check(want, got)
	}
	for output, name := range states {
		got, err := state(name).Read()
		if err != nil {
			t.Fatal(err)
		}
		check(c.Output(output), got)
	}
}

func TestPairLossesMatchPyTorch(t *testing.T) {
	for op, loss := range map[string]func(p, z [2]*kernels.Tensor) *kernels.Tensor{"byol_loss": symmetricLoss, "simsiam_loss": symmetricNegativeCosine} {
		for _, c := range goldenCases(t, op) {
			checkLoss(t, c, nil, nil, func(_ *Step, in embeddings) *kernels.Tensor {
				return loss([2]*kernels.Tensor{in["p1"], in["p2"]}, [2]*kernels.Tensor{in["z1"], in["z2"]})
			})
		}
	}
}

func TestRedundancyLossesMatchPyTorch(t *testing.T) {
	for op, method := range map[string]func(c *golden.Case) Contrastive{
		"barlow_loss": func(c *golden.Case) Contrastive { return &BarlowTwins{Lambda: c.Attrs["lambda"]} },
		"vicreg_loss": func(c *golden.Case) Contrastive {
			return &VICReg{Invariance: c.Attrs["invariance"], Variance: c.Attrs["variance"], Covariance: c.Attrs["covariance"]}
		},
	} {
		for _, c := range goldenCases(t, op) {
			checkLoss(t, c, nil, nil, func(s *Step, in embeddings) *kernels.Tensor {
				return method(c).Contrast(s, kernels.Concat(in["z1"], in["z2"]))
			})
		}
	}
}

func TestJointLossesMatchPyTorch(t *testing.T) {
	for op, method := range map[string]func(lambda float64, slices int) Contrastive{
		"lejepa_loss": func(lambda float64, slices int) Contrastive { return &LeJEPA{Lambda: lambda, Slices: slices} },
		"visreg_loss": func(lambda float64, slices int) Contrastive { return &VISReg{Lambda: lambda, Slices: slices} },
	} {
		for _, c := range goldenCases(t, op) {
			m := method(c.Attrs["lambda"], int(c.Attrs["slices"]))
			checkLoss(t, c, nil, nil, jointExample(m, int(c.Attrs["views"]), int(c.Attrs["globals"])))
		}
	}
}

func TestDINOLossMatchesPyTorch(t *testing.T) {
	for _, c := range goldenCases(t, "dino_loss") {
		checkLoss(t, c, map[string]string{"centre": "center"}, map[string]string{"new_centre": "center"}, func(s *Step, in embeddings) *kernels.Tensor {
			m := &DINO{Prototypes: in["t1"].Width(), StudentTemp: c.Attrs["student_temperature"], TeacherTemp: c.Attrs["teacher_temperature"], CenterMomentum: c.Attrs["centre_momentum"]}
			var students []*kernels.Tensor
			for i := 1; in[fmt.Sprintf("s%d", i)] != nil; i++ {
				students = append(students, in[fmt.Sprintf("s%d", i)])
			}
			loss, _ := m.distill(s, students, kernels.Concat(in["t1"], in["t2"]))
			return loss
		})
	}
}
