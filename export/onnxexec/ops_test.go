package onnxexec_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/export"
	"github.com/marr-ssl/marr/export/onnxexec"
	"github.com/marr-ssl/marr/export/ort"
	"github.com/marr-ssl/marr/kernels/rng"
)

// opCase is a model of one operator. Its inputs are x, by default random, and the weights.
type opCase struct {
	name, op string
	dims     []int
	x        []float32 // nil: random in ±2
	weights  []export.Tensor
	attrs    []export.Attr
	inputs   []string // nil: x and all weights in order
	want     []float32
	wantDims []int
}

// draw returns a random weight. Its size and position select the stream.
func draw(place uint32, dims ...int) export.Tensor {
	n := 1
	for _, d := range dims {
		n *= d
	}
	t := export.Tensor{Name: fmt.Sprintf("w%d", place), Dims: dims, Float32: make([]float32, n)}
	rng.New(11, place, uint32(n)).Uniform(t.Float32, -1, 1)
	return t
}

func floats(place int, dims []int, v ...float32) export.Tensor {
	return export.Tensor{Name: fmt.Sprintf("w%d", place), Dims: dims, Float32: v}
}

func longs(place int, v ...int64) export.Tensor {
	return export.Tensor{Name: fmt.Sprintf("w%d", place), Dims: []int{len(v)}, Int64: v}
}

func (c opCase) build(t testing.TB) ([]byte, []float32) {
	x := c.x
	n := 1
	var dims []export.Dim
	for _, d := range c.dims {
		n, dims = n*d, append(dims, export.Dim{Size: d})
	}
	if x == nil {
		x = make([]float32, n)
		rng.New(12, uint32(n)).Uniform(x, -2, 2)
	}
	inputs := c.inputs
	if inputs == nil {
		inputs = []string{"x"}
		for _, w := range c.weights {
			inputs = append(inputs, w.Name)
		}
	}
	rank := len(c.wantDims)
	out := make([]export.Dim, rank)
	for i := range out {
		out[i].Symbol = fmt.Sprintf("d%d", i)
	}
	m := export.Model{
		Inputs:       []export.Value{{Name: "x", Type: export.Float32, Dims: dims}},
		Outputs:      []export.Value{{Name: "y", Type: export.Float32, Dims: out}},
		Initializers: c.weights,
		Nodes:        []export.Node{{Op: c.op, Name: "n", Inputs: inputs, Outputs: []string{"y"}, Attrs: c.attrs}},
	}
	b, err := m.Marshal()
	if err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	return b, x
}

