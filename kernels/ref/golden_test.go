package ref_test

import (
	"maps"
	"math"
	"slices"
	"testing"

	"marr/kernels/ref"
	"marr/kernels/ref/golden"
)

const (
	// Both sides compute in float64 from the same numbers; what is left is the nine digits of the file (5e-10) and the
	// rounding of sums (1e-14).
	forwardTolerance = 1e-8
	// Central differences with step 1e-5 of the input's range leave 1e-10 of a third derivative that reaches 3e3 at
	// temperature 0.07, and 1e-16 ÷ 1e-5 of rounding: about 1e-7 at worst.
	gradientTolerance = 1e-6
	differenceStep    = 1e-5
)

type tensors = map[string]*ref.Tensor

func y(t *ref.Tensor) tensors    { return tensors{"y": t} }
func loss(t *ref.Tensor) tensors { return tensors{"loss": t} }

// ops calls the reference of each op of ops.json; inputs, attributes and outputs bear the file's names.
var ops = map[string]func(in tensors, c *golden.Case) tensors{
	"conv2d": func(in tensors, c *golden.Case) tensors {
		return y(ref.Conv2D(in["x"], in["w"], int(c.Attrs["stride"]), int(c.Attrs["pad"])))
	},
	"max_pool2d": func(in tensors, c *golden.Case) tensors {
		return y(ref.MaxPool2D(in["x"], int(c.Attrs["kernel"]), int(c.Attrs["stride"]), int(c.Attrs["pad"])))
	},
	"batchnorm_train": func(in tensors, c *golden.Case) tensors {
		x := in["x"]
		out, mean, variance := ref.BatchNormTrain(x, in["gamma"], in["beta"], c.Attrs["eps"], in["residual"], c.Attrs["relu"] == 1)
		rm, rv := ref.RunningUpdate(in["running_mean"], in["running_var"], mean, variance, x.Rows(), c.Attrs["momentum"])
		return tensors{"y": out, "mean": mean, "var": variance, "new_running_mean": rm, "new_running_var": rv}
	},
	"batchnorm_infer": func(in tensors, c *golden.Case) tensors {
		return y(ref.BatchNormInfer(in["x"], in["gamma"], in["beta"], in["mean"], in["var"], c.Attrs["eps"], in["residual"], c.Attrs["relu"] == 1))
	},
	"group_norm": func(in tensors, c *golden.Case) tensors {
		return y(ref.GroupNorm(in["x"], in["gamma"], in["beta"], int(c.Attrs["groups"]), c.Attrs["eps"], in["residual"], c.Attrs["relu"] == 1))
	},
	"mean_norm": func(in tensors, c *golden.Case) tensors {
		mean := in["running_mean"]
		if c.Attrs["moving"] == 0 {
			mean = nil
		}
		out, batch := ref.MeanNorm(in["x"], in["gamma"], in["beta"], mean, c.Attrs["eps"], in["residual"], c.Attrs["relu"] == 1)
		return tensors{"y": out, "new_running_mean": ref.Average(in["running_mean"], batch, 1-c.Attrs["momentum"]), "new_running_var": in["running_var"]}
	},
	"matmul": func(in tensors, c *golden.Case) tensors {
		return y(ref.MatMul(in["a"], in["b"], c.Attrs["trans_a"] == 1, c.Attrs["trans_b"] == 1))
	},
	"linear":          func(in tensors, _ *golden.Case) tensors { return y(ref.Linear(in["x"], in["w"], in["bias"])) },
	"bias":            func(in tensors, _ *golden.Case) tensors { return y(ref.Bias(in["x"], in["b"])) },
	"relu":            func(in tensors, _ *golden.Case) tensors { return y(ref.ReLU(in["x"])) },
	"add":             func(in tensors, _ *golden.Case) tensors { return y(ref.Add(in["a"], in["b"])) },
	"global_avg_pool": func(in tensors, _ *golden.Case) tensors { return y(ref.GlobalAvgPool(in["x"])) },
	"concat":          func(in tensors, _ *golden.Case) tensors { return y(ref.Concat(in["x0"], in["x1"], in["x2"])) },
	"l2normalize":     func(in tensors, _ *golden.Case) tensors { return y(ref.L2Normalize(in["x"])) },
	"slice": func(in tensors, c *golden.Case) tensors {
		return y(ref.Slice(in["x"], int(c.Attrs["from"]), int(c.Attrs["to"])))
	},
	"softmax":     func(in tensors, c *golden.Case) tensors { return y(ref.Softmax(in["x"], c.Attrs["temperature"])) },
	"log_softmax": func(in tensors, c *golden.Case) tensors { return y(ref.LogSoftmax(in["x"], c.Attrs["temperature"])) },
	"cross_entropy": func(in tensors, c *golden.Case) tensors {
		return loss(ref.CrossEntropy(in["logits"], c.Ints[0].Data))
	},
	"gelu":  func(in tensors, _ *golden.Case) tensors { return y(ref.GELU(in["x"])) },
	"scale": func(in tensors, c *golden.Case) tensors { return y(ref.Scale(in["x"], c.Attrs["scale"])) },
	"add_scaled": func(in tensors, c *golden.Case) tensors {
		return y(ref.AddScaled(in["a"], in["b"], c.Attrs["scale"]))
	},
	"normalized_linear": func(in tensors, _ *golden.Case) tensors {
		return y(ref.Linear(in["x"], ref.L2Normalize(in["w"]), nil))
	},
	"cosine_loss":     func(in tensors, _ *golden.Case) tensors { return loss(ref.CosineLoss(in["p"], in["z"])) },
	"negative_cosine": func(in tensors, _ *golden.Case) tensors { return loss(ref.Scale(ref.Cosine(in["p"], in["z"]), -1)) },
	"soft_cross_entropy": func(in tensors, c *golden.Case) tensors {
		return loss(ref.SoftCrossEntropy(in["logits"], in["targets"], c.Attrs["temperature"]))
	},
	"center": func(in tensors, c *golden.Case) tensors {
		center, out := ref.New(in["x0"].Last()), (*ref.Tensor)(nil)
		for _, x := range []string{"x0", "x1", "x2"} {
			out = ref.CenteredSoftmax(in[x], center, c.Attrs["temperature"])
			center = ref.Average(center, ref.ColumnMean(in[x]), c.Attrs["momentum"])
		}
		return tensors{"y": out, "center": center}
	},
	"decoupled_ntxent": func(in tensors, c *golden.Case) tensors {
		return loss(ref.DecoupledNTXent(in["z"], c.Attrs["temperature"]))
	},
	"ntxent": func(in tensors, c *golden.Case) tensors { return loss(ref.NTXent(in["z"], c.Attrs["temperature"])) },
	"sgd":    descend(ref.SGD),
	"lars": descend(func(p, g, v *ref.Tensor, o ref.SGDParams) (*ref.Tensor, *ref.Tensor) {
		return ref.LARS(p, g, v, 0.001, o)
	}),
	"larc": descend(func(p, g, v *ref.Tensor, o ref.SGDParams) (*ref.Tensor, *ref.Tensor) {
		return ref.LARC(p, g, v, 0.02, o)
	}),
	"adamw": func(in tensors, c *golden.Case) tensors {
		o := ref.AdamWParams{LR: c.Attrs["lr"], Beta1: c.Attrs["beta1"], Beta2: c.Attrs["beta2"], Eps: c.Attrs["eps"], Decay: c.Attrs["weight_decay"],
			Coupled: c.Attrs["coupled"] == 1}
		p, m, v := in["p"], ref.New(in["p"].Shape...), ref.New(in["p"].Shape...)
		for step, g := range []string{"g0", "g1", "g2"} {
			p, m, v = ref.AdamW(p, clipped(in[g], c), m, v, step+1, o)
		}
		return tensors{"p": p, "m": m, "v": v}
	},
}

