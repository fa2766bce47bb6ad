package ranks

import "golang.org/x/sys/cpu"

// vectors is whether blocks are converted by instructions of F16C and AVX2, to the bits of the Go code in half.go in a fifth of its time or less.
var vectors = cpu.X86.HasF16C && cpu.X86.HasAVX2

// largestF16C is largest.
//
//go:noescape
func largestF16C(x *[BlockLen]float32) uint32

// encodeF16C sets to to the halves of x·factor.
//
//go:noescape
func encodeF16C(to *[BlockLen]uint16, x *[BlockLen]float32, factor float32)

// decodeF16C sets to to x·factor.
//
//go:noescape
func decodeF16C(to *[BlockLen]float32, x *[BlockLen]uint16, factor float32)

// addF16C adds x·factor to sum.
//
//go:noescape
func addF16C(sum *[BlockLen]float32, x *[BlockLen]uint16, factor float32)
