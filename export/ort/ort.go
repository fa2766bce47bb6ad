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
		err = fmt.Errorf("ort: load %s: %w: install ONNX Runtime with tools/setup/ort.sh", path, cause)
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

// Run evaluates an ONNX file with one float32 input, x [dims], on the CPU and returns the first output and its dims, in Go memory. Each
// call loads the model.
func (r *Runtime) Run(model []byte, x []float32, dims []int) ([]float32, []int, error) {
	s, err := r.Load(model)
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
	output  string // name of the first output
}

// Load loads an ONNX file with one float32 input. Close releases it.
func (*Runtime) Load(model []byte) (*Session, error) {
	s, err := load(model)
	if err != nil {
		return nil, fmt.Errorf("ort: %w", err)
	}
	return s, nil
}

func load(model []byte) (*Session, error) {
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
	s := &Session{output: outputs[0].Name}
	for _, d := range inputs[0].Dimensions {
		s.Input = append(s.Input, int(d))
	}
	s.session, err = onnxruntime.NewDynamicAdvancedSessionWithONNXData(model, []string{inputs[0].Name}, []string{s.output}, nil)
	return s, err
}

// Close releases the model.
func (s *Session) Close() { s.session.Destroy() }

// Run evaluates the model on x [dims], on the CPU, and returns the first output and its dims, in Go memory.
func (s *Session) Run(x []float32, dims []int) ([]float32, []int, error) {
	y, shape, err := s.run(x, dims)
	if err != nil {
		return nil, nil, fmt.Errorf("ort: %w", err)
	}
	return y, shape, nil
}

func (s *Session) run(x []float32, dims []int) (y []float32, outDims []int, err error) {
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
	out := []onnxruntime.Value{nil}
	if err := s.session.Run([]onnxruntime.Value{in}, out); err != nil {
		return nil, nil, err
	}
	defer out[0].Destroy()
	t, ok := out[0].(*onnxruntime.Tensor[float32])
	if !ok {
		return nil, nil, fmt.Errorf("output %s is a %T: want float32", s.output, out[0])
	}
	for _, d := range t.GetShape() {
		outDims = append(outDims, int(d))
	}
	return slices.Clone(t.GetData()), outDims, nil
}