// descend takes three steps.
func descend(f func(p, g, v *ref.Tensor, o ref.SGDParams) (*ref.Tensor, *ref.Tensor)) func(in tensors, c *golden.Case) tensors {
	return func(in tensors, c *golden.Case) tensors {
		a, p, v := c.Attrs, in["p"], ref.New(in["p"].Shape...)
		o := ref.SGDParams{LR: a["lr"], Momentum: a["momentum"], Decay: a["weight_decay"], Nesterov: a["nesterov"] == 1}
		for _, g := range []string{"g0", "g1", "g2"} {
			p, v = f(p, clipped(in[g], c), v, o)
		}
		return tensors{"p": p, "buf": v}
	}
}

// clipped is a gradient as the case's optimizer sees it.
func clipped(g *ref.Tensor, c *golden.Case) *ref.Tensor {
	if most := c.Attrs["clip"]; most > 0 {
		all, _ := ref.ClipNorm(most, g)
		return all[0]
	}
	return g
}

func load(t *testing.T, path string) []*golden.Case {
	t.Helper()
	f, err := golden.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return f.Cases
}

func draw(c *golden.Case, specs []golden.Spec) tensors {
	in := tensors{}
	for _, s := range specs {
		in[s.Name] = ref.FromFloat32(c.Values(s), s.Shape...)
	}
	return in
}