// The literal outputs were computed by hand from the definition of each operator (onnx/docs/Operators.md).
func opCases() []opCase {
	f, d := export.Float, export.Int
	is := export.Ints
	return []opCase{
		{name: "relu", op: "Relu", dims: []int{4}, x: []float32{-1, 0, 2, -0.5}, want: []float32{0, 0, 2, 0}, wantDims: []int{4}},
		{name: "sqrt", op: "Sqrt", dims: []int{2}, x: []float32{4, 2.25}, want: []float32{2, 1.5}, wantDims: []int{2}},
		{name: "exp", op: "Exp", dims: []int{2}, x: []float32{0, 1}, want: []float32{1, math.E}, wantDims: []int{2}},
		{name: "tanh", op: "Tanh", dims: []int{2}, x: []float32{0, 0.5}, want: []float32{0, 0.46211716}, wantDims: []int{2}},
		{name: "sigmoid", op: "Sigmoid", dims: []int{2}, x: []float32{0, 2}, want: []float32{0.5, 0.8807971}, wantDims: []int{2}},
		{name: "erf", op: "Erf", dims: []int{2}, x: []float32{0, 0.5}, want: []float32{0, 0.5204999}, wantDims: []int{2}},
		{name: "neg", op: "Neg", dims: []int{2}, x: []float32{1, -2}, want: []float32{-1, 2}, wantDims: []int{2}},
		{name: "abs", op: "Abs", dims: []int{2}, x: []float32{1, -2}, want: []float32{1, 2}, wantDims: []int{2}},
		{name: "clip", op: "Clip", dims: []int{3}, x: []float32{-1, 3, 9}, weights: []export.Tensor{floats(1, nil, 0), floats(2, nil, 6)}, want: []float32{0, 3, 6}, wantDims: []int{3}},
		{name: "clip above", op: "Clip", dims: []int{3}, x: []float32{-1, 3, 9}, weights: []export.Tensor{floats(1, nil, 6)}, inputs: []string{"x", "", "w1"}, want: []float32{-1, 3, 6}, wantDims: []int{3}},
		{name: "add row", op: "Add", dims: []int{2, 2}, x: []float32{1, 2, 3, 4}, weights: []export.Tensor{floats(1, []int{2}, 10, 20)}, want: []float32{11, 22, 13, 24}, wantDims: []int{2, 2}},
		{name: "sub column", op: "Sub", dims: []int{2, 2}, x: []float32{1, 2, 3, 4}, weights: []export.Tensor{floats(1, []int{2, 1}, 1, 2)}, want: []float32{0, 1, 1, 2}, wantDims: []int{2, 2}},
		{name: "outer product", op: "Mul", dims: []int{2, 1}, x: []float32{2, 3}, weights: []export.Tensor{floats(1, []int{3}, 1, 10, 100)}, want: []float32{2, 20, 200, 3, 30, 300}, wantDims: []int{2, 3}},
		{name: "div scalar", op: "Div", dims: []int{3}, x: []float32{1, 2, 3}, weights: []export.Tensor{floats(1, nil, 2)}, want: []float32{0.5, 1, 1.5}, wantDims: []int{3}},
		{name: "square", op: "Mul", dims: []int{2}, x: []float32{3, -4}, inputs: []string{"x", "x"}, want: []float32{9, 16}, wantDims: []int{2}},
		{name: "channels", op: "Mul", dims: []int{1, 2, 1, 2}, x: []float32{1, 2, 3, 4}, weights: []export.Tensor{floats(1, []int{1, 2, 1, 1}, 2, -1)}, want: []float32{2, 4, -3, -4}, wantDims: []int{1, 2, 1, 2}},
		{name: "batch norm", op: "BatchNormalization", dims: []int{2, 2, 1}, x: []float32{1, 2, 3, 4}, attrs: []export.Attr{f("epsilon", 1), f("momentum", 0.9)},
			weights: []export.Tensor{floats(1, []int{2}, 2, 1), floats(2, []int{2}, 0, 5), floats(3, []int{2}, 1, 0), floats(4, []int{2}, 3, 0)}, want: []float32{0, 7, 2, 9}, wantDims: []int{2, 2, 1}},
		{name: "instance norm", op: "InstanceNormalization", dims: []int{1, 2, 2}, x: []float32{1, 5, 3, 3}, attrs: []export.Attr{f("epsilon", 5)},
			weights: []export.Tensor{floats(1, []int{2}, 3, 1), floats(2, []int{2}, 1, -1)}, want: []float32{-1, 3, -1, -1}, wantDims: []int{1, 2, 2}},
		{name: "layer norm", op: "LayerNormalization", dims: []int{2, 1, 2}, x: []float32{1, 5, 3, 3}, attrs: []export.Attr{d("axis", -1), f("epsilon", 5)},
			weights: []export.Tensor{floats(1, []int{2}, 3, 1), floats(2, []int{2}, 1, -1)}, want: []float32{-1, -1.0 / 3, 1, -1}, wantDims: []int{2, 1, 2}},
		{name: "layer norm of two axes without shift", op: "LayerNormalization", dims: []int{2, 1, 2}, x: []float32{1, 5, 3, 3}, attrs: []export.Attr{d("axis", 1), f("epsilon", 5)},
			weights: []export.Tensor{floats(1, []int{1, 2}, 3, 1)}, want: []float32{-2, 2.0 / 3, 0, 0}, wantDims: []int{2, 1, 2}},
		{name: "softmax", op: "Softmax", dims: []int{1, 2}, x: []float32{1000, 1000}, attrs: []export.Attr{d("axis", 1)}, want: []float32{0.5, 0.5}, wantDims: []int{1, 2}},
		{name: "softmax axis 1", op: "Softmax", dims: []int{1, 2, 2}, x: []float32{0, 0, float32(math.Log(3)), 0}, attrs: []export.Attr{d("axis", 1)}, want: []float32{0.25, 0.5, 0.75, 0.5}, wantDims: []int{1, 2, 2}},
		{name: "max pool", op: "MaxPool", dims: []int{1, 1, 3, 3}, x: []float32{1, 2, 3, 4, 5, 6, 7, 8, 9}, attrs: []export.Attr{is("kernel_shape", 2, 2), is("strides", 2, 2), is("pads", 1, 1, 0, 0)}, want: []float32{1, 3, 7, 9}, wantDims: []int{1, 1, 2, 2}},
		{name: "max pool below zero", op: "MaxPool", dims: []int{1, 1, 1, 1}, x: []float32{-3}, attrs: []export.Attr{is("kernel_shape", 3, 3), is("pads", 1, 1, 1, 1)}, want: []float32{-3}, wantDims: []int{1, 1, 1, 1}},
		{name: "max pool ceil", op: "MaxPool", dims: []int{1, 1, 1, 4}, x: []float32{4, 3, 2, 1}, attrs: []export.Attr{is("kernel_shape", 1, 3), is("strides", 1, 2), d("ceil_mode", 1)}, want: []float32{4, 2}, wantDims: []int{1, 1, 1, 2}},
		{name: "average pool", op: "AveragePool", dims: []int{1, 1, 2, 2}, x: []float32{1, 2, 3, 6}, attrs: []export.Attr{is("kernel_shape", 2, 2), is("pads", 1, 1, 0, 0)}, want: []float32{1, 1.5, 2, 3}, wantDims: []int{1, 1, 2, 2}},
		{name: "average pool with pads", op: "AveragePool", dims: []int{1, 1, 2, 2}, x: []float32{4, 4, 4, 8}, attrs: []export.Attr{is("kernel_shape", 2, 2), is("pads", 1, 1, 0, 0), d("count_include_pad", 1)}, want: []float32{1, 2, 2, 5}, wantDims: []int{1, 1, 2, 2}},
		{name: "global average", op: "GlobalAveragePool", dims: []int{1, 2, 1, 2}, x: []float32{1, 2, 5, 9}, want: []float32{1.5, 7}, wantDims: []int{1, 2, 1, 1}},
		{name: "mean", op: "ReduceMean", dims: []int{2, 2, 2}, x: []float32{1, 2, 3, 4, 5, 6, 7, 8}, attrs: []export.Attr{is("axes", 0, 2), d("keepdims", 0)}, want: []float32{3.5, 5.5}, wantDims: []int{2}},
		{name: "flatten", op: "Flatten", dims: []int{1, 2, 3}, x: []float32{1, 2, 3, 4, 5, 6}, attrs: []export.Attr{d("axis", 2)}, want: []float32{1, 2, 3, 4, 5, 6}, wantDims: []int{2, 3}},
		{name: "reshape", op: "Reshape", dims: []int{2, 1, 2}, x: []float32{1, 2, 3, 4}, weights: []export.Tensor{longs(1, 0, -1)}, want: []float32{1, 2, 3, 4}, wantDims: []int{2, 2}},
		{name: "squeeze", op: "Squeeze", dims: []int{1, 2, 1}, x: []float32{1, 2}, weights: []export.Tensor{longs(1, -1)}, want: []float32{1, 2}, wantDims: []int{1, 2}},
		{name: "squeeze all", op: "Squeeze", dims: []int{1, 2, 1}, x: []float32{1, 2}, want: []float32{1, 2}, wantDims: []int{2}},
		{name: "unsqueeze", op: "Unsqueeze", dims: []int{2}, x: []float32{1, 2}, weights: []export.Tensor{longs(1, 0, 2)}, want: []float32{1, 2}, wantDims: []int{1, 2, 1}},
		{name: "transpose", op: "Transpose", dims: []int{1, 2, 3}, x: []float32{1, 2, 3, 4, 5, 6}, attrs: []export.Attr{is("perm", 2, 0, 1)}, want: []float32{1, 4, 2, 5, 3, 6}, wantDims: []int{3, 1, 2}},
		{name: "transpose all", op: "Transpose", dims: []int{2, 3}, x: []float32{1, 2, 3, 4, 5, 6}, want: []float32{1, 4, 2, 5, 3, 6}, wantDims: []int{3, 2}},
		{name: "concat", op: "Concat", dims: []int{2, 1}, x: []float32{1, 2}, weights: []export.Tensor{floats(1, []int{2, 2}, 3, 4, 5, 6)}, attrs: []export.Attr{d("axis", 1)}, want: []float32{1, 3, 4, 2, 5, 6}, wantDims: []int{2, 3}},
		{name: "concat alone", op: "Concat", dims: []int{2}, x: []float32{1, 2}, attrs: []export.Attr{d("axis", 0)}, want: []float32{1, 2}, wantDims: []int{2}},
		{name: "pad", op: "Pad", dims: []int{2, 1}, x: []float32{1, 2}, weights: []export.Tensor{longs(1, 1, 0, 0, 1)}, want: []float32{0, 0, 1, 0, 2, 0}, wantDims: []int{3, 2}},
		{name: "pad with a number", op: "Pad", dims: []int{1, 2}, x: []float32{1, 2}, weights: []export.Tensor{longs(1, 0, 1, 0, 0), floats(2, nil, 7)}, want: []float32{7, 1, 2}, wantDims: []int{1, 3}},
		{name: "slice", op: "Slice", dims: []int{2, 3}, x: []float32{1, 2, 3, 4, 5, 6}, weights: []export.Tensor{longs(1, 1), longs(2, 3), longs(3, 1)}, want: []float32{2, 3, 5, 6}, wantDims: []int{2, 2}},
		{name: "slice from the end", op: "Slice", dims: []int{2, 3}, x: []float32{1, 2, 3, 4, 5, 6}, weights: []export.Tensor{longs(1, -1, 0), longs(2, 9, -1), longs(3, 0, -1)}, want: []float32{4, 5}, wantDims: []int{1, 2}},
		{name: "gather", op: "Gather", dims: []int{2, 3}, x: []float32{1, 2, 3, 4, 5, 6}, weights: []export.Tensor{longs(1, 2, -3)}, attrs: []export.Attr{d("axis", 1)}, want: []float32{3, 1, 6, 4}, wantDims: []int{2, 2}},
		{name: "gather one", op: "Gather", dims: []int{3, 1, 2}, x: []float32{1, 2, 3, 4, 5, 6}, weights: []export.Tensor{{Name: "w1", Int64: []int64{1}}}, want: []float32{3, 4}, wantDims: []int{1, 2}},
		{name: "identity", op: "Identity", dims: []int{2}, x: []float32{1, 2}, want: []float32{1, 2}, wantDims: []int{2}},
		{name: "dropout", op: "Dropout", dims: []int{2}, x: []float32{1, 2}, want: []float32{1, 2}, wantDims: []int{2}},
		{name: "constant", op: "Constant", dims: []int{1}, inputs: []string{}, attrs: []export.Attr{{Name: "value", Value: floats(9, []int{2}, 1, 2)}}, want: []float32{1, 2}, wantDims: []int{2}},
		{name: "matmul", op: "MatMul", dims: []int{2, 1, 2}, x: []float32{1, 2, 3, 4}, weights: []export.Tensor{floats(1, []int{2, 2}, 1, 10, 100, 1000)}, want: []float32{201, 2010, 403, 4030}, wantDims: []int{2, 1, 2}},
		{name: "gemm", op: "Gemm", dims: []int{1, 2}, x: []float32{1, 2}, weights: []export.Tensor{floats(1, []int{2, 2}, 1, 2, 3, 4), floats(2, []int{2}, 10, 20)},
			attrs: []export.Attr{f("alpha", 2), f("beta", 0.5), d("transB", 1)}, want: []float32{15, 32}, wantDims: []int{1, 2}},
		{name: "gemm turned", op: "Gemm", dims: []int{2, 1}, x: []float32{1, 2}, weights: []export.Tensor{floats(1, []int{2, 2}, 1, 2, 3, 4)}, attrs: []export.Attr{d("transA", 1)}, want: []float32{7, 10}, wantDims: []int{1, 2}},
		{name: "conv", op: "Conv", dims: []int{1, 1, 2, 3}, x: []float32{1, 2, 3, 4, 5, 6}, weights: []export.Tensor{floats(1, []int{1, 1, 2, 2}, 1, 10, 100, 1000), floats(2, []int{1}, 0.5)},
			want: []float32{5421.5, 6532.5}, wantDims: []int{1, 1, 1, 2}},
	}
}

