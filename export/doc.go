// Package export writes a trained backbone as ONNX or safetensors and verifies the file.
//
//	FormatOf(path) -> Format: Write(path, Backbone), Read(path) -> net.Weights, Verify(path, Backbone, Samples)
//
//	ONNX         Trace: recorded ops -> Model -> Marshal -> file; Verify: Compare the features of each runtime with the device's
//	safetensors  tensors of the store -> file; Verify: compare every tensor with the store's
//
// Model is an ONNX graph in plain Go. Marshal writes opset 17 and IR version 8, or 13 and 7, by conventions that all tested readers accept: float32
// initializers are raw data and are not repeated as inputs; the image input comes first, with a symbolic batch "N"; Conv and MaxPool
// state every attribute that matters, but no dilations of MaxPool; batch norm stays a node, for fine-tuning; group norm is InstanceNormalization between Reshapes;
// GlobalAveragePool and Flatten(axis=1) precede the head; Gemm has a bias; axes are not negative; nodes have names and are in
// topological order. The bytes depend on the Model alone.
//
// Two runtimes evaluate ONNX files: onnx-go with the backend of package onnxexec, always, and ONNX Runtime (package ort), if its library
// is installed. Unmarshal reads ONNX files, also those of other programs.
package export
