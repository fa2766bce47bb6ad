package export

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

func TestEqualModelsGiveEqualBytes(t *testing.T) {
	a, b := newTestNet(7, 12, 6), newTestNet(7, 12, 6)
	first := mustMarshal(t, &a.m)
	for range 20 { // the iteration order of maps is random
		if !bytes.Equal(first, mustMarshal(t, &b.m)) {
			t.Fatal("equal models gave different bytes")
		}
	}
	if c := newTestNet(8, 12, 6); bytes.Equal(first, mustMarshal(t, &c.m)) {
		t.Fatal("different weights gave the same bytes")
	}
}

func TestUnmarshalIsTheInverseOfMarshal(t *testing.T) {
	m := newTestNet(7, 12, 6).m
	m.Nodes[0].Attrs = append(m.Nodes[0].Attrs, String("s", "text"), Attr{"floats", []float32{1, -2.5}}, Attr{"strings", []string{"a", "b"}},
		Attr{"t", Tensor{Dims: []int{2}, Int64: []int64{-1, 1 << 40}}}, Int("negative", -3))
	m.Initializers = append(m.Initializers, Tensor{Name: "shape", Dims: []int{2}, Int64: []int64{0, -1}}, Tensor{Name: "scalar", Float32: []float32{0.5}})
	m.Nodes[0].Inputs = append(m.Nodes[0].Inputs, "", "shape")
	b := mustMarshal(t, &m)
	got, err := Unmarshal(b)
	if err != nil {
		t.Fatal(err)
	}
	m.Opset, m.Name = Opset, "main_graph"
	if !reflect.DeepEqual(&m, got) {
		t.Errorf("read back:\n%+v\nwritten:\n%+v", got, m)
	}
	if !bytes.Equal(b, mustMarshal(t, got)) {
		t.Error("marshaling the result gave different bytes")
	}
	if w, ok := got.Initializer("layer1.0.conv1.weight"); !ok || !reflect.DeepEqual(w.Dims, []int{8, 8, 3, 3}) {
		t.Errorf("layer1.0.conv1.weight: %v %v", w.Dims, ok)
	}
}

// tinyModel is y = x + w, small enough to check its bytes by hand.
func tinyModel() Model {
	return Model{
		Producer: "p", Version: "v", Name: "g",
		Inputs:       []Value{{"x", Float32, []Dim{{Symbol: "N"}, {Size: 2}}}},
		Outputs:      []Value{{"y", Float32, []Dim{{Symbol: "N"}, {Size: 2}}}},
		Nodes:        []Node{{"Add", "a", []string{"x", "w"}, []string{"y"}, []Attr{Int("i", 3)}}},
		Initializers: []Tensor{{Name: "w", Dims: []int{2}, Float32: []float32{1, -2}}},
		Metadata:     map[string]string{"k": "u"},
	}
}