// Sums of a handful of products: 1e-6 relative is ten roundings of float32.
func near(a, b float32) bool {
	return math.Abs(float64(a)-float64(b)) <= 1e-6*(1+math.Abs(float64(b)))
}

func TestOperatorsMatchTheirDefinition(t *testing.T) {
	for _, c := range opCases() {
		model, x := c.build(t)
		y, dims, err := onnxexec.Run(model, x, c.dims)
		if err != nil || !slices.Equal(dims, c.wantDims) || !slices.EqualFunc(y, c.want, near) {
			t.Errorf("%s: %v %v %v: want %v %v", c.name, y, dims, err, c.want, c.wantDims)
		}
	}
}

// convCases cover every attribute of Conv at odd sizes, and matrix sizes around the block size.
func convCases() []opCase {
	var out []opCase
	for _, c := range []struct {
		x, w       []int
		group      int
		s, p, dil  []int
		bias       bool
		outH, outW int
	}{
		{x: []int{2, 3, 9, 7}, w: []int{5, 3, 3, 3}, group: 1, s: []int{1, 1}, p: []int{1, 1, 1, 1}, dil: []int{1, 1}, outH: 9, outW: 7},
		{x: []int{3, 4, 8, 8}, w: []int{6, 2, 3, 3}, group: 2, s: []int{2, 2}, p: []int{1, 1, 1, 1}, dil: []int{1, 1}, bias: true, outH: 4, outW: 4},
		{x: []int{1, 6, 5, 6}, w: []int{6, 1, 3, 2}, group: 6, s: []int{1, 2}, p: []int{0, 1, 2, 0}, dil: []int{1, 1}, bias: true, outH: 5, outW: 3},
		{x: []int{2, 2, 11, 10}, w: []int{4, 2, 3, 3}, group: 1, s: []int{2, 1}, p: []int{2, 3, 1, 0}, dil: []int{2, 3}, bias: true, outH: 5, outW: 7},
		{x: []int{2, 5, 6, 6}, w: []int{9, 5, 1, 1}, group: 1, s: []int{2, 2}, p: []int{0, 0, 0, 0}, dil: []int{1, 1}, outH: 3, outW: 3},
		{x: []int{1, 3, 32, 32}, w: []int{7, 3, 7, 7}, group: 1, s: []int{2, 2}, p: []int{3, 3, 3, 3}, dil: []int{1, 1}, bias: true, outH: 16, outW: 16},
	} {
		o := opCase{name: fmt.Sprintf("conv %v %v", c.x, c.w), op: "Conv", dims: c.x, weights: []export.Tensor{draw(1, c.w...)},
			attrs: []export.Attr{export.Int("group", c.group), export.Ints("kernel_shape", c.w[2], c.w[3]), export.Ints("strides", c.s...),
				export.Ints("pads", c.p...), export.Ints("dilations", c.dil...)},
			wantDims: []int{c.x[0], c.w[0], c.outH, c.outW}}
		if c.bias {
			o.weights = append(o.weights, draw(2, c.w[0]))
		}
		out = append(out, o)
	}
	return out
}

