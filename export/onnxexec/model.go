package onnxexec

import (
	"fmt"
	"slices"

	onnx "github.com/owulveryck/onnx-go"
	"google.golang.org/protobuf/encoding/protowire"
	"gorgonia.org/tensor"
)

// minOpset is the oldest operator set that the kernels implement (Softmax, Squeeze and ReduceMean changed at 13).
const minOpset = 13

// Model is a decoded ONNX model. Several goroutines may evaluate it, any number of times.
type Model struct {
	graph     *Graph
	input     *value
	outputs   []*value
	constants map[int64]*array // initializers by value ID
	uses      map[int64]int    // the number of operation inputs and outputs of the model that read a value
}

// Run decodes an ONNX file with one input, evaluates it at x [dims] and returns the first output and its dims. It does not change x. The
// result does not depend on the number of processors.
func Run(model []byte, x []float32, dims []int) ([]float32, []int, error) {
	m, err := Load(model)
	if err != nil {
		return nil, nil, err
	}
	return m.Run(x, dims)
}

// Load decodes an ONNX file. Errors: bytes that are not an ONNX file, an opset below 13, an unknown operator, a number of inputs other
// than one.
func Load(model []byte) (m *Model, err error) {
	defer func() { // the decoder panics on tensors whose data do not match their dims
		if r := recover(); r != nil {
			m, err = nil, fmt.Errorf("onnxexec: the file cannot be decoded: %v", r)
		}
	}()
	version, err := opset(model)
	if err != nil {
		return nil, err
	}
	if version < minOpset {
		return nil, fmt.Errorf("onnxexec: the model has opset %d: only %d and later are supported: export it again", version, minOpset)
	}
	m = &Model{graph: NewGraph(), constants: map[int64]*array{}, uses: map[int64]int{}}
	decoded := onnx.NewModel(m.graph)
	if err := decoded.UnmarshalBinary(model); err != nil {
		return nil, fmt.Errorf("onnxexec: the file cannot be decoded: %w", err)
	}
	if len(decoded.Input) != 1 {
		return nil, fmt.Errorf("onnxexec: the model has %d inputs that are not initializers: want 1", len(decoded.Input))
	}
	m.input = m.graph.values[decoded.Input[0]]
	for _, id := range decoded.Output {
		m.outputs = append(m.outputs, m.graph.values[id])
	}
	return m, m.prepare()
}

// prepare checks the operations against the table and extracts the initializers from the graph.
func (m *Model) prepare() error {
	produced := map[int64]bool{} // the decoder gives outputs of the model placeholder tensors too
	for _, op := range m.graph.ops {
		for _, v := range op.out {
			produced[v.id] = true
		}
	}
	defined := map[int64]bool{m.input.id: true}
	for _, v := range m.graph.values {
		if v.t == nil || v == m.input || slices.Contains(m.outputs, v) || produced[v.id] {
			continue
		}
		a, err := fromTensor(v.t)
		if err != nil {
			return fmt.Errorf("onnxexec: initializer %s: %w", v.name, err)
		}
		m.constants[v.id], defined[v.id] = a, true
	}
	for i := range m.graph.ops {
		op := &m.graph.ops[i]
		if op.Name == "Constant" {
			op.in = nil // the decoder adds an input to operations without one
		}
		for _, v := range op.in {
			if v == nil {
				continue
			}
			if !defined[v.id] {
				return op.errorf("input %s is not defined before it is used", v.name)
			}
			m.uses[v.id]++
		}
		if err := op.check(); err != nil {
			return err
		}
		defined[op.out[0].id] = true
	}
	for _, v := range m.outputs {
		if !defined[v.id] {
			return fmt.Errorf("onnxexec: no operation produces the output %s", v.name)
		}
		m.uses[v.id]++
	}
	return nil
}

// Run evaluates the model at x [dims] and returns the first output and its dims.
func (m *Model) Run(x []float32, dims []int) (out []float32, outDims []int, err error) {
	values, shapes, err := m.Outputs(x, dims)
	if err != nil {
		return nil, nil, err
	}
	return values[0], shapes[0], nil
}

