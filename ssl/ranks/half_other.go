//go:build !amd64

package ranks

// vectors is whether blocks are converted by vector instructions, which this processor architecture has no code for.
var vectors = false

func largestF16C(*[blockLen]float32) (bits uint32)                        { return 0 }
func encodeF16C(*[blockLen]uint16, *[blockLen]float32, float32)           {}
func decodeF16C(*[blockLen]float32, *[blockLen]uint16, float32)           {}
func addF16C(sum *[blockLen]float32, x *[blockLen]uint16, factor float32) {}