// plainConv computes the operator by its definition, in float64.
func plainConv(c opCase, x []float32) []float32 {
	attr := map[string][]int64{}
	for _, a := range c.attrs {
		if v, ok := a.Value.([]int64); ok {
			attr[a.Name] = v
		} else {
			attr[a.Name] = []int64{a.Value.(int64)}
		}
	}
	get := func(name string, i int) int { return int(attr[name][i]) }
	w := c.weights[0]
	kh, kw, cg := w.Dims[2], w.Dims[3], w.Dims[1]
	og := w.Dims[0] / get("group", 0)
	h, wd := c.dims[2], c.dims[3]
	var y []float32
	for n := range c.wantDims[0] {
		for o := range c.wantDims[1] {
			for r := range c.wantDims[2] {
				for q := range c.wantDims[3] {
					s := 0.0
					if len(c.weights) > 1 {
						s = float64(c.weights[1].Float32[o])
					}
					for ci := range cg {
						for i := range kh {
							for j := range kw {
								u, v := r*get("strides", 0)-get("pads", 0)+i*get("dilations", 0), q*get("strides", 1)-get("pads", 1)+j*get("dilations", 1)
								if u >= 0 && v >= 0 && u < h && v < wd {
									s += float64(x[((n*c.dims[1]+o/og*cg+ci)*h+u)*wd+v]) * float64(w.Float32[((o*cg+ci)*kh+i)*kw+j])
								}
							}
						}
					}
					y = append(y, float32(s))
				}
			}
		}
	}
	return y
}

