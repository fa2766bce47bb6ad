// Package optest checks the ops of package kernels on a device. Tests (package kernels/kerneltest) and marr devices --check use it.
//
// An Op is an op, its float64 reference (package kernels/ref) and the Cases that both are tested on: attributes and input shapes. Package
// kernels/optest/cases is the table of all ops. Bench.Check checks each case on the device, and reports what failed:
//
//	forward      the result equals the reference
//	backward     Σ v⊙dx equals the central difference of Σ r⊙y(x) along v, in float64, for random cotangents r and directions v
//	pad lanes    of results and gradients are exactly zero
//	poison       with all memory set to NaN first, inputs and the guard bands behind every tensor are unchanged
//	replay       a second run gives the same bits; parameter gradients, which are not cleared between runs, are exactly twice the first's
//	accumulation op(x) + op(x) and its gradients are exactly twice as large: the second contribution adds to the first
//	same bits    with memory reuse, in eager mode, and (Split) on a device with a small binding limit, also in eager mode
//	kernels      every kernel that MARR_KERNELS can force (kernels.ForcedVariants) passes the same checks
//
// Cotangents are random because ones would hide errors: the gradient of Σ y is zero for softmax and for normalized rows.
//
// Bench.CheckGolden compares the device with PyTorch (package kernels/ref/golden), CheckReferences the references. Both need the golden files.
package optest
