// Package kernels turns ops on tensors into a program that a Vulkan device replays.
//
//	Build(dev, store, f): f calls ops on a Graph        each op records dispatches and, as a closure, its backward
//	  -> Backward walks the closures                    gradients: the first contribution writes, later ones add
//	  -> the planner gives every tensor its place       by liveness, in one arena
//	  -> the segments are recorded                      Segment.Begin, fill inputs, Submit; Wait, read outputs
//
// Convolutions and matrix products are one op each over several kernels: tiled ones (shared memory, for GPUs) and lean ones (for CPU devices). A
// static rule or a Tuner chooses by shape; Program.Variants says what was chosen, Store.Pin repeats it.
//
// A Store owns what outlives a program (parameters, gradients, moments, running statistics); a Program is recorded work on it.
//
// Activations are NHWC and matrices row-major, fp32, with the last axis padded to a multiple of four lanes that always hold zeros:
// sums, dot products and sums of squares need no mask, everything else uses the logical width. Weights are KRSC, K padded too.
//
// Misuse while building panics with *BuildError, which Build turns into an error; all else returns errors.
package kernels
