// Package kernels turns ops on tensors into a program that a Vulkan device replays. README.md describes how a step runs.
//
//	Build(dev, store, f): f calls ops on a Graph        each op records dispatches and, as a closure, its backward
//	  -> Backward calls the closures in reverse         gradients: the first contribution writes, later ones add
//	  -> the planner gives every tensor its place       by liveness, in one arena
//	  -> the segments are recorded                      Segment.Begin, fill inputs, Submit; Wait, read outputs
//
// Convolutions and matrix products are one op each over several kernels: tiled ones (shared memory, for GPUs) and lean ones (for CPU devices). A
// static rule or a Tuner chooses by shape; Program.Variants returns the choice, Store.Pin repeats it.
//
// A Store owns what outlives a program (parameters, gradients, moments, running statistics); a Program is recorded work on it.
//
// Activations are NHWC and matrices row-major, fp32, with the last axis padded to a multiple of four lanes that always hold zeros:
// sums, dot products and sums of squares need no mask, everything else uses the logical width. Weights are KRSC, K padded too.
//
// Misuse while building panics with *BuildError, which Build turns into an error; all else returns errors.
//
// # Adding an op
//
// Five edits. Take MaxPool2D as the example.
//
//  1. The shaders, forward and backward, shaders/maxpool.comp and shaders/maxpool_back.comp: contract on top, bindings by READS and WRITES
//     (io.glsl), push constants, zeros in pad lanes. Compile them by `make shaders`.
//  2. The op, kernels/maxpool.go: check the shapes (misuse), allocate the result (g.result), run the kernel and register the backward, as below.
//     If ONNX has the op, pass its form to g.node (onnx.go); without one, ONNX export refuses the op.
//  3. The reference in float64, kernels/ref/maxpool.go: the forward pass in plain Go. Its finite differences judge the backward kernel.
//  4. One row in kernels/optest/cases: the op, its reference, input shapes (1, a prime, more than one work group) and attributes. Package optest
//     derives the tests of forward, backward, accumulation, pad lanes, memory guards, replay and slices from it.
//  5. One row of golden data: a PyTorch function and its cases in tools/golden/ops.py, with the names of inputs and attributes of step 4, and the
//     kernels/testdata/ops.json that it writes.
//
// The op passes push constants by the names that the shader gives them:
//
//	g.run(launch{kernel: "maxpool", rows: n, binds: []bind{in(x), out(y)},
//		push:   func(_, n int) constants { return constants{"n": n, "c4": q} },
//		groups: func(n int) [3]uint32 { return groups1(n*q, 32) }})
//	g.vjp(y, func(dy *Tensor) {
//		dx, add := g.gradient(x) // add is 1 if dx has a contribution already
//		...
//	})
//
// in, out and sum bind a tensor at the rows of a slice, so that tensors larger than a binding take several dispatches; whole binds all of it.
package kernels
