// Package onnxexec evaluates ONNX models on the CPU. onnx-go (github.com/owulveryck/onnx-go) decodes the file; this package is its backend.
//
//	bytes → onnx-go decoder → Graph (its Backend: nodes, ordered input lists, operations in file order) → one kernel per operation
//
// Values are float32. Sums of products, means and exponentials are computed in float64 and rounded once, so a result is about as accurate
// as float32 can be, and larger differences to another program are that program's errors. The processors share the images; the result does
// not depend on their number.
//
// The operators are those of convolutional classifiers and vision transformers at opset 13 and later (see table). An unknown operator, an
// unknown attribute or an unsupported layout is an error that names the node. The backend keeps ordered input lists, so that a node may use a
// value twice and omit optional inputs.
package onnxexec
