package decode

// matrix converts Y Cb Cr to R G B by adding three table words. A word holds R, G and B in 21 bits each, in 1/2048, offset by 256 so that
// none is negative. Source: ITU-R BT.601.
type matrix struct{ y, cb, cr [256]uint64 }

// full is for Y, Cb and Cr of 256 levels (JFIF, page 3); studio for 16 … 235 and 16 … 240 (VP8, RFC 6386 section 9.2).
var (
	full   = newMatrix(0, 65536, 91881, -22554, -46802, 116130)
	studio = newMatrix(16, 76309, 104597, -25675, -53279, 132201)
)

// newMatrix returns the matrix, in 1/65536,
//
//	R = luma·(Y−black) + rv·(Cr−128)
//	G = luma·(Y−black) + gu·(Cb−128) + gv·(Cr−128)
//	B = luma·(Y−black) + bu·(Cb−128)
func newMatrix(black, luma, rv, gu, gv, bu int) *matrix {
	m := new(matrix)
	for i := range 256 {
		y := luma*(i-black) + 1<<15 // rounds
		m.y[i] = packed(y, y, y) + raised
		m.cb[i] = packed(0, gu*(i-128), bu*(i-128))
		m.cr[i] = packed(rv*(i-128), gv*(i-128), 0)
	}
	return m
}

const (
	lane   = 21
	lanes  = 1 | 1<<lane | 1<<(2*lane)
	raised = 256 << 11 * lanes
	beyond = 768 << 11 * lanes // these bits equal those of raised if the level is in 0 … 255
)

// packed puts numbers in 1/65536 into the lanes of a word, rounded down to 1/2048. A negative number borrows from the next lane until
// the offset is added.
func packed(r, g, b int) uint64 {
	return uint64(r>>5) + uint64(g>>5)<<lane + uint64(b>>5)<<(2*lane)
}

// toRGB writes a row as R G B.
func (m *matrix) toRGB(dst, y, cb, cr []byte) {
	cb, cr = cb[:len(y)], cr[:len(y)]
	for i := range y {
		rgb := m.y[y[i]] + m.cb[cb[i]] + m.cr[cr[i]]
		if rgb&beyond != raised {
			rgb = clamped(rgb)
		}
		d := dst[3*i:][:3]
		d[0], d[1], d[2] = byte(rgb>>11), byte(rgb>>(lane+11)), byte(rgb>>(2*lane+11))
	}
}

// clamped clamps the three levels of a word to 0 … 255.
func clamped(rgb uint64) (out uint64) {
	for at := 0; at < 3*lane; at += lane {
		level := min(max(int(rgb>>at>>11&1023)-256, 0), 255)
		out |= uint64(level) << 11 << at
	}
	return out
}
