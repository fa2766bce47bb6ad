package kernels_test

import (
	"slices"
	"testing"

	"marr/kernels"
	"marr/kernels/ref/golden"
)

// goldenTolerance bounds ‖device − PyTorch‖/‖PyTorch‖ for an op. PyTorch's own float32 is up to 2e-6 from its float64 (the files
// say so); kernels sum in another order and use 1/√ and exp of the device, whose errors are a few units in the last place.
const goldenTolerance = 1e-4

// goldenOp puts one case on a graph; in holds its inputs, as parameters where the op takes them so.
type goldenOp func(g *kernels.Graph, c *golden.Case, in map[string]*kernels.Tensor, p func(string) *kernels.Param) *kernels.Tensor

func normOf(c *golden.Case, st *kernels.Store, p func(string) *kernels.Param, mean, variance string) kernels.Norm {
	width := p("gamma").Shape[0]
	return kernels.Norm{Gamma: p("gamma"), Beta: p("beta"), Eps: c.Attrs["eps"], Momentum: c.Attrs["momentum"],
		Mean: st.State(c.Name+"/"+mean, 0, width), Var: st.State(c.Name+"/"+variance, 0, width)}
}

// parameters are the inputs that the library takes as parameters, by op.
var parameters = map[string][]string{
	"conv2d": {"w"}, "linear": {"w", "bias"}, "normalized_linear": {"w"}, "bias": {"b"}, "batchnorm_train": {"gamma", "beta"}, "batchnorm_infer": {"gamma", "beta"},
	"group_norm": {"gamma", "beta"}, "mean_norm": {"gamma", "beta"},
}

var goldenOps = map[string]goldenOp{
	"conv2d": func(_ *kernels.Graph, c *golden.Case, in map[string]*kernels.Tensor, p func(string) *kernels.Param) *kernels.Tensor {
		return kernels.Conv2D(in["x"], p("w"), int(c.Attrs["stride"]), int(c.Attrs["pad"]))
	},
	"max_pool2d": func(_ *kernels.Graph, c *golden.Case, in map[string]*kernels.Tensor, _ func(string) *kernels.Param) *kernels.Tensor {
		return kernels.MaxPool2D(in["x"], int(c.Attrs["kernel"]), int(c.Attrs["stride"]), int(c.Attrs["pad"]))
	},
	"batchnorm_train": func(g *kernels.Graph, c *golden.Case, in map[string]*kernels.Tensor, p func(string) *kernels.Param) *kernels.Tensor {
		return kernels.BatchNorm(in["x"], normOf(c, g.Store(), p, "running_mean", "running_var"), in["residual"], c.Attrs["relu"] == 1, true)
	},
	"batchnorm_infer": func(g *kernels.Graph, c *golden.Case, in map[string]*kernels.Tensor, p func(string) *kernels.Param) *kernels.Tensor {
		return kernels.BatchNorm(in["x"], normOf(c, g.Store(), p, "mean", "var"), in["residual"], c.Attrs["relu"] == 1, false)
	},
	"group_norm": func(_ *kernels.Graph, c *golden.Case, in map[string]*kernels.Tensor, p func(string) *kernels.Param) *kernels.Tensor {
		return kernels.GroupNorm(in["x"], p("gamma"), p("beta"), int(c.Attrs["groups"]), c.Attrs["eps"], in["residual"], c.Attrs["relu"] == 1)
	},
	"mean_norm": func(g *kernels.Graph, c *golden.Case, in map[string]*kernels.Tensor, p func(string) *kernels.Param) *kernels.Tensor {
		n := normOf(c, g.Store(), p, "running_mean", "running_var")
		if n.Takes = kernels.MeanAlone; c.Attrs["moving"] == 1 {
			n.Takes = kernels.MovingMean
		}
		return kernels.BatchNorm(in["x"], n, in["residual"], c.Attrs["relu"] == 1, true)
	},
	"matmul": func(_ *kernels.Graph, c *golden.Case, in map[string]*kernels.Tensor, _ func(string) *kernels.Param) *kernels.Tensor {
		return kernels.MatMul(in["a"], in["b"], c.Attrs["trans_a"] == 1, c.Attrs["trans_b"] == 1)
	},
	"linear": func(_ *kernels.Graph, _ *golden.Case, in map[string]*kernels.Tensor, p func(string) *kernels.Param) *kernels.Tensor {
		return kernels.Linear(in["x"], p("w"), p("bias"))
	},
	"bias": func(_ *kernels.Graph, _ *golden.Case, in map[string]*kernels.Tensor, p func(string) *kernels.Param) *kernels.Tensor {
		return kernels.Bias(in["x"], p("b"))
	},
	"normalized_linear": func(_ *kernels.Graph, _ *golden.Case, in map[string]*kernels.Tensor, p func(string) *kernels.Param) *kernels.Tensor {
		return kernels.NormalizedLinear(in["x"], p("w"))
	},
	"scale": func(_ *kernels.Graph, c *golden.Case, in map[string]*kernels.Tensor, _ func(string) *kernels.Param) *kernels.Tensor {
		return kernels.Scale(in["x"], c.Attrs["scale"])
	},
	"add_scaled": func(_ *kernels.Graph, c *golden.Case, in map[string]*kernels.Tensor, _ func(string) *kernels.Param) *kernels.Tensor {
		return kernels.AddScaled(in["a"], in["b"], c.Attrs["scale"])
	},
	"soft_cross_entropy": func(_ *kernels.Graph, c *golden.Case, in map[string]*kernels.Tensor, _ func(string) *kernels.Param) *kernels.Tensor {
		return kernels.SoftCrossEntropy(in["logits"], kernels.StopGrad(in["targets"]), c.Attrs["temperature"])
	},
	"cosine_loss":     branches(kernels.CosineLoss),
	"negative_cosine": branches(kernels.NegativeCosine),
	"gelu":            unary(kernels.GELU),
	"relu":            unary(kernels.ReLU),
	"global_avg_pool": unary(kernels.GlobalAvgPool),
	"l2normalize":     unary(kernels.L2Normalize),
	"softmax":         tempered("x", kernels.Softmax),
	"log_softmax":     tempered("x", kernels.LogSoftmax),
	"ntxent":          tempered("z", kernels.NTXent),
	"add": func(_ *kernels.Graph, _ *golden.Case, in map[string]*kernels.Tensor, _ func(string) *kernels.Param) *kernels.Tensor {
		return kernels.Add(in["a"], in["b"])
	},
	"decoupled_ntxent": tempered("z", kernels.DecoupledNTXent),
	"concat": func(_ *kernels.Graph, _ *golden.Case, in map[string]*kernels.Tensor, _ func(string) *kernels.Param) *kernels.Tensor {
		return kernels.Concat(in["x0"], in["x1"], in["x2"])
	},
	"slice": func(_ *kernels.Graph, c *golden.Case, in map[string]*kernels.Tensor, _ func(string) *kernels.Param) *kernels.Tensor {
		return kernels.Slice(in["x"], int(c.Attrs["from"]), int(c.Attrs["to"]))
	},
	"cross_entropy": func(g *kernels.Graph, c *golden.Case, in map[string]*kernels.Tensor, _ func(string) *kernels.Param) *kernels.Tensor {
		return kernels.CrossEntropy(in["logits"], g.Input(c.Name+"/targets", kernels.I32, len(c.Ints[0].Data)))
	},
}

