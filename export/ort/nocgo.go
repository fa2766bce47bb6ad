//go:build !cgo

package ort

// Runtime is ONNX Runtime; in a build without cgo there is none.
type Runtime struct{}

// Open returns NotPresentError.
func Open() (*Runtime, error) { return nil, &NotPresentError{} }

// Name returns "onnxruntime".
func (*Runtime) Name() string { return "onnxruntime" }

// Version returns "".
func (*Runtime) Version() string { return "" }

// Run returns NotPresentError.
func (*Runtime) Run([]byte, []float32, []int) ([]float32, []int, error) {
	return nil, nil, &NotPresentError{}
}
