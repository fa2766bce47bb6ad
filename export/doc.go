// Package export writes a trained backbone as ONNX, reads such files back, and has judges evaluate every export: a decoder that is not ours over our
// own kernels, and, where it is present, a runtime that is not ours at all.
//
//	recorded kernels → Model → Marshal → bytes → WriteFile
//	                                       ├→ Unmarshal: weights by name, metadata
//	                                       └→ Check: Judges() run the bytes on images; features against the device's
//
// Model is an ONNX graph in plain Go. Marshal writes it at opset 17 and IR version 8 by these conventions, which every reader tried
// accepts: float32 initializers as raw data that are not repeated as inputs; the image input first, with a symbolic batch "N"; every attribute of
// Conv and MaxPool that matters spelt out; batch norm kept as a node (fine-tuning needs it); group norm as
// InstanceNormalization between Reshapes; GlobalAveragePool and Flatten(axis=1) before the head; Gemm
// with its bias; non-negative axes; nodes named and in topological order. The bytes depend on the Model alone.
//
// Two judges exist: the onnx-go decoder over package export/onnxexec, always, and ONNX Runtime over package export/ort, where its
// library is present.
package export
