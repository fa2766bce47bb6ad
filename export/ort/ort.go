//go:build cgo

package ort

import (
	"fmt"
	"runtime"
	"slices"
	"sync"

	onnxruntime "github.com/yalue/onnxruntime_go"
)

// Runtime is the loaded ONNX Runtime. Several goroutines may use it.
type Runtime struct{}

// loading guards the environment of the library, one per process.
var loading sync.Mutex

// Open loads ONNX Runtime once per process and keeps it loaded. If the library is not installed, the error is a *NotPresentError. A file
// that is too old for this program, or not ONNX Runtime, is another error that names the file.
func Open() (*Runtime, error) {
	loading.Lock()
	defer loading.Unlock()
	if onnxruntime.IsInitialized() {
		return &Runtime{}, nil
	}
	tried := candidates()
	var err error = &NotPresentError{Tried: tried}
	for _, path := range existing(tried) {
		onnxruntime.SetSharedLibraryPath(path)
		cause := onnxruntime.InitializeEnvironment(onnxruntime.WithLogLevelError())
		if cause == nil {
			return &Runtime{}, nil
		}
		err = fmt.Errorf("ort: load %s: %w: it is not ONNX Runtime for this system, or too old: %s", path, cause, howToGet)
	}
	return nil, err
}

// Name returns "onnxruntime".
func (*Runtime) Name() string { return "onnxruntime" }

// Version returns the version of the library, such as "1.30.0", or "" before Open.
func (*Runtime) Version() string {
	if !onnxruntime.IsInitialized() {
		return ""
	}
	return onnxruntime.GetVersion()
}

// Run evaluates an ONNX file with one float32 input, x [dims], on the CPU and returns the named outputs and their dims, in Go memory; without names,
// the first output. Each call loads the model.
func (r *Runtime) Run(model []byte, x []float32, dims []int, outputs ...string) ([][]float32, [][]int, error) {
	s, err := r.Load(model, outputs...)
	if err != nil {
		return nil, nil, err
	}
	defer s.Close()
	return s.Run(x, dims)
}

// Session is a loaded model with one input.
type Session struct {
	Input []int // dims of the input; −1: any size

	session *onnxruntime.DynamicAdvancedSession
	outputs []string // names
}

// Load loads an ONNX file with one float32 input, to compute the named outputs; without names, the first output. Close releases it.
func (*Runtime) Load(model []byte, outputs ...string) (*Session, error) {
	s, err := load(model, outputs)
	if err != nil {
		return nil, fmt.Errorf("ort: %w", err)
	}
	return s, nil
}

func load(model []byte, names []string) (*Session, error) {
	if len(model) == 0 {
		return nil, fmt.Errorf("a model of 0 bytes: give an ONNX file")
	}
	inputs, outputs, err := onnxruntime.GetInputOutputInfoWithONNXData(model)
	if err != nil {
		return nil, err
	}
	if len(inputs) != 1 || len(outputs) < 1 {
		return nil, fmt.Errorf("the model has %d inputs and %d outputs: want 1 input and at least 1 output", len(inputs), len(outputs))
	}
	if inputs[0].DataType != onnxruntime.TensorElementDataTypeFloat {
		return nil, fmt.Errorf("input %s is of type %v: want float32", inputs[0].Name, inputs[0].DataType)
	}
	if len(names) == 0 {
		names = []string{outputs[0].Name}
	}
	s := &Session{outputs: names}
	for _, d := range inputs[0].Dimensions {
		s.Input = append(s.Input, int(d))
	}
	s.session, err = onnxruntime.NewDynamicAdvancedSessionWithONNXData(model, []string{inputs[0].Name}, s.outputs, nil)
	return s, err
}

// Close releases the model.
func (s *Session) Close() { s.session.Destroy() }

// Run evaluates the model on x [dims], on the CPU, and returns the outputs that were named to Load, and their dims, in Go memory.
func (s *Session) Run(x []float32, dims []int) (values [][]float32, shapes [][]int, err error) {
	values, shapes, err = s.run(x, dims)
	if err != nil {
		return nil, nil, fmt.Errorf("ort: %w", err)
	}
	return values, shapes, nil
}

func (s *Session) run(x []float32, dims []int) (values [][]float32, shapes [][]int, err error) {
	shape, n := onnxruntime.Shape{}, 1
	for _, d := range dims {
		shape, n = append(shape, int64(d)), n*d
	}
	if len(x) == 0 || len(dims) == 0 || n != len(x) {
		return nil, nil, fmt.Errorf("%d input values for dims %v: want %d, and at least 1", len(x), dims, n)
	}
	var pinner runtime.Pinner // the tensor keeps a C pointer to x until it is destroyed
	pinner.Pin(&x[0])
	defer pinner.Unpin()
	in, err := onnxruntime.NewTensor(shape, x)
	if err != nil {
		return nil, nil, err
	}
	defer in.Destroy()
	out := make([]onnxruntime.Value, len(s.outputs)) // Run makes tensors in place of nil
	if err := s.session.Run([]onnxruntime.Value{in}, out); err != nil {
		return nil, nil, err
	}
	for i, v := range out {
		defer v.Destroy()
		t, ok := v.(*onnxruntime.Tensor[float32])
		if !ok {
			return nil, nil, fmt.Errorf("output %s is a %T: want float32", s.outputs[i], v)
		}
		var dims []int
		for _, d := range t.GetShape() {
			dims = append(dims, int(d))
		}
		values, shapes = append(values, slices.Clone(t.GetData())), append(shapes, dims)
	}
	return values, shapes, nil
}
