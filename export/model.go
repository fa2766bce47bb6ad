package export

import (
	"io"

	"marr/net"
)

// Versions that Marshal writes. IR version 8 is the one that goes with opset 17 (onnx/docs/Versioning.md, released versions).
const (
	Opset     = 17
	IRVersion = 8
)

// Model is an ONNX graph in memory, independent of protobuf.
type Model struct {
	Producer, Version string            // producer_name, producer_version
	Name              string            // of the graph; "" is written as "main_graph": ONNX demands one
	Opset             int               // of the default domain: what Unmarshal found; Marshal takes 0 or 17 only
	Inputs, Outputs   []Value           // the image input first
	Nodes             []Node            // in topological order
	Initializers      []Tensor          // weights and constants, not repeated in Inputs
	Metadata          map[string]string // metadata_props, written sorted by key
}

// Type is an element type by its ONNX code (TensorProto.DataType).
type Type int32

// The element types that a Tensor can hold.
const (
	Float32 Type = 1
	Int64   Type = 7
)

// Value describes an input or output of the graph.
type Value struct {
	Name string
	Type Type
	Dims []Dim
}

// Dim is one dimension: Size elements, or as many as the caller brings where Symbol names it.
type Dim struct {
	Size   int
	Symbol string
}

// Batch returns the dims [N dims...] with the symbolic batch "N".
func Batch(dims ...int) []Dim {
	out := []Dim{{Symbol: "N"}}
	for _, d := range dims {
		out = append(out, Dim{Size: d})
	}
	return out
}

// Node applies one operator. An input "" is an optional one that is left out.
type Node struct {
	Op, Name        string
	Inputs, Outputs []string
	Attrs           []Attr
}

// Attr is a named attribute; Value is an int64, float32, string, []int64, []float32, []string or Tensor.
type Attr struct {
	Name  string
	Value any
}

// Int is an integer attribute.
func Int(name string, v int) Attr { return Attr{name, int64(v)} }

// Ints is an attribute that is a list of integers.
func Ints(name string, v ...int) Attr {
	list := make([]int64, len(v))
	for i, x := range v {
		list[i] = int64(x)
	}
	return Attr{name, list}
}

// Float is a float32 attribute.
func Float(name string, v float32) Attr { return Attr{name, v} }

// String is a text attribute.
func String(name, v string) Attr { return Attr{name, v} }

// Tensor is a named constant, row-major. Exactly one of Float32 and Int64 is set, with as many elements as the product of Dims; no Dims is
// a scalar, and no dimension is 0.
type Tensor struct {
	Name    string
	Dims    []int
	Float32 []float32
	Int64   []int64
}

// Initializer returns the initializer of that name.
func (m *Model) Initializer(name string) (Tensor, bool) {
	for _, t := range m.Initializers {
		if t.Name == name {
			return t, true
		}
	}
	return Tensor{}, false
}

// WriteFile marshals m and puts it at path whole or not at all (temporary name, sync, rename).
func WriteFile(path string, m *Model) error {
	b, err := m.Marshal()
	if err != nil {
		return err
	}
	return net.WriteFileAtomic(path, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}