// The lengths and tags follow from onnx.proto and the protobuf encoding.
func TestMarshalFollowsTheWireFormat(t *testing.T) {
	m := tinyModel()
	want := "\x08\x08" + "\x12\x01p" + "\x1a\x01v" + // ir_version 8, producer_name, producer_version
		"\x3a\x5f" + // graph
		"\x0a\x1b" + "\x0a\x01x" + "\x0a\x01w" + "\x12\x01y" + "\x1a\x01a" + "\x22\x03Add" + // node: input, output, name, op_type
		"\x2a\x08" + "\x0a\x01i" + "\x18\x03" + "\xa0\x01\x02" + // attribute: name, i, type INT
		"\x12\x01g" + // graph name
		"\x2a\x11" + "\x08\x02" + "\x10\x01" + "\x42\x01w" + "\x4a\x08\x00\x00\x80\x3f\x00\x00\x00\xc0" + // initializer: dims, FLOAT, name, raw_data
		"\x5a\x14" + "\x0a\x01x" + "\x12\x0f\x0a\x0d\x08\x01\x12\x09\x0a\x03\x12\x01N\x0a\x02\x08\x02" + // input: name, tensor type, shape
		"\x62\x14" + "\x0a\x01y" + "\x12\x0f\x0a\x0d\x08\x01\x12\x09\x0a\x03\x12\x01N\x0a\x02\x08\x02" +
		"\x42\x04" + "\x0a\x00" + "\x10\x11" + // opset_import: domain "", version 17
		"\x72\x06" + "\x0a\x01k" + "\x12\x01u" // metadata_props
	if got := mustMarshal(t, &m); string(got) != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestMarshalErrorsNameTheNodeOrTensor(t *testing.T) {
	for _, c := range []struct {
		name    string
		spoil   func(m *Model)
		message string
	}{
		{"no nodes", func(m *Model) { m.Nodes = nil }, "no nodes"},
		{"no outputs", func(m *Model) { m.Outputs = nil }, "0 outputs"},
		{"unknown input", func(m *Model) { m.Nodes[1].Inputs[0] = "nowhere" }, `node 1 BatchNormalization "bn1": input 0 "nowhere" is not defined yet`},
		{"wrong order", func(m *Model) { m.Nodes[0], m.Nodes[1] = m.Nodes[1], m.Nodes[0] }, `node 0 BatchNormalization "bn1": input 0 "conv1_out"`},
		{"value twice", func(m *Model) { m.Nodes[2].Outputs[0] = "conv1_out" }, `node 2 Relu "relu1": value "conv1_out" is already defined by node 0 Conv "conv1"`},
		{"weight twice", func(m *Model) { m.Initializers[1].Name = "conv1.weight" }, `initializer conv1.weight: value "conv1.weight" is already defined`},
		{"weight is input", func(m *Model) { m.Inputs[0].Name = "fc.bias" }, `already defined by input 0`},
		{"node name twice", func(m *Model) { m.Nodes[3].Name = "relu1" }, `node 3 MaxPool "relu1": node 2 has the same name`},
		{"node without name", func(m *Model) { m.Nodes[3].Name = "" }, "a name is empty"},
		{"no operator", func(m *Model) { m.Nodes[3].Op = "" }, `node 3  "maxpool": the operator`},
		{"no node outputs", func(m *Model) { m.Nodes[3].Outputs = nil }, "node 3 MaxPool"},
		{"attribute twice", func(m *Model) { m.Nodes[0].Attrs[1].Name = "dilations" }, `node 0 Conv "conv1": attribute "dilations" is given twice`},
		{"attribute kind", func(m *Model) { m.Nodes[0].Attrs[1].Value = 3 }, `node 0 Conv "conv1": attribute "group" is a int`},
		{"short weight", func(m *Model) { m.Initializers[0].Float32 = m.Initializers[0].Float32[1:] }, "initializer conv1.weight: 215 values for dims [8 3 3 3]: want 216"},
		{"no weight", func(m *Model) { m.Initializers[0].Float32 = nil }, "initializer conv1.weight: exactly one"},
		{"both types", func(m *Model) { m.Initializers[0].Int64 = []int64{1} }, "exactly one"},
		{"zero dim", func(m *Model) { m.Initializers[0].Dims = []int{0, 3} }, "dims [0 3]"},
		{"dims overflow", func(m *Model) { m.Initializers[0].Dims = []int{math.MaxInt32, math.MaxInt32, math.MaxInt32} }, "below 2³¹"},
		{"NaN", func(m *Model) { m.Initializers[0].Float32[5] = float32(math.NaN()) }, "initializer conv1.weight: value 5 is NaN"},
		{"infinity", func(m *Model) { m.Initializers[2].Float32[0] = float32(math.Inf(-1)) }, "initializer bn1.bias: value 0 is -Inf"},
		{"output unknown", func(m *Model) { m.Outputs[0].Name = "image" }, `output 0: no node produces "image"`},
		{"output twice", func(m *Model) { m.Outputs = append(m.Outputs, m.Outputs[0]) }, "listed twice"},
		{"input dim", func(m *Model) { m.Inputs[0].Dims[1].Size = 0 }, `input 0 "image": dimension 1 is 0`},
		{"input type", func(m *Model) { m.Inputs[0].Type = 0 }, "element type 0"},
		{"opset", func(m *Model) { m.Opset = 11 }, "opset 11"},
		{"metadata", func(m *Model) { m.Metadata["a"] = "\xff" }, `metadata "a"`},
		{"name bytes", func(m *Model) { m.Initializers[0].Name = "\xff" }, "not UTF-8"},
	} {
		m := newTestNet(7, 12, 6).m
		c.spoil(&m)
		b, err := m.Marshal()
		if err == nil || !strings.Contains(err.Error(), c.message) || !strings.HasPrefix(err.Error(), "export: ") || b != nil {
			t.Errorf("%s: %v: want %q", c.name, err, c.message)
		}
	}
}

func TestWriteFileIsAtomic(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "backbone.onnx")
	m := newTestNet(7, 12, 6).m
	if err := WriteFile(path, &m); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(path)
	if !bytes.Equal(before, mustMarshal(t, &m)) {
		t.Error("the file differs from the bytes of Marshal")
	}
	m.Nodes[1].Inputs[0] = "nowhere"
	if err := WriteFile(path, &m); err == nil {
		t.Error("a broken model was written")
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("a failed write changed the file")
	}
	if list, _ := os.ReadDir(dir); len(list) != 1 {
		t.Errorf("the folder has %d files, want 1", len(list))
	}
	if got, err := ReadFile(path); err != nil || len(got.Initializers) != len(m.Initializers) {
		t.Errorf("ReadFile: %v", err)
	}
	if _, err := ReadFile(filepath.Join(dir, "absent.onnx")); err == nil || !strings.Contains(err.Error(), "absent.onnx") {
		t.Errorf("a missing file: %v", err)
	}
}

