package onnxexec

import (
	"math"

	onnx "github.com/owulveryck/onnx-go"
	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/simple"
	"gorgonia.org/tensor"
)

// Graph is the backend of onnx-go's decoder: values as graph nodes, and the operations in file order, which ONNX requires to be
// topological.
type Graph struct {
	*simple.WeightedDirectedGraph // for the decoder's interface; evaluation uses the fields below
	values                        []*value
	inputs                        map[int64][]*value // by the ID of the first output of an operation, in the operator's order
	ops                           []operation
}

var _ onnx.Backend = (*Graph)(nil)

// value is a named value of the model: an initializer, an input or the result of an operation.
type value struct {
	id   int64
	name string
	t    tensor.Tensor // an initializer's data or an input's placeholder, as decoded
}

func (v *value) ID() int64                       { return v.id }
func (v *value) SetName(s string)                { v.name = s }
func (v *value) GetName() string                 { return v.name }
func (v *value) SetTensor(t tensor.Tensor) error { v.t = t; return nil }
func (v *value) GetTensor() tensor.Tensor        { return v.t }

var (
	_ onnx.Namer       = (*value)(nil)
	_ onnx.DataCarrier = (*value)(nil)
)

// operation is one node of the model. An omitted input is nil.
type operation struct {
	onnx.Operation
	in, out []*value
}

// NewGraph returns an empty graph for onnx.NewModel.
func NewGraph() *Graph {
	return &Graph{WeightedDirectedGraph: simple.NewWeightedDirectedGraph(math.Inf(1), 0), inputs: map[int64][]*value{}}
}

// NewNode returns a value for AddNode. IDs start at 0.
func (g *Graph) NewNode() graph.Node { return &value{id: int64(len(g.values))} }

// AddNode adds the value that NewNode returned.
func (g *Graph) AddNode(n graph.Node) { g.values = append(g.values, n.(*value)) }

// Node returns the value with the given ID, or nil.
func (g *Graph) Node(id int64) graph.Node {
	if id < 0 || id >= int64(len(g.values)) {
		return nil
	}
	return g.values[id]
}

// SetWeightedEdge records e.To as input number e.Weight of the operation that produces e.From. Unlike a gonum graph it keeps every edge
// of a pair: Mul(x, x) has two.
func (g *Graph) SetWeightedEdge(e graph.WeightedEdge) {
	id, at := e.From().ID(), int(e.Weight())
	list := g.inputs[id]
	for len(list) <= at {
		list = append(list, nil)
	}
	if v := e.To().(*value); v.name != "" { // ONNX gives an omitted input the name ""
		list[at] = v
	}
	g.inputs[id] = list
}

// ApplyOperation adds an operation with its outputs, after the decoder added its inputs as edges.
func (g *Graph) ApplyOperation(o onnx.Operation, outputs ...graph.Node) error {
	op := operation{Operation: o}
	for _, n := range outputs {
		op.out = append(op.out, n.(*value))
	}
	if len(outputs) > 0 {
		op.in = g.inputs[outputs[0].ID()]
	}
	g.ops = append(g.ops, op)
	return nil
}
