package export

import (
	"fmt"
	"strings"

	"marr/kernels"
	"marr/net"
)

// The names of the output of a file: what a backbone or a classifier computes.
const (
	Features      = "features"
	Probabilities = "probabilities"
)

// graphNames maps the name of the output to that of the graph.
var graphNames = map[string]string{Features: "backbone", Probabilities: "classifier"}

// Trace records m on images [N H W C] without a device and returns it as an ONNX model: input "image" [N C H W], already
// normalized, output [N D] with the given name. Weights keep their names and PyTorch's layouts; batch norms stay nodes of their own. An op
// without an ONNX form (kernels.Node.Form) is an error.
func Trace(st *kernels.Store, m net.Module, h, w, c int, output string) (*Model, error) {
	t := &tracer{st: st, output: output, model: &Model{Name: graphNames[output]}, values: map[string]string{}}
	var x, y *kernels.Tensor
	g, err := kernels.TraceOps(st, func(g *kernels.Graph) {
		x = g.Input("image", kernels.F32, 2, h, w, c) // any batch: ONNX gets it as N
		y = m.Forward(x, net.Eval)
	})
	if err != nil {
		return nil, err
	}
	t.values[x.Name()] = "image"
	t.model.Inputs = []Value{{"image", Float32, Batch(c, h, w)}}
	t.model.Outputs = []Value{{output, Float32, Batch(y.Width())}}
	for i, n := range g.Trace() {
		if t.op(n, i == len(g.Trace())-1); t.err != nil {
			return nil, t.err
		}
	}
	if t.values[y.Name()] != output {
		return nil, fmt.Errorf("export: %v is not the last op's result: export a module that ends in an op", y)
	}
	return t.model, nil
}

// tracer implements kernels.ONNX: it adds what ops declare to a model.
type tracer struct {
	st     *kernels.Store
	output string // name of the model's output
	model  *Model
	values map[string]string // names of ONNX values by name of the tensor
	out    *kernels.Tensor   // of the current op
	err    error             // the first one
}

var _ kernels.ONNX = (*tracer)(nil)

// op names the output of an op and adds its nodes.
func (t *tracer) op(n kernels.Node, last bool) {
	if n.Form == nil {
		t.fail("%s has no ONNX form: export the backbone alone", n.Op)
		return
	}
	result := t.output
	if !last {
		result = fmt.Sprintf("%s_%d", strings.ToLower(n.Op), len(t.model.Nodes))
	}
	t.values[n.Out.Name()], t.out = result, n.Out
	n.Form(n, t)
}

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