func TestConvMatchesItsDefinition(t *testing.T) {
	for _, c := range convCases() {
		model, x := c.build(t)
		y, dims, err := onnxexec.Run(model, x, c.dims)
		if err != nil || !slices.Equal(dims, c.wantDims) || !slices.EqualFunc(y, plainConv(c, x), near) {
			t.Errorf("%s: dims %v, %v: want %v and the definition's values", c.name, dims, err, c.wantDims)
		}
	}
}

// The sizes are primes or next to multiples of the blocks of 4, 2 and 16.
func TestMatrixProductsMatchTheirDefinition(t *testing.T) {
	for _, s := range [][3]int{{1, 1, 1}, {1, 7, 5}, {3, 4, 2}, {4, 13, 9}, {16, 8, 4}, {17, 31, 6}, {37, 5, 3}} {
		m, k, n := s[0], s[1], s[2]
		for _, trans := range []int{0, 1} {
			dims := [][]int{{k, n}, {n, k}}[trans]
			c := opCase{name: "gemm", op: "Gemm", dims: []int{m, k}, weights: []export.Tensor{draw(1, dims...), draw(2, m, 1)}, wantDims: []int{m, n},
				attrs: []export.Attr{export.Int("transB", trans)}}
			model, x := c.build(t)
			y, _, err := onnxexec.Run(model, x, c.dims)
			if err != nil {
				t.Fatal(err)
			}
			for i := range m * n {
				want := float64(c.weights[1].Float32[i/n])
				for p := range k {
					at := p*n + i%n
					if trans == 1 {
						at = i%n*k + p
					}
					want += float64(x[i/n*k+p]) * float64(c.weights[0].Float32[at])
				}
				if !near(y[i], float32(want)) {
					t.Fatalf("%v trans %d: element %d is %v, want %v", s, trans, i, y[i], want)
				}
			}
		}
	}
}

