package export

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Marshal returns the model as an ONNX file (ModelProto), by the conventions of the package comment. Fields are in ascending order and
// metadata is sorted by key, so equal models give equal bytes. Errors: a model that readers would reject or misread (the error names the
// node or tensor), weights that are not finite, and a size of 2 GiB or more, the limit of protobuf.
func (m *Model) Marshal() ([]byte, error) {
	if err := m.validate(); err != nil {
		return nil, err
	}
	if err := m.checkWritable(); err != nil {
		return nil, err
	}
	opset := cmp.Or(m.Opset, Opset)
	graph, err := m.appendGraph(nil)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, len(graph)+1024)
	b = appendInt(b, modelIRVersion, int64(irVersions[opset]))
	b = appendString(b, modelProducerName, m.Producer)
	b = appendString(b, modelProducerVersion, m.Version)
	b = appendBytes(b, modelGraph, graph)
	b = appendBytes(b, modelOpsetImport, appendInt(appendString(nil, opsetDomain, ""), opsetVersion, int64(opset)))
	for _, k := range slices.Sorted(maps.Keys(m.Metadata)) {
		b = appendBytes(b, modelMetadataProps, appendString(appendString(nil, entryKey, k), entryValue, m.Metadata[k]))
	}
	if len(b) > math.MaxInt32 {
		return nil, fmt.Errorf("export: the model has %d bytes: an ONNX file must be smaller than 2 GiB", len(b))
	}
	return b, nil
}

func (m *Model) appendGraph(b []byte) ([]byte, error) {
	size := 4096 + 256*len(m.Nodes)
	for i := range m.Initializers {
		t := &m.Initializers[i]
		size += 64 + len(t.Name) + 4*len(t.Float32) + 8*len(t.Int64)
	}
	b = slices.Grow(b, size)
	for i := range m.Nodes {
		n, err := m.Nodes[i].append(nil)
		if err != nil {
			return nil, fmt.Errorf("export: %s: %w", m.Nodes[i].label(i), err)
		}
		b = appendBytes(b, graphNode, n)
	}
	name := m.Name
	if name == "" {
		name = "main_graph"
	}
	b = appendString(b, graphName, name)
	for i := range m.Initializers {
		b = appendBytes(b, graphInitializer, m.Initializers[i].append(nil))
	}
	for _, v := range m.Inputs {
		b = appendBytes(b, graphInput, v.append(nil))
	}
	for _, v := range m.Outputs {
		b = appendBytes(b, graphOutput, v.append(nil))
	}
	return b, nil
}

func (n *Node) append(b []byte) ([]byte, error) {
	for _, s := range n.Inputs {
		b = appendString(b, nodeInput, s)
	}
	for _, s := range n.Outputs {
		b = appendString(b, nodeOutput, s)
	}
	b = appendString(b, nodeName, n.Name)
	b = appendString(b, nodeOpType, n.Op)
	for _, a := range n.Attrs {
		body, err := a.append(nil)
		if err != nil {
			return nil, err
		}
		b = appendBytes(b, nodeAttribute, body)
	}
	return b, nil
}

func (a Attr) append(b []byte) ([]byte, error) {
	b = appendString(b, attrName, a.Name)
	kind := 0
	switch v := a.Value.(type) {
	case float32:
		kind, b = kindFloat, appendFloat(b, attrF, v)
	case int64:
		kind, b = kindInt, appendInt(b, attrI, v)
	case string:
		kind, b = kindString, appendString(b, attrS, v)
	case Tensor:
		kind, b = kindTensor, appendBytes(b, attrT, v.append(nil))
	case []float32:
		kind = kindFloats
		for _, x := range v {
			b = appendFloat(b, attrFloats, x)
		}
	case []int64:
		kind = kindInts
		for _, x := range v {
			b = appendInt(b, attrInts, x)
		}
	case []string:
		kind = kindStrings
		for _, x := range v {
			b = appendString(b, attrStrings, x)
		}
	default:
		return nil, fmt.Errorf("attribute %q is a %T: want int64, float32, string, a list of one of these, or Tensor", a.Name, a.Value)
	}
	return appendInt(b, attrType, int64(kind)), nil
}

func (t *Tensor) append(b []byte) []byte {
	b = slices.Grow(b, 64+len(t.Name)+4*len(t.Float32)+8*len(t.Int64))
	for _, d := range t.Dims {
		b = appendInt(b, tensorDims, int64(d))
	}
	if t.Float32 != nil {
		b = appendInt(b, tensorDataType, int64(Float32))
	} else {
		b = appendInt(b, tensorDataType, int64(Int64))
	}
	b = appendString(b, tensorName, t.Name)
	b = protowire.AppendTag(b, tensorRawData, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(4*len(t.Float32)+8*len(t.Int64)))
	for _, v := range t.Float32 {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	for _, v := range t.Int64 {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	return b
}

func (v Value) append(b []byte) []byte {
	var shape []byte
	for _, d := range v.Dims {
		var dim []byte
		if d.Symbol != "" {
			dim = appendString(dim, dimParam, d.Symbol)
		} else {
			dim = appendInt(dim, dimValue, int64(d.Size))
		}
		shape = appendBytes(shape, shapeDim, dim)
	}
	tensor := appendBytes(appendInt(nil, tensorTypeElem, int64(v.Type)), tensorTypeShape, shape)
	return appendBytes(appendString(b, valueName, v.Name), valueType, appendBytes(nil, typeTensor, tensor))
}
