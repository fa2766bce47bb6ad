package ssl

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
)

// example is a loss on embeddings that was computed by hand from the formula, in float64, and printed to six digits.
type example struct {
	name   string
	width  int
	in     map[string][]float32 // rows of the embeddings, by name
	states map[string][]float32 // values of queues before the step
	method func(s *Step, in embeddings) *kernels.Tensor
	loss   float64
	grads  map[string][]float64 // by embedding; nil: not compared
	after  map[string][]float32 // values of queues after the step; nil: not compared
}

func mocov2Example(temperature float64, queue int) func(s *Step, in embeddings) *kernels.Tensor {
	return func(s *Step, in embeddings) *kernels.Tensor {
		return (&MoCoV2{Temperature: temperature, Queue: queue}).contrast(s, []*kernels.Tensor{in["q"]}, []*kernels.Tensor{in["k"]})
	}
}

func mocov3Example(temperature float64) func(s *Step, in embeddings) *kernels.Tensor {
	return func(s *Step, in embeddings) *kernels.Tensor {
		return (&MoCoV3{Temperature: temperature}).Contrast(s, kernels.Concat(in["q1"], in["q2"], in["k1"], in["k2"]))
	}
}

func nnclrExample(temperature float64) func(s *Step, in embeddings) *kernels.Tensor {
	return func(s *Step, in embeddings) *kernels.Tensor {
		return (&NNCLR{Temperature: temperature, Queue: 3}).Contrast(s, kernels.Concat(in["p1"], in["p2"], in["z1"], in["z2"]))
	}
}

// swavExample has the scores in place of embeddings and prototypes.
func swavExample(s *Step, in embeddings) *kernels.Tensor {
	m, scores := &SwAV{Temperature: 0.1, Epsilon: 0.05}, []*kernels.Tensor{in["s1"], in["s2"]}
	return otherViews(m.codes(s, scores, nil, nil), scores, m.Temperature)
}

// drawnInput is the input of random vectors that LeJEPA and VISReg declare. Tests replace its values.
const drawnInput = "directions"

// jointExample has the embeddings of the views z1, z2, …. The first ones are global.
func jointExample(m Contrastive, views, globals int) func(s *Step, in embeddings) *kernels.Tensor {
	return func(s *Step, in embeddings) *kernels.Tensor {
		var z []*kernels.Tensor
		isGlobal := make([]bool, views)
		for v := range views {
			z, isGlobal[v] = append(z, in[fmt.Sprint("z", v+1)]), v < globals
		}
		return m.Contrast(s, withGlobalMean(kernels.Concat(z...), isGlobal))
	}
}

// dietExample has the logits in place of features. The index of every image is 0: the host does not fill the input.
func dietExample(smoothing float64) func(s *Step, in embeddings) *kernels.Tensor {
	return func(s *Step, in embeddings) *kernels.Tensor {
		return kernels.SmoothedCrossEntropy(in["logits"], s.Indices(), smoothing)
	}
}

// distillExample has a queue that holds the rows of the batch already.
func distillExample(temperature float64) func(s *Step, in embeddings) *kernels.Tensor {
	return func(s *Step, in embeddings) *kernels.Tensor {
		return (&Distill{Temperature: temperature}).divergence(kernels.StopGrad(in["teacher"]), in["student"], kernels.StopGrad(in["queue"]))
	}
}

func koleoExample(_ *Step, in embeddings) *kernels.Tensor {
	return kernels.KoLeo(kernels.L2Normalize(in["x"]))
}

// smoothedLogits returns the logarithms of DIET's target for image 0 of n, at which the loss is lowest.
func smoothedLogits(n int, smoothing float64) []float32 {
	v := slices.Repeat([]float32{float32(math.Log(smoothing / float64(n)))}, n)
	v[0] = float32(math.Log(1 - smoothing + smoothing/float64(n)))
	return v
}