func compareOutputs(t *testing.T, c *golden.Case, got tensors) {
	t.Helper()
	if len(got) != len(c.Outputs) {
		t.Errorf("%d outputs, want %d", len(got), len(c.Outputs))
	}
	for _, want := range c.Outputs {
		out := got[want.Name]
		if out == nil || !slices.Equal(out.Shape, want.Shape) {
			t.Errorf("%s: got %v, want shape %v", want.Name, out, want.Shape)
		} else if d := want.Distance(out.Data); !(d <= forwardTolerance) {
			t.Errorf("%s: %.2g from PyTorch, want at most %g", want.Name, d, forwardTolerance)
		}
	}
}

func TestForwardMatchesPyTorch(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range append(load(t, "../testdata/ops.json"), load(t, "../testdata/norms.json")...) {
		seen[c.Op] = true
		t.Run(c.Name, func(t *testing.T) { compareOutputs(t, c, ops[c.Op](draw(c, c.Inputs), c)) })
	}
	for op := range maps.Keys(ops) {
		if !seen[op] {
			t.Errorf("no golden case for %s", op)
		}
	}
}

// A reference whose central differences are PyTorch's gradients proves both: the derivative that kernels are held to, and
// the gradients in the file.
func TestCentralDifferencesMatchPyTorchGradients(t *testing.T) {
	for _, c := range append(load(t, "../testdata/ops.json"), load(t, "../testdata/norms.json")...) {
		t.Run(c.Name, func(t *testing.T) {
			in, cotangents := draw(c, c.Inputs), draw(c, c.Cotangents)
			scalar := func() float64 {
				out, sum := ops[c.Op](in, c), 0.0
				for _, s := range c.Cotangents {
					sum += ref.Dot(cotangents[s.Name], out[s.Of])
				}
				return sum
			}
			for _, want := range c.Grads {
				spec := c.Inputs[slices.IndexFunc(c.Inputs, func(s golden.Spec) bool { return s.Name == want.Name })]
				h := differenceStep * (spec.Hi - spec.Lo) / 2
				if d := gradientDistance(want, in[want.Name].Data, h, scalar); !(d <= gradientTolerance) {
					t.Errorf("gradient of %s: %.2g from PyTorch, want at most %g", want.Name, d, gradientTolerance)
				}
			}
		})
	}
}

// gradientDistance differentiates f along every axis where the gradient is stored in full, else along its projections.
func gradientDistance(want *golden.Result, x []float64, h float64, f func() float64) float64 {
	if want.Full() {
		got, axis := make([]float64, len(x)), make([]float64, len(x))
		for i := range x {
			axis[i] = 1
			got[i] = directional(x, axis, h, f)
			axis[i] = 0
		}
		return want.Distance(got)
	}
	sum := 0.0
	for j, p := range want.Proj {
		d := directional(x, want.Signs(j), h, f) - p
		sum += d * d / float64(len(want.Proj))
	}
	return math.Sqrt(sum) / want.Norm
}

