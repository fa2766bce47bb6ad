package export

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/vk"
)

// module is a function as a net.Module.
type module func(x *kernels.Tensor) *kernels.Tensor

func (m module) Forward(x *kernels.Tensor, _ net.Mode) *kernels.Tensor { return m(x) }

// randomParam returns a parameter of values from −1 to 1.
func randomParam(st *kernels.Store, name string, shape ...int) *kernels.Param {
	return st.Param(name, func() []float32 {
		n := 1
		for _, d := range shape {
			n *= d
		}
		v := make([]float32, n)
		rng.New(5, uint32(len(v))).Uniform(v, -1, 1)
		return v
	}, shape...)
}

// TestLayerNormIsTracedAsItsONNXNode checks the attributes: the ONNX default of epsilon is 1e-5 (onnx/docs/Operators.md).
func TestLayerNormIsTracedAsItsONNXNode(t *testing.T) {
	st := kernels.NewStore(nil)
	m, err := Trace(Backbone{Store: st, Module: layerNorm(st), Height: 9, Width: 9, Channels: 6})
	if err != nil {
		t.Fatal(err)
	}
	want := Node{"LayerNormalization", "norm/LayerNormalization", []string{"globalavgpool_0", "norm.weight", "norm.bias"}, []string{Features},
		[]Attr{Int("axis", -1), Float("epsilon", 1e-6)}}
	if got := m.Nodes[len(m.Nodes)-1]; !reflect.DeepEqual(got, want) {
		t.Errorf("node %+v, want %+v", got, want)
	}
}

func layerNorm(st *kernels.Store) net.Module {
	gamma, beta := randomParam(st, "norm.weight", 6), randomParam(st, "norm.bias", 6)
	return module(func(x *kernels.Tensor) *kernels.Tensor {
		return kernels.LayerNorm(kernels.GlobalAvgPool(x), gamma, beta, 1e-6)
	})
}

// tokenNorm is layer norm of each position of an image, before the mean over them.
func tokenNorm(st *kernels.Store) net.Module {
	gamma, beta := randomParam(st, "norm.weight", 6), randomParam(st, "norm.bias", 6)
	return module(func(x *kernels.Tensor) *kernels.Tensor {
		n, h, w, c := x.Dim(0), x.Dim(1), x.Dim(2), x.Dim(3)
		y := kernels.LayerNorm(kernels.Reshape(x, n, h*w, c), gamma, beta, 1e-6)
		return kernels.GlobalAvgPool(kernels.Reshape(y, n, h*w, 1, c))
	})
}

// classToken is layer norm of the class token in front of the positions of an image.
func classToken(st *kernels.Store) net.Module {
	gamma, beta := randomParam(st, "norm.weight", 6), randomParam(st, "norm.bias", 6)
	token, positions := randomParam(st, "cls_token", 1, 1, 6), randomParam(st, "pos_embed", 1, 21, 6)
	return module(func(x *kernels.Tensor) *kernels.Tensor {
		g, n, h, w, c := x.Graph(), x.Dim(0), x.Dim(1), x.Dim(2), x.Dim(3)
		y := kernels.PrependToken(kernels.Reshape(x, n, h*w, c), token.Value(g))
		y = kernels.AddPositions(y, positions.Value(g))
		y = kernels.Reshape(kernels.Softmax(y, 1), n*(h*w+1), c)
		y = kernels.LayerNorm(kernels.Reshape(y, n, h*w+1, c), gamma, beta, 1e-6)
		return kernels.Reshape(kernels.SliceTokens(y, 0, 1), n, c)
	})
}

// mlp is the second half of a block of a vision transformer, Linear, GELU, Linear, on the positions of an image, with and without biases.
func mlp(st *kernels.Store) net.Module {
	w1, b1, w2 := randomParam(st, "fc1.weight", 8, 6), randomParam(st, "fc1.bias", 8), randomParam(st, "fc2.weight", 6, 8)
	shift := randomParam(st, "shift", 6)
	return module(func(x *kernels.Tensor) *kernels.Tensor {
		n, h, w, c := x.Dim(0), x.Dim(1), x.Dim(2), x.Dim(3)
		y := kernels.Bias(kernels.Reshape(x, n, h*w, c), shift)
		y = kernels.Linear(kernels.GELU(kernels.Linear(y, w1, b1)), w2, nil)
		return kernels.GlobalAvgPool(kernels.Reshape(y, n, h*w, 1, c))
	})
}

// The outputs and their derivatives are about 1.
func TestRuntimesAgreeWithTheDeviceOnTokens(t *testing.T) {
	dev, err := vk.Open("", vk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	for name, f := range map[string]func(st *kernels.Store) net.Module{
		"layer norm":           layerNorm,
		"layer norm of tokens": tokenNorm,
		"class token":          classToken,
		"mlp of tokens":        mlp,
	} {
		t.Run(name, func(t *testing.T) {
			st := kernels.NewStore(dev)
			defer st.Free()
			m, dims := f(st), []int{3, 6, 5, 4}
			x := make([]float32, 3*6*5*4)
			rng.New(4).Uniform(x, -2, 2)
			model, err := Trace(Backbone{Store: st, Module: m, Height: 5, Width: 4, Channels: 6})
			if err != nil {
				t.Fatal(err)
			}
			file := mustMarshal(t, model)
			want := outputs(t, dev, st, m, model.Outputs[0].Dims[1].Size, x, dims)
			for _, r := range runtimes(t) {
				a, err := Compare(file, x, dims, want, r)
				if err != nil {
					t.Fatal(err)
				}
				if a.MaxAbsDiff > 1e-5 {
					t.Errorf("%+v: want within 1e-5; outputs begin with %v", a, want[:4])
				}
			}
		})
	}
}

// PyTorch exports nn.Linear on tokens as MatMul and Add, and the exact GELU as these operators, which ONNX Runtime fuses.
func TestMLPIsTracedAsPyTorchsNodes(t *testing.T) {
	st := kernels.NewStore(nil)
	m, err := Trace(Backbone{Store: st, Module: mlp(st), Height: 5, Width: 4, Channels: 6})
	if err != nil {
		t.Fatal(err)
	}
	var ops []string
	for _, n := range m.Nodes {
		ops = append(ops, n.Op)
	}
	want := "[Transpose Reshape Add Transpose MatMul Add Div Erf Add Mul Mul Transpose MatMul Reshape Transpose GlobalAveragePool Flatten]"
	if got := fmt.Sprint(ops); got != want {
		t.Errorf("nodes %s, want %s", got, want)
	}
}