// Outputs evaluates the model at x [dims] and returns the named outputs and their dims; without names, the first output.
func (m *Model) Outputs(x []float32, dims []int, names ...string) (values [][]float32, shapes [][]int, err error) {
	outputs, err := m.named(names)
	if err != nil {
		return nil, nil, err
	}
	if err := m.checkInput(x, dims); err != nil {
		return nil, nil, err
	}
	live := map[int64]*array{m.input.id: {shape: slices.Clone(dims), f: x}}
	left := map[int64]int{}
	for id, n := range m.uses {
		left[id] = n
	}
	for _, op := range m.graph.ops {
		c := &call{attrs: op.Attributes}
		for _, v := range op.in {
			c.in = append(c.in, m.lookUp(live, v))
		}
		y, err := op.run(c)
		if err != nil {
			return nil, nil, err
		}
		live[op.out[0].id] = y
		for _, v := range op.in { // drop the values that no later operation reads
			if v == nil {
				continue
			}
			if left[v.id]--; left[v.id] == 0 {
				delete(live, v.id)
			}
		}
	}
	for _, v := range outputs {
		y := m.lookUp(live, v)
		if y.f == nil {
			return nil, nil, fmt.Errorf("onnxexec: output %s holds integers: want float32", v.name)
		}
		values, shapes = append(values, slices.Clone(y.f)), append(shapes, slices.Clone(y.shape)) // clones, since Identity and Reshape share memory with x
	}
	return values, shapes, nil
}

// named returns the outputs of these names; without names, the first output.
func (m *Model) named(names []string) ([]*value, error) {
	if len(names) == 0 {
		return m.outputs[:1], nil
	}
	var outputs []*value
	for _, name := range names {
		i := slices.IndexFunc(m.outputs, func(v *value) bool { return v.name == name })
		if i < 0 {
			return nil, fmt.Errorf("onnxexec: the model has no output %s", name)
		}
		outputs = append(outputs, m.outputs[i])
	}
	return outputs, nil
}

func (m *Model) lookUp(live map[int64]*array, v *value) *array {
	if v == nil {
		return nil
	}
	if a := live[v.id]; a != nil {
		return a
	}
	return m.constants[v.id]
}

// checkInput compares dims with those that the model declares. The decoder drops symbolic dimensions, so the fixed ones must appear in
// dims in the same order.
func (m *Model) checkInput(x []float32, dims []int) error {
	n := 1
	for _, d := range dims {
		if d < 1 {
			return fmt.Errorf("onnxexec: input dims %v: every one must be at least 1", dims)
		}
		n *= d
	}
	if n != len(x) {
		return fmt.Errorf("onnxexec: %d input values for dims %v: want %d", len(x), dims, n)
	}
	if m.input.t == nil {
		return nil
	}
	declared := m.input.t.Shape()
	at := 0
	for _, d := range dims {
		if at < len(declared) && declared[at] == d {
			at++
		}
	}
	if at < len(declared) {
		return fmt.Errorf("onnxexec: input dims %v do not match input %s, whose fixed dimensions are %v", dims, m.input.name, []int(declared))
	}
	return nil
}

// opset returns the version of ONNX's own operator set (ModelProto field 8: domain 1, version 2), which onnx-go does not return.
func opset(model []byte) (int, error) {
	version := 0
	err := eachField(model, func(num protowire.Number, body []byte) error {
		if num != 8 {
			return nil
		}
		domain, v := "", uint64(0)
		err := eachField(body, func(num protowire.Number, body []byte) error {
			switch num {
			case 1:
				domain = string(body)
			case 2:
				v, _ = protowire.ConsumeVarint(body)
			}
			return nil
		})
		if domain == "" || domain == "ai.onnx" {
			version = int(v)
		}
		return err
	})
	if err != nil || version == 0 {
		return 0, fmt.Errorf("onnxexec: not an ONNX file: it has no operator set version (%d bytes)", len(model))
	}
	return version, nil
}

func eachField(b []byte, f func(num protowire.Number, body []byte) error) error {
	for len(b) > 0 {
		num, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		size := protowire.ConsumeFieldValue(num, kind, b[n:])
		if size < 0 {
			return protowire.ParseError(size)
		}
		body := b[n : n+size]
		if kind == protowire.BytesType {
			body, _ = protowire.ConsumeBytes(body)
		}
		if err := f(num, body); err != nil {
			return err
		}
		b = b[n+size:]
	}
	return nil
}

// fromTensor converts a decoded tensor of float32 or int64, whose memory it shares.
func fromTensor(t tensor.Tensor) (*array, error) {
	a := &array{shape: slices.Clone([]int(t.Shape()))}
	switch d := t.Data().(type) {
	case []float32:
		a.f = d
	case float32:
		a.f = []float32{d}
	case []int64:
		a.i = d
	case int64:
		a.i = []int64{d}
	default:
		return nil, fmt.Errorf("data of type %T: want float32 or int64", d)
	}
	if n := max(len(a.f), len(a.i)); n != product(a.shape) {
		return nil, fmt.Errorf("%d values for dims %v", n, a.shape)
	}
	return a, nil
}