func unary(f func(x *kernels.Tensor) *kernels.Tensor) goldenOp {
	return func(_ *kernels.Graph, _ *golden.Case, in map[string]*kernels.Tensor, _ func(string) *kernels.Param) *kernels.Tensor {
		return f(in["x"])
	}
}

func branches(f func(p, z *kernels.Tensor) *kernels.Tensor) goldenOp {
	return func(_ *kernels.Graph, c *golden.Case, in map[string]*kernels.Tensor, _ func(string) *kernels.Param) *kernels.Tensor {
		if c.Attrs["stopped"] == 1 {
			return f(in["p"], kernels.StopGrad(in["z"]))
		}
		return f(in["p"], in["z"])
	}
}

func tempered(name string, f func(x *kernels.Tensor, t float64) *kernels.Tensor) goldenOp {
	return func(_ *kernels.Graph, c *golden.Case, in map[string]*kernels.Tensor, _ func(string) *kernels.Param) *kernels.Tensor {
		return f(in[name], c.Attrs["temperature"])
	}
}

// TestOpsMatchPyTorch runs every case of a file, forward and backward, in one program.
func TestOpsMatchPyTorch(t *testing.T) {
	for _, name := range []string{"ops.json", "norms.json"} {
		t.Run(name, func(t *testing.T) { opsMatchPyTorch(t, "testdata/"+name) })
	}
}

func opsMatchPyTorch(t *testing.T, path string) {
	file, err := golden.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	st := kernels.NewStore(device)
	defer st.Free()
	var cases []*golden.Case
	prog, err := kernels.Build(device, st, func(g *kernels.Graph) {
		for _, c := range file.Cases {
			if op := goldenOps[c.Op]; op != nil {
				cases = append(cases, c)
				recordCase(g, st, c, op)
			}
		}
		g.Fold()
	})
	if err != nil {
		t.Fatal(err)
	}
	defer prog.Free()
	r, err := prog.Segment("main").Begin()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		fillCase(t, st, c, r)
	}
	r.Set("micro", 0)
	if err := r.Submit(); err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) { checkCase(t, st, c, r) })
	}
}