func TestLossesHaveTheValuesOfExamples(t *testing.T) {
	same := slices.Repeat([]float32{3, 1}, 4)
	eye, s1 := []float32{1, 0, 0, 1}, []float32{0.9, 0.1, 0, 0.8, 0.2, 0.1, 0.7, 0.6, 0, 0.1, 0.2, 0.3}
	moco := map[string][]float32{"q1": eye, "k2": {0.8, 0.6, 0.6, 0.8}, "q2": {1, 1, -1, 1}, "k1": eye}
	swapped := map[string][]float32{"q1": {0, 1, 1, 0}, "k2": {0.6, 0.8, 0.8, 0.6}, "q2": {-1, 1, 1, 1}, "k1": {0, 1, 1, 0}}
	nn := map[string][]float32{"p1": {1, 1, 0, 2}, "p2": {2, 0, -1, 2}, "z1": {2, 1, -1, 1}, "z2": {1, 0.2, 0.1, 3}}
	neighbors := map[string][]float32{"queue": {1, 0, 0, 1, -0.6, 0.8}}
	axes, spread, zeros := []float32{1, 0, 0, 1, -1, 0, 0, -1}, []float32{-1.5, 3, -0.5, 3, 0.5, 3, 1.5, 3}, make([]float32, 8)
	three := map[string][]float32{"z1": {0, 1, 2, 0}, "z2": {1, 1, 2, 2}, "z3": {0, 0, 3, 1}, drawnInput: axes}
	visreg := jointExample(&VISReg{Lambda: 1, Slices: 2}, 1, 1)
	for _, x := range []example{
		{"20 MoCo v2", 2, map[string][]float32{"q": {1, 0}, "k": {0.6, 0.8}}, map[string][]float32{"queue": {0, 1, -1, 0}}, mocov2Example(0.2, 2),
			0.048907, map[string][]float64{"q": {0, 0.046133}}, map[string][]float32{"queue": {0.6, 0.8, -1, 0}}}, // the loss uses the old queue
		{"MoCo v2, rows that are not normalized", 2, map[string][]float32{"q": {3, 4}, "k": {3, 4}}, map[string][]float32{"queue": {0.6, 0.8, 1, 0}}, mocov2Example(0.07, 2),
			0.694795, nil, nil},
		{"MoCo v2, equal similarities", 2, map[string][]float32{"q": {1, 0}, "k": {1, 0}}, map[string][]float32{"queue": slices.Repeat([]float32{1, 0}, 7)}, mocov2Example(0.2, 7),
			2.079442, nil, nil},
		{"21 MoCo v3", 2, moco, nil, mocov3Example(0.2), 0.264104, nil, nil},
		{"MoCo v3, rows in another order", 2, swapped, nil, mocov3Example(0.2), 0.264104, nil, nil},
		{"MoCo v3, temperature 1", 2, moco, nil, mocov3Example(1), 2.107047, nil, nil},
		{"MoCo v3, constant output", 2, map[string][]float32{"q1": same, "q2": same, "k1": same, "k2": same}, nil, mocov3Example(0.2), 1.109035, nil, nil},
		{"NNCLR", 2, nn, neighbors, nnclrExample(0.5), 0.188815, map[string][]float64{"z1": {0, 0, 0, 0}, "z2": {0, 0, 0, 0}},
			map[string][]float32{"queue": {0.894427, 0.447214, -0.707107, 0.707107, -0.6, 0.8}}},
		{"NNCLR, temperature 1", 2, nn, neighbors, nnclrExample(1), 0.339025, nil, nil},
		{"DIET", 3, map[string][]float32{"logits": {1, 0, -1}}, nil, dietExample(0.8), 1.207606, nil, nil},
		{"DIET, without smoothing", 3, map[string][]float32{"logits": {1, 0, -1}}, nil, dietExample(0), 0.407606, nil, nil},
		{"DIET, uniform logits", 1000, map[string][]float32{"logits": slices.Repeat([]float32{-2}, 1000)}, nil, dietExample(0.8), 6.907755, nil, nil},
		{"DIET, the lowest value", 3, map[string][]float32{"logits": smoothedLogits(3, 0.8)}, nil, dietExample(0.8), 1.060602, map[string][]float64{"logits": {0, 0, 0}}, nil},
		{"DIET, 50,000 images, start", 50_000, map[string][]float32{"logits": make([]float32, 50_000)}, nil, dietExample(0.8), 10.819778, nil, nil},
		{"DIET, 50,000 images, the lowest value", 50_000, map[string][]float32{"logits": smoothedLogits(50_000, 0.8)}, nil, dietExample(0.8), 9.156058, nil, nil},
		{"Distill", 2, map[string][]float32{"teacher": eye, "student": {0.8, 0.6, 0.6, 0.8}, "queue": {1, 0, 0, 1, 0.6, 0.8}}, nil, distillExample(0.07), 2.454072,
			nil, nil},
		{"Distill, temperature 1", 2, map[string][]float32{"teacher": eye, "student": {0.8, 0.6, 0.6, 0.8}, "queue": {1, 0, 0, 1, 0.6, 0.8}}, nil, distillExample(1), 0.050287,
			nil, nil},
		{"Distill, equal", 2, map[string][]float32{"teacher": eye, "student": eye, "queue": {1, 0, 0, 1, 0.6, 0.8}}, nil, distillExample(1), 0,
			map[string][]float64{"student": {0, 0, 0, 0}}, nil},
		{"KoLeo", 2, map[string][]float32{"x": {1, 0, 0, 1, -1, 0, 3, 1}}, nil, koleoExample, 0.443377,
			map[string][]float64{"x": {0, 1.540569, 0.048428, 0, 0, 0.125, 0.136714, -0.410142}}, nil},
		{"KoLeo, equal rows", 2, map[string][]float32{"x": {1, 0, 2, 0, 3, 0}}, nil, koleoExample, 17.539307, nil, nil},
		{"KoLeo, orthogonal rows", 3, map[string][]float32{"x": {1, 0, 0, 0, 1, 0, 0, 0, 1}}, nil, koleoExample, -0.346574, nil, nil},
		{"KoLeo, antipodes", 2, map[string][]float32{"x": {1, 0, -1, 0}}, nil, koleoExample, -math.Ln2, nil, nil},
		{"KoLeo, rotated and scaled", 2, map[string][]float32{"x": {0, 2, -1, 0, 0, -5, -0.5, 1.5}}, nil, koleoExample, 0.443377, nil, nil},
		{"22 SwAV", 3, map[string][]float32{"s1": s1, "s2": {0.5, 0.4, 0.1, 0.6, 0.1, 0.2, 0.3, 0.5, 0, 0, 0.1, 0.6}}, nil, swavExample, 0.925484, nil, nil},
		{"SwAV, equal scores", 3, map[string][]float32{"s1": make([]float32, 12), "s2": make([]float32, 12)}, nil, swavExample, math.Log(3), nil, nil},
		{"LeJEPA, distances from the mean of two global views", 2, three, nil, jointExample(&LeJEPA{Slices: 4}, 3, 2), 0.395833, nil, nil},
		{"LeJEPA, distances from the mean of all views", 2, three, nil, jointExample(&LeJEPA{Slices: 4}, 3, 3), 0.333333, nil, nil},
		// Each view is a sample of its own: 0.228828 and 14.292640 for the components of the first, 4·0.402048 for both of the second.
		{"LeJEPA, regularizer", 2, map[string][]float32{"z1": spread, "z2": zeros, drawnInput: axes}, nil, jointExample(&LeJEPA{Lambda: 1, Slices: 4}, 2, 2),
			4.434463, map[string][]float64{"z2": make([]float64, 8)}, nil},
		{"VISReg", 2, map[string][]float32{"z1": {0, 1, 1, -1, 2, 0.5, -1, 0}, drawnInput: eye}, nil, visreg, 0.326870,
			map[string][]float64{"z1": {0.068454, 0.069676, 0.181546, -0.099446, 0.276398, 0.084008, -0.026398, 0.070762}}, nil},
		{"VISReg, all zero", 2, map[string][]float32{"z1": zeros, drawnInput: eye}, nil, visreg, 1.386254, nil, nil},
	} {
		t.Run(x.name, x.check)
	}
}

