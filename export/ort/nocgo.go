//go:build !cgo

package ort

// Runtime is ONNX Runtime, which is absent from a build without cgo.
type Runtime struct{}

// Open returns a NotPresentError.
func Open() (*Runtime, error) { return nil, &NotPresentError{} }

// Name returns "onnxruntime".
func (*Runtime) Name() string { return "onnxruntime" }

// Version returns "".
func (*Runtime) Version() string { return "" }

// Run returns a NotPresentError.
func (*Runtime) Run([]byte, []float32, []int, ...string) ([][]float32, [][]int, error) {
	return nil, nil, &NotPresentError{}
}

// Session is a loaded model, which a build without cgo never has.
type Session struct {
	Input []int // dims of the input
}

// Load returns a NotPresentError.
func (*Runtime) Load([]byte, ...string) (*Session, error) { return nil, &NotPresentError{} }

// Close does nothing.
func (*Session) Close() {}

// Run returns a NotPresentError.
func (*Session) Run([]float32, []int) ([][]float32, [][]int, error) {
	return nil, nil, &NotPresentError{}
}