// directional is (f(x+h·v) − f(x−h·v)) / 2h; it leaves x as it was.
func directional(x, v []float64, h float64, f func() float64) float64 {
	at, sides := slices.Clone(x), [2]float64{}
	for side, sign := range []float64{1, -1} {
		for i := range x {
			x[i] = at[i] + sign*h*v[i]
		}
		sides[side] = f()
	}
	copy(x, at)
	return (sides[0] - sides[1]) / (2 * h)
}

// augmentations calls the reference of each op of views.json.
var augmentations = map[string]func(img *ref.Tensor, s golden.Step) *ref.Tensor{
	"resized_crop": func(img *ref.Tensor, s golden.Step) *ref.Tensor {
		f := ref.Bilinear
		if s.Bicubic {
			f = ref.Bicubic
		}
		return ref.ResizedCrop(img, ref.Box{Top: s.Top, Left: s.Left, Height: s.Height, Width: s.Width}, s.OutHeight, s.OutWidth, f)
	},
	"window":     func(img *ref.Tensor, s golden.Step) *ref.Tensor { return ref.Window(img, s.Top, s.Left, s.Side) },
	"flip":       func(img *ref.Tensor, _ golden.Step) *ref.Tensor { return ref.FlipHorizontal(img) },
	"vflip":      func(img *ref.Tensor, _ golden.Step) *ref.Tensor { return ref.FlipVertical(img) },
	"rot90":      func(img *ref.Tensor, s golden.Step) *ref.Tensor { return ref.Rot90(img, s.Turns) },
	"brightness": func(img *ref.Tensor, s golden.Step) *ref.Tensor { return ref.Brightness(img, s.Factor) },
	"contrast":   func(img *ref.Tensor, s golden.Step) *ref.Tensor { return ref.Contrast(img, s.Factor) },
	"saturation": func(img *ref.Tensor, s golden.Step) *ref.Tensor { return ref.Saturation(img, s.Factor) },
	"hue":        func(img *ref.Tensor, s golden.Step) *ref.Tensor { return ref.Hue(img, s.Factor) },
	"gray":       func(img *ref.Tensor, _ golden.Step) *ref.Tensor { return ref.Gray(img) },
	"blur":       func(img *ref.Tensor, s golden.Step) *ref.Tensor { return ref.Blur(img, s.Kernel, s.Sigma) },
	"solarize":   func(img *ref.Tensor, s golden.Step) *ref.Tensor { return ref.Solarize(img, s.Factor) },
	"normalize":  func(img *ref.Tensor, s golden.Step) *ref.Tensor { return ref.Normalize(img, s.Mean, s.Std) },
	"erase": func(img *ref.Tensor, s golden.Step) *ref.Tensor {
		return ref.Erase(img, ref.Box{Top: s.Top, Left: s.Left, Height: s.Height, Width: s.Width})
	},
	"mask": func(img *ref.Tensor, s golden.Step) *ref.Tensor { return ref.Mask(img, s.Side, s.At) },
	"tiles": func(img *ref.Tensor, s golden.Step) *ref.Tensor {
		out := ref.New(0, s.Side, s.Side, img.Last())
		for _, at := range s.At {
			tile := ref.Window(img, at/4096, at%4096, s.Side)
			out = ref.Concat(out, ref.From(tile.Data, append([]int{1}, tile.Shape...)...))
		}
		return out
	},
}

func TestViewsMatchTorchvision(t *testing.T) {
	for _, c := range load(t, "../testdata/views.json") {
		t.Run(c.Name, func(t *testing.T) {
			img := draw(c, c.Inputs)["image"]
			for i, u := range img.Data {
				img.Data[i] = min(math.Floor(256*u), 255) / 255
			}
			for _, s := range c.Steps {
				f := augmentations[s.Op]
				if f == nil {
					t.Fatalf("unknown step %q", s.Op)
				}
				img = f(img, s)
			}
			compareOutputs(t, c, y(img))
		})
	}
}
