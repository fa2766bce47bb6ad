//go:build !amd64

package ranks

// vectors is whether blocks are converted by vector instructions, which this processor architecture has no code for.
var vectors = false

func largestF16C(*[BlockLen]float32) (bits uint32)                        { return 0 }
func encodeF16C(*[BlockLen]uint16, *[BlockLen]float32, float32)           {}
func decodeF16C(*[BlockLen]float32, *[BlockLen]uint16, float32)           {}
func addF16C(sum *[BlockLen]float32, x *[BlockLen]uint16, factor float32) {}