// tolerance is half a unit of the last printed digit, plus the rounding of float32, which grows with numbers above 1.
const tolerance = 2e-6

func (x example) check(t *testing.T) {
	st := kernels.NewStore(device)
	defer st.Free()
	s, in := &Step{Heads: net.Scope{Store: st, Seed: 1}}, embeddings{}
	prog, err := kernels.Build(device, st, func(g *kernels.Graph) {
		s.Graph = g
		for name, v := range x.in {
			if name == drawnInput {
				continue
			}
			s.N = len(v) / x.width
			in[name] = g.Input(name, kernels.F32, s.N, x.width).Track()
		}
		loss := x.method(s, in)
		g.Output("loss", loss)
		g.Backward(loss)
		for name := range x.grads {
			g.Output("d"+name, in[name].Grad())
		}
		for _, f := range s.Requests.AfterUpdate {
			f(g)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer prog.Free()
	for _, q := range st.States() {
		if v := x.states[q.Name]; v != nil {
			if err := q.Write(v); err != nil {
				t.Fatal(err)
			}
		}
	}
	r := begin(t, prog.Segment("main"))
	r.Draw(1, 0)
	for name, v := range x.in {
		kernels.Pack(r.Floats(name), v, x.width)
	}
	for name, v := range s.Requests.Scalars {
		r.Set(name, v.At(0, 10))
	}
	finish(t, r)
	check := func(what string, got float32, want float64) {
		if !(math.Abs(float64(got)-want) <= tolerance*max(1, math.Abs(want))) {
			t.Errorf("%s is %.7g, want %.7g", what, got, want)
		}
	}
	check("the loss", r.Output("loss")[0], x.loss)
	for name, want := range x.grads {
		got := make([]float32, len(want))
		kernels.Unpack(got, r.Output("d"+name), x.width)
		for i, v := range want {
			check("a gradient of "+name, got[i], v)
		}
	}
	for _, q := range st.States() {
		want := x.after[q.Name]
		if want == nil {
			continue
		}
		got, err := q.Read()
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range want {
			check("an element of "+q.Name, got[i], float64(v))
		}
	}
}