func isParam(c *golden.Case, name string) bool { return slices.Contains(parameters[c.Op], name) }

func isState(c *golden.Case, name string) bool {
	return slices.Contains([]string{"running_mean", "running_var"}, name) || c.Op == "batchnorm_infer" && (name == "mean" || name == "var")
}

func recordCase(g *kernels.Graph, st *kernels.Store, c *golden.Case, op goldenOp) {
	in := map[string]*kernels.Tensor{}
	for _, s := range c.Inputs {
		if !isParam(c, s.Name) && !isState(c, s.Name) {
			in[s.Name] = g.Input(c.Name+"/"+s.Name, kernels.F32, s.Shape...).Track()
		}
	}
	y := op(g, c, in, func(name string) *kernels.Param {
		i := slices.IndexFunc(c.Inputs, func(s golden.Spec) bool { return s.Name == name })
		if i < 0 {
			return nil
		}
		return st.Param(c.Name+"/"+name, func() []float32 { return c.Values(c.Inputs[i]) }, c.Inputs[i].Shape...)
	})
	g.Output(c.Name+"/out", y)
	g.BackwardFrom(y, g.Input(c.Name+"/cotangent", kernels.F32, y.Shape()...))
	for _, s := range c.Inputs {
		if x := in[s.Name]; x != nil && c.Grad(s.Name) != nil {
			g.Output(c.Name+"/d"+s.Name, x.Grad())
		}
	}
}

func fillCase(t *testing.T, st *kernels.Store, c *golden.Case, r *kernels.Run) {
	for _, s := range c.Inputs {
		switch {
		case isState(c, s.Name):
			for _, x := range st.States() {
				if x.Name == c.Name+"/"+s.Name {
					if err := x.Write(c.Values(s)); err != nil {
						t.Fatal(err)
					}
				}
			}
		case !isParam(c, s.Name):
			kernels.Pack(r.Floats(c.Name+"/"+s.Name), c.Values(s), s.Shape[len(s.Shape)-1])
		}
	}
	for _, x := range c.Ints {
		copy(r.Ints(c.Name+"/"+x.Name), x.Data)
	}
	s := c.Cotangents[0]
	kernels.Pack(r.Floats(c.Name+"/cotangent"), c.Values(s), s.Shape[len(s.Shape)-1])
}

func checkCase(t *testing.T, st *kernels.Store, c *golden.Case, r *kernels.Run) {
	unpack := func(name string, shape []int) []float32 {
		width := shape[len(shape)-1]
		padded, v := r.Output(c.Name+"/"+name), make([]float32, volume(shape))
		kernels.Unpack(v, padded, width)
		for i, x := range padded {
			if i%(len(padded)*width/len(v)) >= width && x != 0 {
				t.Errorf("%s: pad lane %d holds %v", name, i, x)
				break
			}
		}
		return v
	}
	check := func(what string, want *golden.Result, got []float32) {
		if d := want.Distance32(got); !(d <= goldenTolerance) {
			t.Errorf("%s: %.2g from PyTorch, want at most %g: got %v", what, d, goldenTolerance, got[:min(len(got), 8)])
		}
	}
	for _, name := range []string{"y", "loss"} {
		if want := c.Output(name); want != nil {
			check(name, want, unpack("out", want.Shape))
		}
	}
	for _, name := range []string{"running_mean", "running_var"} {
		if want := c.Output("new_" + name); want != nil {
			check("new "+name, want, read(t, st, c.Name+"/"+name))
		}
	}
	for _, want := range c.Grads {
		if !isParam(c, want.Name) {
			check("gradient of "+want.Name, want, unpack("d"+want.Name, want.Shape))
			continue
		}
		i := slices.IndexFunc(st.Params(), func(p *kernels.Param) bool { return p.Name == c.Name+"/"+want.Name })
		got, err := st.Params()[i].ReadGrad()
		if err != nil {
			t.Fatal(err)
		}
		check("gradient of "+want.Name, want, got)
	}
}

// read returns a state of the store.
func read(t *testing.T, st *kernels.Store, name string) []float32 {
	t.Helper()
	i := slices.IndexFunc(st.States(), func(x *kernels.State) bool { return x.Name == name })
	v, err := st.States()[i].Read()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func volume(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
