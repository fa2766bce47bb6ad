package export

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/marr-ssl/marr/net"
)

// Opset is the version of the operator set that Marshal writes by default.
const Opset = 17

// irVersions maps the opsets that Marshal writes to the IR versions that were released with them (onnx/docs/Versioning.md, released versions).
var irVersions = map[int]int{13: 7, Opset: 8}

// Opsets returns the versions of the operator set that Marshal writes. 13 lacks LayerNormalization, which some readers do not have.
func Opsets() []int { return slices.Sorted(maps.Keys(irVersions)) }

// Model is an ONNX graph in memory, independent of protobuf.
type Model struct {
	Producer, Version string            // producer_name, producer_version
	Name              string            // of the graph, which ONNX requires; "" is written as "main_graph"
	Opset             int               // of the default domain; Marshal accepts Opsets, and 0 for 17
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

// String returns the name and the dims, "features [N 512]" for example.
func (v Value) String() string {
	var dims []string
	for _, d := range v.Dims {
		dims = append(dims, cmp.Or(d.Symbol, fmt.Sprint(d.Size)))
	}
	return fmt.Sprintf("%s [%s]", v.Name, strings.Join(dims, " "))
}

// Dim is one dimension: Size elements, or any number of elements if Symbol names it.
type Dim struct {
	Size   int
	Symbol string
}

// Batch returns the dims [N dims...], where N is symbolic.
func Batch(dims ...int) []Dim {
	out := []Dim{{Symbol: "N"}}
	for _, d := range dims {
		out = append(out, Dim{Size: d})
	}
	return out
}

// Node applies one operator. The input "" stands for an omitted optional input.
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

// Int returns an integer attribute.
func Int(name string, v int) Attr { return Attr{name, int64(v)} }

// Ints returns an attribute that is a list of integers.
func Ints(name string, v ...int) Attr {
	list := make([]int64, len(v))
	for i, x := range v {
		list[i] = int64(x)
	}
	return Attr{name, list}
}

// Float returns a float32 attribute.
func Float(name string, v float32) Attr { return Attr{name, v} }

// String returns a text attribute.
func String(name, v string) Attr { return Attr{name, v} }

// Tensor is a named constant, row-major. Exactly one of Float32 and Int64 is set; its length is the product of Dims. A scalar has no
// Dims. Every dimension is at least 1.
type Tensor struct {
	Name    string
	Dims    []int
	Float32 []float32
	Int64   []int64
}

// Initializer returns the initializer with the given name.
func (m *Model) Initializer(name string) (Tensor, bool) {
	for _, t := range m.Initializers {
		if t.Name == name {
			return t, true
		}
	}
	return Tensor{}, false
}

// WriteFile writes m to path atomically (temporary name, sync, rename).
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