// ONNX Runtime evaluates the same single-operator files, an independent implementation of the operators.
func TestOperatorsMatchOnnxRuntime(t *testing.T) {
	rt, err := ort.Open()
	var missing *ort.NotPresentError
	if errors.As(err, &missing) {
		println("onnxexec: the comparison with ONNX Runtime did not run:", err.Error())
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	random := []opCase{
		{name: "softmax axis 1 of 4", op: "Softmax", dims: []int{2, 3, 4, 5}, attrs: []export.Attr{export.Int("axis", 1)}},
		{name: "max pool dilated", op: "MaxPool", dims: []int{2, 3, 11, 9}, attrs: []export.Attr{export.Ints("kernel_shape", 3, 2), export.Ints("dilations", 2, 3), export.Ints("pads", 2, 1, 1, 0), export.Ints("strides", 2, 1)}},
		{name: "average pool ceil", op: "AveragePool", dims: []int{2, 3, 8, 7}, attrs: []export.Attr{export.Ints("kernel_shape", 3, 3), export.Ints("strides", 2, 2), export.Ints("pads", 1, 1, 1, 1), export.Int("ceil_mode", 1)}},
		{name: "average pool ceil with pads", op: "AveragePool", dims: []int{2, 3, 8, 7}, attrs: []export.Attr{export.Ints("kernel_shape", 3, 3), export.Ints("strides", 2, 2), export.Ints("pads", 1, 1, 1, 1), export.Int("ceil_mode", 1), export.Int("count_include_pad", 1)}},
		{name: "average pool ceil dropped", op: "AveragePool", dims: []int{1, 1, 5, 5}, attrs: []export.Attr{export.Ints("kernel_shape", 2, 2), export.Ints("strides", 3, 3), export.Ints("pads", 1, 1, 1, 1), export.Int("ceil_mode", 1)}},
		{name: "matmul batches", op: "MatMul", dims: []int{2, 1, 3, 4}, weights: []export.Tensor{draw(1, 5, 4, 6)}},
		{name: "add both ways", op: "Add", dims: []int{4, 1, 3}, weights: []export.Tensor{draw(1, 2, 1)}},
		{name: "gemm scalar C", op: "Gemm", dims: []int{3, 4}, weights: []export.Tensor{draw(1, 4, 5), draw(2)}},
		{name: "transpose 4", op: "Transpose", dims: []int{2, 3, 4, 5}, attrs: []export.Attr{export.Ints("perm", 3, 1, 0, 2)}},
		{name: "mean all", op: "ReduceMean", dims: []int{2, 3}},
		{name: "batch norm 4", op: "BatchNormalization", dims: []int{2, 3, 4, 5}, weights: []export.Tensor{draw(1, 3), draw(2, 3), draw(3, 3), floats(4, []int{3}, 0.3, 1, 2)}},
	}
	for _, c := range slices.Concat(opCases(), convCases(), random) {
		if c.op == "Constant" {
			continue // ONNX Runtime drops the unused input of its model
		}
		if c.wantDims == nil {
			c.wantDims = c.dims // only the rank is used, to declare the output
		}
		if c.op == "MatMul" && c.want == nil || c.name == "add both ways" {
			c.wantDims = []int{2, 5, 3, 6}[:max(len(c.dims), 3)]
		}
		model, x := c.build(t)
		values, shapes, err := rt.Run(model, x, c.dims)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		want, wantDims := values[0], shapes[0]
		y, dims, err := onnxexec.Run(model, x, c.dims)
		if err != nil || !slices.Equal(dims, wantDims) || !slices.EqualFunc(y, want, func(a, b float32) bool {
			return math.Abs(float64(a-b)) <= 2e-5*(1+math.Abs(float64(b))) // ONNX Runtime sums up to 147 products in float32
		}) {
			t.Errorf("%s: ours %v %v %v, ONNX Runtime's %v %v", c.name, y, dims, err, want, wantDims)
		}
	}
}

func TestUnsupportedModelsAreErrorsThatNameTheOperator(t *testing.T) {
	image := []int{1, 2, 4, 4}
	w := draw(1, 3, 2, 3, 3)
	for _, c := range []struct {
		c       opCase
		message string
	}{
		{opCase{op: "Selu", dims: image}, "Selu → y: the operator is not supported"},
		{opCase{op: "Relu", dims: image, attrs: []export.Attr{export.Int("alpha", 1)}}, "attribute alpha is not supported"},
		{opCase{op: "Conv", dims: image, weights: []export.Tensor{w}, attrs: []export.Attr{export.Int("strides", 2)}}, "attribute strides has kind int: want ints"},
		{opCase{op: "Conv", dims: image, weights: []export.Tensor{w}, attrs: []export.Attr{export.String("auto_pad", "SAME_UPPER")}}, "auto_pad SAME_UPPER"},
		{opCase{op: "Conv", dims: image, weights: []export.Tensor{w}, attrs: []export.Attr{export.Ints("strides", 0, 1)}}, "at least 1"},
		{opCase{op: "Conv", dims: image, weights: []export.Tensor{w}, attrs: []export.Attr{export.Ints("pads", 1, 1)}}, "pads [1 1]: want 4"},
		{opCase{op: "Conv", dims: image, weights: []export.Tensor{w}, attrs: []export.Attr{export.Int("group", 2)}}, "2 channels"},
		{opCase{op: "Conv", dims: image, weights: []export.Tensor{w}, attrs: []export.Attr{export.Ints("dilations", 3, 3)}}, "does not fit"},
		{opCase{op: "Conv", dims: image, weights: []export.Tensor{w}, attrs: []export.Attr{export.Ints("kernel_shape", 2, 2)}}, "differ"},
		{opCase{op: "Conv", dims: image}, "input 1 is missing"},
		{opCase{op: "Conv", dims: image, weights: []export.Tensor{w, draw(2, 4)}}, "B [4]: want [3]"},
		{opCase{op: "Conv", dims: image, weights: []export.Tensor{longs(1, 1)}}, "input 1 holds integers"},
		{opCase{op: "BatchNormalization", dims: image, weights: []export.Tensor{draw(1, 2), draw(2, 2), draw(3, 2), draw(4, 3)}}, "var [3]"},
		{opCase{op: "BatchNormalization", dims: image, weights: []export.Tensor{draw(1, 2), draw(2, 2), draw(3, 2), draw(4, 2)}, attrs: []export.Attr{export.Int("training_mode", 1)}}, "training_mode"},
		{opCase{op: "LayerNormalization", dims: image, weights: []export.Tensor{draw(1, 4), draw(2, 3)}}, "B of 3 elements: want [4]"},
		{opCase{op: "Add", dims: image, weights: []export.Tensor{draw(1, 3)}}, "do not broadcast"},
		{opCase{op: "Relu", dims: image, inputs: []string{"x", "x"}}, "2 inputs: want at most 1"},
		{opCase{op: "Gemm", dims: []int{2, 3}, weights: []export.Tensor{draw(1, 2, 3)}}, "inner sizes 3 and 2"},
		{opCase{op: "Gemm", dims: []int{2, 3}, weights: []export.Tensor{draw(1, 3, 2), draw(2, 3)}}, "C [3] does not broadcast to [2 2]"},
		{opCase{op: "MatMul", dims: []int{2, 3}, weights: []export.Tensor{draw(1, 2, 3)}}, "want [… M K] and [… K N]"},
		{opCase{op: "Transpose", dims: []int{2, 3, 2}, attrs: []export.Attr{export.Ints("perm", 0, 0, 2)}}, "each of the 3 axes once"},
		{opCase{op: "Reshape", dims: []int{2, 3}, weights: []export.Tensor{longs(1, 4, -1)}}, "6 elements"},
		{opCase{op: "Reshape", dims: []int{2, 3}, weights: []export.Tensor{draw(1, 2)}}, "input 1 holds floats"},
		{opCase{op: "Squeeze", dims: []int{2, 3}, weights: []export.Tensor{longs(1, 0)}}, "is not 1"},
		{opCase{op: "Gather", dims: []int{2, 3}, weights: []export.Tensor{longs(1, 2)}}, "index 2 along axis 0 of dims [2 3]"},
		{opCase{op: "Softmax", dims: []int{2, 3}, attrs: []export.Attr{export.Int("axis", 2)}}, "axis 2 of a value of rank 2"},
		{opCase{op: "Concat", dims: []int{2, 3}}, "axis is missing"},
		{opCase{op: "Pad", dims: []int{2, 3}, weights: []export.Tensor{longs(1, 0, 0, 1)}}, "want two for each axis"},
		{opCase{op: "Pad", dims: []int{2, 3}, weights: []export.Tensor{longs(1, 0, 0, 1, 1)}, attrs: []export.Attr{export.String("mode", "edge")}}, "mode edge is not supported"},
		{opCase{op: "Slice", dims: []int{2, 3}, weights: []export.Tensor{longs(1, 0), longs(2, 3), longs(3, 1), longs(4, 2)}}, "steps [2] are not supported"},
		{opCase{op: "Slice", dims: []int{2, 3}, weights: []export.Tensor{longs(1, 0), longs(2, 3), longs(3, 2)}}, "every axis once"},
		{opCase{op: "Slice", dims: []int{2, 3}, weights: []export.Tensor{longs(1, 3), longs(2, 4), longs(3, 1)}}, "the result would have dims [2 0]"},
		{opCase{op: "Concat", dims: []int{2, 3}, weights: []export.Tensor{draw(1, 3, 3)}, attrs: []export.Attr{export.Int("axis", 1)}}, "differ beyond axis 1"},
		{opCase{op: "MaxPool", dims: image, attrs: []export.Attr{export.Ints("kernel_shape", 2, 2), export.Ints("pads", 2, 0, 0, 0)}}, "smaller than the kernel"},
		{opCase{op: "MaxPool", dims: image}, "kernel_shape"},
		{opCase{op: "Clip", dims: image, weights: []export.Tensor{draw(1, 2)}}, "want a scalar"},
	} {
		model, x := c.c.build(t)
		if y, _, err := onnxexec.Run(model, x, c.c.dims); err == nil || !strings.Contains(err.Error(), c.message) || !strings.HasPrefix(err.Error(), "onnxexec: "+c.c.op) {
			t.Errorf("%s: %v, %v: want %q", c.c.op, y, err, c.message)
		}
	}
}
