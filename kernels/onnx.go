package kernels

import (
	"fmt"
	"strings"
)

// Node is one op of a trace: its inputs, output and attributes, and its ONNX form.
type Node struct {
	Op   string
	In   []*Tensor
	Out  *Tensor
	Attr map[string]float64
	Form func(n Node, o ONNX) // nil: ONNX export refuses the op
}

// ONNX receives the ONNX nodes of an op. Package export implements it; an implementation keeps the first error.
type ONNX interface {
	// Opset returns the version of the operator set of the model: nodes must be defined in it.
	Opset() int
	// AnySize reports whether height and width of the images are dynamic: nodes must not depend on those of the trace.
	AnySize() bool
	// Value returns the name of the value that holds t: an input of the model, or the output of a traced op.
	Value(t *Tensor) string
	// Weight adds the stored tensor t as an initializer, once, and returns its name.
	Weight(t *Tensor) string
	// Floats adds constants of this shape as an initializer, once, and returns its name. Without a shape they are a vector.
	Floats(name string, v []float32, shape ...int) string
	// Ints adds a vector of int64 in the same way.
	Ints(name string, v ...int) string
	// Int is Ints for a scalar.
	Int(name string, v int) string
	// Node adds a node named name/op with one output.
	Node(op, name string, inputs []string, output string, attrs ...Attr)
	// Refuse reports that this call of the op has no ONNX form.
	Refuse(reason string)
}

// Attr is an attribute of an ONNX node. Value is an int, []int or float32.
type Attr struct {
	Name  string
	Value any
}

// Trace returns the ops recorded so far, in order.
func (g *Graph) Trace() []Node { return g.trace }

// node adds an op to the trace.
func (g *Graph) node(op string, out *Tensor, form func(Node, ONNX), attr map[string]float64, in ...*Tensor) {
	g.trace = append(g.trace, Node{op, in, out, attr, form})
}

// simple returns the form of an op that is one ONNX node without attributes.
func simple(op string) func(Node, ONNX) {
	return func(n Node, o ONNX) {
		var in []string
		for _, t := range n.In {
			in = append(in, o.Value(t))
		}
		o.Node(op, o.Value(n.Out), in, o.Value(n.Out))
	}
}

// imageDims returns the name of a vector with the dims of the image t in ONNX: a constant, or computed from t by a node with this output if height and width
// are dynamic.
func imageDims(o ONNX, t *Tensor, output string) string {
	if !o.AnySize() {
		h, w, c := t.Dim(1), t.Dim(2), t.Dim(3)
		return o.Ints(fmt.Sprintf("image_of_%dx%dx%d", c, h, w), 0, c, h, w)
	}
	o.Node("Shape", output, []string{o.Value(t)}, output)
	return output
}

// fusedNorm adds the nodes of a norm by calling write with the module's name, then separate nodes for the residual's Add and the Relu that the op fuses.
func fusedNorm(n Node, o ONNX, norm string, residual []*Tensor, write func(name, out string)) {
	steps := []string{norm}
	if len(residual) > 0 {
		steps = append(steps, "Add")
	}
	if n.Attr["relu"] == 1 {
		steps = append(steps, "Relu")
	}
	name, x := strings.TrimSuffix(o.Weight(n.In[1]), ".weight"), ""
	for i, op := range steps {
		out := o.Value(n.Out)
		if i < len(steps)-1 {
			out += "_" + strings.ToLower(op)
		}
		switch op {
		case norm:
			write(name, out)
		case "Add":
			o.Node(op, name, []string{x, o.Value(residual[0])}, out)
		default:
			o.Node(op, name, []string{x}, out)
		}
		x = out
	}
}
