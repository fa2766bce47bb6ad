package export

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/marr-ssl/marr/net"
)

// MaxModel is the size in bytes of the longest message of protocol buffers, hence of an ONNX file.
const MaxModel = math.MaxInt32

// ReadFile reads the ONNX file at path.
func ReadFile(path string) (*Model, error) {
	b, err := net.ReadFile(path, MaxModel)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	m, err := Unmarshal(b)
	if err != nil {
		return nil, fmt.Errorf("export: read %s: %w", path, err)
	}
	return m, nil
}

// Unmarshal reads an ONNX file of this or another program into a Model. It removes initializers from the list of inputs and gives nodes
// without a name one made of operator and position. It ignores descriptions (doc_string, value_info). Content that a Model cannot
// represent is an error: weights of other types than float32 and int64 or in external files, subgraphs, sparse tensors, other operator
// domains. The result shares no memory with b.
func Unmarshal(b []byte) (*Model, error) {
	m := &Model{}
	var graphs int
	err := eachField(b, func(f field) (err error) {
		switch f.num {
		case modelProducerName:
			m.Producer, err = f.text()
		case modelProducerVersion:
			m.Version, err = f.text()
		case modelGraph:
			graphs++
			return f.message(m.readGraph)
		case modelOpsetImport:
			return m.readOpset(f)
		case modelMetadataProps:
			return m.readMetadata(f)
		}
		return err
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("export: not an ONNX file, or a damaged one: %w", err)
	case graphs != 1:
		return nil, fmt.Errorf("export: not an ONNX file: it has %d graphs, want 1", graphs)
	}
	weights := map[string]bool{}
	for _, t := range m.Initializers {
		weights[t.Name] = true
	}
	m.Inputs = slices.DeleteFunc(m.Inputs, func(v Value) bool { return weights[v.Name] })
	if err := m.validate(); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *Model) readOpset(f field) error {
	domain, version := "", int64(0)
	err := f.message(func(f field) (err error) {
		switch f.num {
		case opsetDomain:
			domain, err = f.text()
		case opsetVersion:
			version, err = f.int()
		}
		return err
	})
	if domain == "" || domain == "ai.onnx" {
		m.Opset = int(version)
	}
	return err
}

func (m *Model) readMetadata(f field) error {
	key, value := "", ""
	err := f.message(func(f field) (err error) {
		switch f.num {
		case entryKey:
			key, err = f.text()
		case entryValue:
			value, err = f.text()
		}
		return err
	})
	if m.Metadata == nil {
		m.Metadata = map[string]string{}
	}
	m.Metadata[key] = value
	return err
}

func (m *Model) readGraph(f field) (err error) {
	switch f.num {
	case graphNode:
		n, err := readNode(f)
		if err != nil {
			return fmt.Errorf("node %d %s %q: %w", len(m.Nodes), n.Op, n.Name, err)
		}
		if n.Name == "" {
			n.Name = fmt.Sprintf("%s_%d", n.Op, len(m.Nodes))
		}
		m.Nodes = append(m.Nodes, n)
	case graphName:
		m.Name, err = f.text()
	case graphInitializer:
		t, err := readTensor(f)
		if err != nil {
			return fmt.Errorf("initializer %q: %w", t.Name, err)
		}
		m.Initializers = append(m.Initializers, t)
	case graphInput, graphOutput:
		v, err := readValue(f)
		if err != nil {
			return fmt.Errorf("input or output %q: %w", v.Name, err)
		}
		if f.num == graphInput {
			m.Inputs = append(m.Inputs, v)
		} else {
			m.Outputs = append(m.Outputs, v)
		}
	case graphSparseInitializer:
		return fmt.Errorf("sparse initializers are not supported: store the weights dense")
	}
	return err
}

func readNode(f field) (n Node, err error) {
	err = f.message(func(f field) error {
		s, err := "", error(nil)
		switch f.num {
		case nodeInput:
			s, err = f.text()
			n.Inputs = append(n.Inputs, s)
		case nodeOutput:
			s, err = f.text()
			n.Outputs = append(n.Outputs, s)
		case nodeName:
			n.Name, err = f.text()
		case nodeOpType:
			n.Op, err = f.text()
		case nodeDomain:
			if s, err = f.text(); err == nil && s != "" && s != "ai.onnx" {
				err = fmt.Errorf("operator domain %q: only ONNX's own operators are supported", s)
			}
		case nodeAttribute:
			var a Attr
			if a, err = readAttr(f); err != nil {
				return fmt.Errorf("attribute %q: %w", a.Name, err)
			}
			n.Attrs = append(n.Attrs, a)
		}
		return err
	})
	return n, err
}

// readAttr reads an attribute. Its type field selects one of the value fields.
func readAttr(f field) (a Attr, err error) {
	var (
		kind, i int64
		fl      float32
		s       string
		t       Tensor
		floats  = []float32{}
		ints    = []int64{}
		texts   = []string{}
	)
	err = f.message(func(f field) (err error) {
		switch f.num {
		case attrName:
			a.Name, err = f.text()
		case attrType:
			kind, err = f.int()
		case attrF:
			fl, err = f.float()
		case attrI:
			i, err = f.int()
		case attrS:
			s, err = f.text()
		case attrT:
			t, err = readTensor(f)
		case attrFloats:
			floats, err = f.floats(floats)
		case attrInts:
			ints, err = f.ints(ints)
		case attrStrings:
			s, err = f.text()
			texts = append(texts, s)
		}
		return err
	})
	if err != nil {
		return a, err
	}
	value, ok := map[int64]any{kindFloat: fl, kindInt: i, kindString: s, kindTensor: t,
		kindFloats: floats, kindInts: ints, kindStrings: texts}[kind]
	if !ok {
		return a, fmt.Errorf("type %d (a graph, a sparse tensor or a type) is not supported", kind)
	}
	a.Value = value
	return a, nil
}

// tensorFields are the fields of a TensorProto that readTensor uses.
type tensorFields struct {
	name   string
	kind   int64
	dims   []int64
	raw    []byte
	floats []float32
	ints   []int64
}

func (p *tensorFields) read(f field) (err error) {
	elsewhere := errors.New("its data are in another file, which is not supported: save the model as one file")
	switch f.num {
	case tensorDims:
		p.dims, err = f.ints(p.dims)
	case tensorDataType:
		p.kind, err = f.int()
	case tensorFloatData:
		p.floats, err = f.floats(p.floats)
	case tensorInt64Data:
		p.ints, err = f.ints(p.ints)
	case tensorName:
		p.name, err = f.text()
	case tensorRawData:
		p.raw, err = f.bytes()
	case tensorSegment:
		err = errors.New("the tensor is split into segments, which is not supported")
	case tensorExternalData:
		err = elsewhere
	case tensorDataLocation:
		var at int64
		if at, err = f.int(); err == nil && at != 0 {
			err = elsewhere
		}
	}
	return err
}

// readTensor reads a float32 or int64 tensor, from raw_data or from the typed lists. After an error the name is set if the file has one.
func readTensor(f field) (t Tensor, err error) {
	var p tensorFields
	err = f.message(p.read)
	t.Name = p.name
	if err != nil {
		return t, err
	}
	for _, d := range p.dims {
		if d < 1 || d > math.MaxInt32 {
			return t, fmt.Errorf("dims %v: every one must be at least 1", p.dims)
		}
		t.Dims = append(t.Dims, int(d))
	}
	raw := p.raw
	switch Type(p.kind) {
	case Float32:
		p.floats = slices.Grow(p.floats, len(raw)/4)
		for ; len(raw) >= 4; raw = raw[4:] {
			p.floats = append(p.floats, math.Float32frombits(binary.LittleEndian.Uint32(raw)))
		}
		t.Float32 = p.floats
	case Int64:
		p.ints = slices.Grow(p.ints, len(raw)/8)
		for ; len(raw) >= 8; raw = raw[8:] {
			p.ints = append(p.ints, int64(binary.LittleEndian.Uint64(raw)))
		}
		t.Int64 = p.ints
	default:
		return t, fmt.Errorf("element type %d is not supported: want float32 (1) or int64 (7)", p.kind)
	}
	if len(raw) > 0 {
		return t, fmt.Errorf("the raw data end inside an element (%d bytes left)", len(raw))
	}
	return t, nil
}

func readValue(f field) (v Value, err error) {
	err = f.message(func(f field) (err error) {
		switch f.num {
		case valueName:
			v.Name, err = f.text()
		case valueType:
			return f.message(func(f field) error {
				if f.num != typeTensor {
					return nil // a sequence, map or optional: validate rejects it as a value without an element type
				}
				return f.message(v.readTensorType)
			})
		}
		return err
	})
	return v, err
}

func (v *Value) readTensorType(f field) (err error) {
	switch f.num {
	case tensorTypeElem:
		var code int64
		code, err = f.int()
		v.Type = Type(code)
	case tensorTypeShape:
		return f.message(func(f field) error {
			if f.num != shapeDim {
				return nil
			}
			d := Dim{}
			err := f.message(func(f field) (err error) {
				switch f.num {
				case dimValue:
					var size int64
					size, err = f.int()
					d.Size = int(size)
				case dimParam:
					d.Symbol, err = f.text()
				}
				return err
			})
			if d == (Dim{}) {
				d.Symbol = "?" // a dimension without a value or a name: any size
			}
			v.Dims = append(v.Dims, d)
			return err
		})
	}
	return err
}
