package export

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
)

// The names of the outputs of a file: what a backbone or a classifier computes, and what the features of a backbone are pooled from.
const (
	Features      = "features"
	Probabilities = "probabilities"
	FeatureMap    = "feature_map" // [N C h w]
	Tokens        = "tokens"      // [N T D]
)

// graphNames maps the name of the output to that of the graph.
var graphNames = map[string]string{Features: "backbone", Probabilities: "classifier"}

// Trace records the module of b on images [N H W C] without a device and returns it as an ONNX model: input "image" [N C H W], already
// normalized, and the outputs of Outputs. Weights keep their names and PyTorch's layouts; batch norms stay nodes of their own. An op
// without an ONNX form (kernels.Node.Form) is an error.
func Trace(b Backbone) (*Model, error) {
	r, err := b.record()
	if err != nil {
		return nil, err
	}
	t := &tracer{st: b.Store, opset: cmp.Or(b.Opset, Opset), anySize: b.AnySize, outputs: map[string]string{}, values: map[string]string{r.image.Name(): "image"}}
	t.model = &Model{Name: graphNames[r.outputs[0].value.Name], Opset: t.opset, Inputs: []Value{{"image", Float32, Batch(b.Channels, b.Height, b.Width)}}}
	for _, o := range r.outputs {
		t.model.Outputs = append(t.model.Outputs, o.value)
		t.outputs[o.tensor.Name()] = o.value.Name
	}
	for _, n := range r.trace {
		if t.op(n); t.err != nil {
			return nil, t.err
		}
	}
	for _, o := range r.outputs {
		if t.values[o.tensor.Name()] != o.value.Name {
			return nil, fmt.Errorf("export: %v is not the result of an op: export a module that ends in an op", o.tensor)
		}
	}
	return t.model, nil
}

// Outputs returns the outputs of the ONNX file of b: [N D], and with Dense the feature map [N C h w] or the tokens [N T D], which the features are pooled
// from.
func (b Backbone) Outputs() ([]Value, error) {
	r, err := b.record()
	if err != nil {
		return nil, err
	}
	var values []Value
	for _, o := range r.outputs {
		values = append(values, o.value)
	}
	return values, nil
}

// recording is the ops of a backbone, with the tensors that an ONNX file has as input and outputs.
type recording struct {
	trace   []kernels.Node
	image   *kernels.Tensor
	outputs []recordedOutput
}

type recordedOutput struct {
	value  Value
	tensor *kernels.Tensor
}

func (b Backbone) record() (r recording, err error) {
	network, ok := b.Module.(net.Network)
	if b.Dense && !ok {
		return r, fmt.Errorf("export: a %T has no dense features: export a backbone", b.Module)
	}
	output := func(name string, t *kernels.Tensor, dims ...int) {
		r.outputs = append(r.outputs, recordedOutput{Value{name, Float32, Batch(dims...)}, t})
	}
	g, err := kernels.TraceOps(b.Store, func(g *kernels.Graph) {
		r.image = g.Input("image", kernels.F32, 2, b.Height, b.Width, b.Channels) // any batch: ONNX gets it as N
		if !b.Dense {
			y := b.Module.Forward(r.image, net.Eval)
			output(cmp.Or(b.Output, Features), y, y.Width())
			return
		}
		dense := network.Map(r.image, net.Eval)
		y := network.Pool(dense, net.Eval)
		output(cmp.Or(b.Output, Features), y, y.Width())
		shape := dense.Shape()
		if len(shape) != 4 {
			output(Tokens, dense, shape[1:]...)
			return
		}
		output(FeatureMap, dense, shape[3], shape[1], shape[2])
		if b.AnySize {
			dims := r.outputs[1].value.Dims
			dims[2], dims[3] = Dim{Symbol: "map_height"}, Dim{Symbol: "map_width"}
		}
	})
	if err == nil {
		r.trace = g.Trace()
	}
	return r, err
}

