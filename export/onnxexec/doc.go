// Package onnxexec evaluates ONNX models on the CPU: the decoder is onnx-go (github.com/owulveryck/onnx-go), the backend behind it ours.
//
//	bytes → onnx-go decoder → Graph (its Backend: nodes, ordered input lists, operations in file order) → one kernel an operation
//
// Values are stored in float32; sums of products, means and exponentials are taken in float64 and rounded once, so a result is about as near
// to the exact one as float32 can say, and what a judge finds beyond that is the other side's error. Images are shared out over the
// processors; the result does not depend on how.
//
// The operators are those of convolutional classifiers at opset 13 and later (see table): what is not in the table, an attribute that is not
// known or a layout that an operator does not cover is an error that names the node. The backend keeps ordered input lists of its own, so
// that one value may be used twice by a node and optional inputs may be left out.
package onnxexec
