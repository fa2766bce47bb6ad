package ssl

import (
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/kerneltest"
	"github.com/marr-ssl/marr/kernels/ref/golden"
	"github.com/marr-ssl/marr/vk"
	"github.com/marr-ssl/marr/vk/vktest"
)

// device is shared by all tests of the package.
var device *vk.Device

func TestMain(m *testing.M) { vktest.Main(m, &device) }

// Ten steps amplify the rounding of one: PyTorch's float32 run ends up to 3.7e-5 from its float64 run.
const trainingTolerance = 1e-3

// lossTolerance is for one forward and backward pass of the loss alone.
const lossTolerance = 1e-4

// goldenCases returns the golden cases of an op. Its name begins with that of the method whose file holds them.
func goldenCases(t *testing.T, op string) (cases []*golden.Case) {
	t.Helper()
	method, _, _ := strings.Cut(op, "_")
	file, err := golden.Load("testdata/" + method + ".json")
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
			m := &SimCLR{Temperature: c.Attrs["temperature"], Decoupled: c.Attrs["decoupled"] == 1}
			loss := m.Contrast(&Step{}, x)
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

// Short names: every test of a program uses them.
var begin, finish = kerneltest.Begin, kerneltest.Finish
