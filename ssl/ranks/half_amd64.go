package ranks

import "golang.org/x/sys/cpu"

// vectors is whether blocks are converted by instructions of F16C and AVX2, to the bits of the Go code in half.go in a fifth of its time or less.
var vectors = cpu.X86.HasF16C && cpu.X86.HasAVX2

// largestF16C returns the largest of all elements' bits without the sign.
//
//go:noescape
func largestF16C(x *[blockLen]float32) uint32

//go:noescape
func encodeF16C(to *[blockLen]uint16, x *[blockLen]float32, factor float32)

//go:noescape
func decodeF16C(to *[blockLen]float32, x *[blockLen]uint16, factor float32)

//go:noescape
func addF16C(sum *[blockLen]float32, x *[blockLen]uint16, factor float32)
