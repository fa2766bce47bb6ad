// Package optest is the one harness that every op of package kernels runs through.
//
// A Case is one op on one set of shapes: how to put it on a graph and its float64 reference (package kernels/ref), a forward alone. Run then demands:
//
//	forward      the device's result is the reference's
//	backward     Σ v⊙dx is the central difference of Σ r⊙y(x) along v, in float64, for random cotangents r and directions v
//	pad lanes    of results and gradients are exactly zero
//	poison       all memory held NaN before, guard bands behind every tensor are untouched, and so are the inputs
//	replay       a second run has the same bits; parameter gradients, which nothing cleared, are exactly twice the first's
//	accumulation op(x) + op(x) is exactly twice as large, and so is every gradient: the second contribution adds to the first
//	twins        memory used again, the eager twin, and (Split) a device that binds few bytes: the same bits
//	forced       what MARR_KERNELS can force (Forcible of package kernels), with (Split) the narrow device, is as near to the reference
//
// A cotangent of ones would be blind: the gradient of Σ y is zero for softmax and for normalised rows, whatever the kernel does.
package optest
