package export

import (
	"fmt"
	"strings"

	"marr/kernels"
	"marr/net"
)

// Trace records m on images [N H W C] without a device and returns it as an ONNX model: input "image" [N C H W], already
// normalised, output "features" [N D]. Weights keep their names and PyTorch's layouts; batch norms stay nodes of their own. Ops that
// have no ONNX form here are an error.
func Trace(st *kernels.Store, m net.Module, h, w, c int) (*Model, error) {
	t := &tracer{st: st, model: &Model{Name: "backbone"}, names: map[string]string{}}
	var x, y *kernels.Tensor
	g, err := kernels.TraceOps(st, func(g *kernels.Graph) {
		x = g.Input("image", kernels.F32, 2, h, w, c) // any batch: ONNX gets it as N
		y = m.Forward(x, net.Eval)
	})
	if err != nil {
		return nil, err
	}
	t.names[x.Name()] = "image"
	t.model.Inputs = []Value{{"image", Float32, Batch(c, h, w)}}
	t.model.Outputs = []Value{{"features", Float32, Batch(y.Width())}}
	for i, n := range g.Trace() {
		if err := t.node(n, i == len(g.Trace())-1); err != nil {
			return nil, err
		}
	}
	if t.names[y.Name()] != "features" {
		return nil, fmt.Errorf("export: %v is not the last op's result: export a module that ends in an op", y)
	}
	return t.model, nil
}

// tracer turns recorded ops into nodes; names maps tensors to ONNX values.
type tracer struct {
	st    *kernels.Store
	model *Model
	names map[string]string
}

func (t *tracer) node(n kernels.Node, last bool) error {
	result := "features"
	if !last {
		result = fmt.Sprintf("%s_%d", strings.ToLower(n.Op), len(t.model.Nodes))
	}
	t.names[n.Out.Name()] = result
	x := t.names[n.In[0].Name()]
	switch n.Op {
	case "Conv2D":
		w, err := t.weight(n.In[1])
		if err != nil {
			return err
		}
		r, s, stride, pad := n.In[1].Dim(1), n.In[1].Dim(2), int(n.Attr["stride"]), int(n.Attr["pad"])
		t.add("Conv", w, []string{x, w}, result, Ints("dilations", 1, 1), Int("group", 1), Ints("kernel_shape", r, s),
			Ints("pads", pad, pad, pad, pad), Ints("strides", stride, stride))
	case "BatchNorm":
		return t.batchNorm(n, x, result)
	case "GroupNorm":
		return t.groupNorm(n, x, result)
	case "ReLU":
		t.add("Relu", result, []string{x}, result)
	case "Add":
		t.add("Add", result, []string{x, t.names[n.In[1].Name()]}, result)
	case "MaxPool":
		k, stride, pad := int(n.Attr["kernel"]), int(n.Attr["stride"]), int(n.Attr["pad"])
		t.add("MaxPool", result, []string{x}, result, Int("ceil_mode", 0), Ints("dilations", 1, 1), Ints("kernel_shape", k, k),
			Ints("pads", pad, pad, pad, pad), Ints("strides", stride, stride))
	case "GlobalAvgPool":
		t.add("GlobalAveragePool", "pool", []string{x}, "pooled")
		t.add("Flatten", "flatten", []string{"pooled"}, result, Int("axis", 1))
	case "Linear":
		return t.linear(n, x, result)
	default:
		return fmt.Errorf("export: %s has no ONNX form: export the backbone alone", n.Op)
	}
	return nil
}

func (t *tracer) add(op, name string, inputs []string, output string, attrs ...Attr) {
	t.model.Nodes = append(t.model.Nodes, Node{Op: op, Name: name + "/" + op, Inputs: inputs, Outputs: []string{output}, Attrs: attrs})
}

func (t *tracer) linear(n kernels.Node, x, result string) error {
	w, err := t.weight(n.In[1])
	if err != nil {
		return err
	}
	bias := w + "_zero"
	if len(n.In) > 2 {
		if bias, err = t.weight(n.In[2]); err != nil {
			return err
		}
	} else {
		t.model.Initializers = append(t.model.Initializers, Tensor{Name: bias, Dims: []int{n.Out.Width()}, Float32: make([]float32, n.Out.Width())})
	}
	t.add("Gemm", w, []string{x, w, bias}, result, Float("alpha", 1), Float("beta", 1), Int("transA", 0), Int("transB", 1))
	return nil
}

// weight makes the stored tensor an initializer, once, and returns its name.
func (t *tracer) weight(x *kernels.Tensor) (string, error) {
	name := x.Name()
	if _, ok := t.model.Initializer(name); ok {
		return name, nil
	}
	read := t.reader(name)
	if read == nil {
		return "", fmt.Errorf("export: %v is no parameter: export a module whose weights are stored", x)
	}
	v, err := read()
	if err != nil {
		return "", err
	}
	shape, v := net.ToTorch(x.Shape(), v)
	t.model.Initializers = append(t.model.Initializers, Tensor{Name: name, Dims: shape, Float32: v})
	return name, nil
}

func (t *tracer) reader(name string) func() ([]float32, error) {
	for _, p := range t.st.Params() {
		if p.Name == name {
			return p.Read
		}
	}
	for _, s := range t.st.States() {
		if s.Name == name {
			return s.Read
		}
	}
	return nil
}
