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
func (*Runtime) Run(model []byte, x []float32, dims []int) ([]float32, []int, error) {
	y, shape, err := run(model, x, dims)
	if err != nil {
		return nil, nil, fmt.Errorf("ort: %w", err)
	}
	return y, shape, nil
}

func run(model []byte, x []float32, dims []int) (y []float32, outDims []int, err error) {
	if len(model) == 0 || len(x) == 0 {
		return nil, nil, fmt.Errorf("a model of %d bytes and %d input values: both must not be empty", len(model), len(x))
	}
	shape, n := onnxruntime.Shape{}, 1
	for _, d := range dims {
		shape, n = append(shape, int64(d)), n*d
	}
	if len(dims) == 0 || n != len(x) {
		return nil, nil, fmt.Errorf("%d input values for dims %v: want %d", len(x), dims, n)
	}
	inputs, outputs, err := onnxruntime.GetInputOutputInfoWithONNXData(model)
	if err != nil {
		return nil, nil, err
	}
	if len(inputs) != 1 || len(outputs) < 1 {
		return nil, nil, fmt.Errorf("the model has %d inputs and %d outputs: want 1 input and at least 1 output", len(inputs), len(outputs))
	}
	session, err := onnxruntime.NewDynamicAdvancedSessionWithONNXData(model, []string{inputs[0].Name}, []string{outputs[0].Name}, nil)
	if err != nil {
		return nil, nil, err
	}
	defer session.Destroy()

	var pinner runtime.Pinner // the tensor keeps a C pointer to x until it is destroyed
	pinner.Pin(&x[0])
	defer pinner.Unpin()
	in, err := onnxruntime.NewTensor(shape, x)
	if err != nil {
		return nil, nil, err
	}
	defer in.Destroy()
	out := []onnxruntime.Value{nil}
	if err := session.Run([]onnxruntime.Value{in}, out); err != nil {
		return nil, nil, err
	}
	defer out[0].Destroy()
	t, ok := out[0].(*onnxruntime.Tensor[float32])
	if !ok {
		return nil, nil, fmt.Errorf("output %s is a %T: want float32", outputs[0].Name, out[0])
	}
	for _, d := range t.GetShape() {
		outDims = append(outDims, int(d))
	}
	return slices.Clone(t.GetData()), outDims, nil
}
