// Package kernels turns ops on tensors into a program that a Vulkan device replays. README.md describes how a step runs.
//
//	Build(dev, store, f): f calls ops on a Graph        each op records dispatches and, as a closure, its backward
//	  -> Backward calls the closures in reverse         gradients: the first contribution writes, later ones add
//	  -> the planner gives every tensor its place       by liveness, in one arena
//	  -> the segments are recorded                      Segment.Begin, fill inputs, Submit; Wait, read outputs
//
// Convolutions and matrix products are one op each over several kernels: tiled ones (shared memory, for GPUs), coop ones (matrix units) and
// packed ones (dot products of two halves), both for mixed precision, small ones (for GPUs with few registers) and lean ones (for CPU devices). A static
// rule or a Tuner chooses by shape. Program.Variants returns the choice, and Store.Pin repeats it.
//
// A Store owns the memory that outlives a program: parameters, gradients, moments, running statistics. A Program is recorded work on a Store.
//
// Activations are NHWC and matrices row-major, fp32 or halves (Half), with the last axis padded to a multiple of four lanes. Pad lanes always hold zeros, so
// sums, dot products and sums of squares need no mask; other reductions use the logical width. Weights are KRSC, with K padded too.
//
// Misuse while building panics with *BuildError, which Build returns as an error. All other failures are returned as errors.
//
// # Adding an op
//
// An op takes five edits. Take MaxPool2D as the example.
//
//  1. The shaders, forward and backward, shaders/maxpool.comp and shaders/maxpool_back.comp: contract on top, a line for each variant, bindings by
//     READS and WRITES (io.glsl), push constants, zeros in pad lanes. `make shaders` compiles them.
//  2. The op, kernels/maxpool.go: check the shapes (misuse), allocate the result (g.result), run the kernel and register the backward, as below.
//     If ONNX has the op, pass its form to g.node (onnx.go) and test the form in export/trace_test.go. Without a form, ONNX export refuses the op.
//  3. The reference in float64, kernels/ref/maxpool.go: the forward pass in plain Go. Its finite differences check the backward kernel.
//  4. One row in kernels/optest/cases: name, op, reference, input shapes (1, a prime, more than one work group) and attributes. Package optest
//     derives the tests of forward, backward, accumulation, pad lanes, memory guards, replay and slices from it, for `go test` and for
//     `marr devices --check`. The inputs kink and distinct avoid points without a derivative.
//  5. Golden data: a PyTorch function in OPS (tools/golden/opfunctions.py) and its cases (ops.py), with the names of op, inputs and attributes of step 4. It
//     returns the result as "loss" or "y". Run `/usr/bin/python3 tools/golden/ops.py`, which writes kernels/testdata/ops.json. A row whose op
//     PyTorch lacks sets NoGolden.
//
// `go test ./kernels ./kernels/ref ./shaders` then tests the op.
//
// The op passes push constants by the names that the shader gives them:
//
//	g.run(launch{kernel: "maxpool", rows: n, binds: []bind{in(x), out(y)},
//		push:   func(_, n int) constants { return constants{"n": n, "c4": q} },
//		groups: func(n int) [3]uint32 { return groups1(n*q, 32) }})
//	g.vjp(y, func(dy *Tensor) {
//		dx, add := g.gradient(x) // add is 1 if dx already has a contribution
//		...
//	})
//
// in, out and sum bind a tensor at the rows of a slice, so that tensors larger than a binding take several dispatches. whole binds all of it.
package kernels