// A cut file may only be accepted where the cut falls between two fields after the graph.
func TestUnmarshalSurvivesCutsAndFlips(t *testing.T) {
	m := tinyModel()
	b := mustMarshal(t, &m)
	accepted := 0
	for n := range len(b) {
		if _, err := Unmarshal(b[:n]); err == nil {
			accepted++
		}
	}
	if accepted > 1+1+len(m.Metadata) {
		t.Errorf("%d truncated files were accepted", accepted)
	}
	for i := range b { // must not panic
		c := bytes.Clone(b)
		c[i] ^= 0xff
		_, _ = Unmarshal(c)
	}
}

// Files of other exporters have weights listed as inputs or in typed lists, nodes without names, dims without a value, and content that
// a Model cannot represent.
func TestUnmarshalReadsOtherExporters(t *testing.T) {
	tensor := func(extra ...byte) []byte {
		b := appendInt(appendString(nil, tensorName, "w"), tensorDims, 2)
		return append(b, extra...)
	}
	typed := tensor(appendBytes(appendInt(nil, tensorDataType, 1), tensorFloatData, []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0x40})...)
	file := func(tensor, node, graph []byte) []byte {
		n := append(appendString(appendString(appendString(appendString(nil, nodeInput, "x"), nodeInput, "w"), nodeOutput, "y"), nodeOpType, "Add"), node...)
		g := appendBytes(appendBytes(nil, graphNode, n), graphInitializer, tensor)
		for _, name := range []string{"x", "w"} {
			g = appendBytes(g, graphInput, Value{name, Float32, []Dim{{Size: 2}}}.append(nil))
		}
		shape := appendBytes(appendInt(nil, tensorTypeElem, 1), tensorTypeShape, appendBytes(nil, shapeDim, nil))
		g = appendBytes(g, graphOutput, appendBytes(appendString(nil, valueName, "y"), valueType, appendBytes(nil, typeTensor, shape)))
		return appendBytes(appendBytes(nil, modelOpsetImport, appendInt(nil, opsetVersion, 11)), modelGraph, append(g, graph...))
	}
	m, err := Unmarshal(file(typed, nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	if w, _ := m.Initializer("w"); len(m.Inputs) != 1 || !reflect.DeepEqual(w.Float32, []float32{1, 2}) || m.Nodes[0].Name != "Add_0" || m.Opset != 11 || m.Outputs[0].Dims[0].Symbol != "?" {
		t.Errorf("%+v", m)
	}
	graphAttr := appendBytes(nil, nodeAttribute, appendInt(appendString(nil, attrName, "body"), attrType, 5))
	for _, c := range []struct {
		name    string
		b       []byte
		message string
	}{
		{"float16", file(tensor(appendBytes(appendInt(nil, tensorDataType, 10), tensorRawData, []byte{0, 0, 0, 0})...), nil, nil), `initializer "w": element type 10`},
		{"external", file(tensor(appendBytes(nil, tensorExternalData, nil)...), nil, nil), "another file"},
		{"location", file(tensor(appendInt(nil, tensorDataLocation, 1)...), nil, nil), "another file"},
		{"half an element", file(tensor(appendBytes(appendInt(nil, tensorDataType, 1), tensorRawData, []byte{0, 0, 0})...), nil, nil), "3 bytes left"},
		{"negative dim", file(appendInt(typed, tensorDims, -1), nil, nil), "dims [2 -1]"},
		{"short", file(appendInt(typed, tensorDims, 2), nil, nil), "2 values for dims [2 2]"},
		{"subgraph", file(typed, graphAttr, nil), `node 0 Add "": attribute "body"`},
		{"domain", file(typed, appendString(nil, nodeDomain, "com.other"), nil), "com.other"},
		{"sparse", file(typed, nil, appendBytes(nil, graphSparseInitializer, nil)), "sparse"},
		{"wire type", protowire.AppendVarint(protowire.AppendTag(nil, modelGraph, protowire.VarintType), 1), "wire type"},
		{"nothing", nil, "0 graphs"},
		{"text", []byte("hello, world"), "not an ONNX file"},
	} {
		if _, err := Unmarshal(c.b); err == nil || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: %v: want %q", c.name, err, c.message)
		}
	}
}