// tracer implements kernels.ONNX: it adds what ops declare to a model.
type tracer struct {
	st      *kernels.Store
	opset   int
	anySize bool
	outputs map[string]string // names of the model's outputs by name of the tensor
	model   *Model
	values  map[string]string // names of ONNX values by name of the tensor
	out     *kernels.Tensor   // of the current op
	err     error             // the first one
}

var _ kernels.ONNX = (*tracer)(nil)

// op names the output of an op and adds its nodes.
func (t *tracer) op(n kernels.Node) {
	if n.Form == nil {
		t.fail("%s has no ONNX form: export the backbone alone", n.Op)
		return
	}
	result, ok := t.outputs[n.Out.Name()]
	if !ok {
		result = fmt.Sprintf("%s_%d", strings.ToLower(n.Op), len(t.model.Nodes))
	}
	t.values[n.Out.Name()], t.out = result, n.Out
	n.Form(n, t)
}

func (t *tracer) Opset() int    { return t.opset }
func (t *tracer) AnySize() bool { return t.anySize }

func (t *tracer) fail(format string, args ...any) {
	if t.err == nil {
		t.err = fmt.Errorf("export: "+format, args...)
	}
}

func (t *tracer) Value(x *kernels.Tensor) string {
	name, ok := t.values[x.Name()]
	if !ok {
		t.fail("%v was made by an op that has no ONNX form: export the backbone alone", x)
	}
	return name
}

func (t *tracer) Weight(x *kernels.Tensor) string {
	name, read := t.stored(x)
	if _, ok := t.model.Initializer(name); ok {
		return name
	}
	if read == nil {
		t.fail("%v is no parameter: export a module whose weights are stored", x)
		return ""
	}
	v, err := read()
	if err != nil {
		t.err = err
		return ""
	}
	shape, v := net.ToTorch(x.Shape(), v)
	t.model.Initializers = append(t.model.Initializers, Tensor{Name: name, Dims: shape, Float32: v})
	return name
}

// stored returns the initializer's name of a tensor of the store, and what reads it; nil where there is no such tensor.
func (t *tracer) stored(x *kernels.Tensor) (name string, read func() ([]float32, error)) {
	name, _ = exportedName(x.Name())
	for _, p := range t.st.Params() {
		if p.Name == x.Name() {
			return name, p.Read
		}
	}
	for _, s := range t.st.States() {
		if s.Name == x.Name() {
			return name, s.Read
		}
	}
	return name, nil
}

func (t *tracer) Floats(name string, v []float32, shape ...int) string {
	if shape == nil {
		shape = []int{len(v)}
	}
	return t.constant(Tensor{Name: name, Dims: shape, Float32: v})
}

func (t *tracer) Ints(name string, v ...int) string {
	c := Tensor{Name: name, Dims: []int{len(v)}}
	for _, e := range v {
		c.Int64 = append(c.Int64, int64(e))
	}
	return t.constant(c)
}

func (t *tracer) Int(name string, v int) string {
	return t.constant(Tensor{Name: name, Int64: []int64{int64(v)}})
}

func (t *tracer) constant(c Tensor) string {
	if _, ok := t.model.Initializer(c.Name); !ok {
		t.model.Initializers = append(t.model.Initializers, c)
	}
	return c.Name
}

func (t *tracer) Node(op, name string, inputs []string, output string, attrs ...kernels.Attr) {
	n := Node{Op: op, Name: name + "/" + op, Inputs: inputs, Outputs: []string{output}}
	for _, a := range attrs {
		switch v := a.Value.(type) {
		case int:
			n.Attrs = append(n.Attrs, Int(a.Name, v))
		case []int:
			n.Attrs = append(n.Attrs, Ints(a.Name, v...))
		case float32:
			n.Attrs = append(n.Attrs, Float(a.Name, v))
		default:
			t.fail("node %s: attribute %s is a %T: want an int, []int or float32", n.Name, a.Name, v)
		}
	}
	t.model.Nodes = append(t.model.Nodes, n)
}

func (t *tracer) Refuse(reason string) { t.fail("%v: %s: export the backbone alone", t.out, reason) }
