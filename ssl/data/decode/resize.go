package decode

import "fmt"

// Resize resizes img to h×w pixels by the triangle filter of the package comment. It panics if a size is below 1 or Pix has not H·W·C bytes.
func Resize(img Image, h, w int) Image {
	if h < 1 || w < 1 || img.H < 1 || img.W < 1 || (img.C != 1 && img.C != 3) || len(img.Pix) != img.H*img.W*img.C {
		panic(fmt.Sprintf("decode: Resize [%d %d %d] of %d bytes to %d×%d", img.H, img.W, img.C, len(img.Pix), h, w))
	}
	return pictureOf(img).resize(box{0, 0, img.H, img.W}, h, w)
}

// grid is a plane of equally spaced samples: sample (y, x) covers the pixels [y·dy, (y+1)·dy) × [x·dx, (x+1)·dx) and has k bytes.
type grid struct {
	h, w, dy, dx, k int
	pix             []byte // row y begins at y·stride
	stride          int
	convert         func(dst []byte, y int) // instead of pix: writes row y, w·k bytes
}

// scaler resizes a box of one grid, first along y, then along x. It computes two rows of the result at a time, packed into 64-bit words,
// so that one multiplication serves both.
type scaler struct {
	grid
	ys, xs  axis
	from    int      // first sample of a row that is needed
	column  []uint64 // the two rows resized along y, in 1/256, one per half of a word
	weights []uint64 // of the two rows, one per half of a word
	rows    [][]byte // source rows that are still needed: row y in rows[y mod len]
	scratch [][]byte
	held    []int // row number of each element of rows
}

func newScaler(g grid, b box, h, w int) *scaler {
	s := &scaler{grid: g, ys: newAxis(b.top, b.h, h, g.dy, g.h), xs: newAxis(b.left, b.w, w, g.dx, g.w)}
	s.from = int(s.xs.first[0])
	for i := range s.xs.first {
		s.xs.first[i] -= int32(s.from)
	}
	s.column = make([]uint64, (int(s.xs.first[w-1])+s.xs.taps)*g.k)
	span := s.ys.taps
	for i := 1; i < h; i += 2 {
		span = max(span, int(s.ys.first[i]-s.ys.first[i-1])+s.ys.taps)
	}
	s.weights = make([]uint64, span)
	span = min(span, 64) // with more rows some are converted twice; keeping all would copy the image
	s.rows, s.scratch, s.held = make([][]byte, span), make([][]byte, span), make([]int, span)
	for i := range s.held {
		s.held[i] = -1
		if g.convert != nil {
			s.scratch[i] = make([]byte, g.w*g.k)
		}
	}
	return s
}

// two writes rows i and i+1 of the result, one byte per pixel for k = 1, otherwise three. i is even and does not decrease between calls.
// If there is no row i+1, lower becomes 0.
func (s *scaler) two(upper, lower []byte, i int) {
	s.vertical(i)
	switch taps := s.xs.taps; {
	case s.k == 3 && taps == 3:
		s.xs.colorTriple(upper, lower, s.column)
	case s.k > 1:
		s.xs.color(upper, lower, s.column, s.k)
	case taps == 1:
		s.xs.single(upper, lower, s.column)
	case taps == 2:
		s.xs.double(upper, lower, s.column)
	case taps == 3:
		s.xs.triple(upper, lower, s.column)
	default:
		s.xs.gray(upper, lower, s.column)
	}
}

// source returns row y. It converts a row at most once while the row is needed.
func (s *scaler) source(y int) []byte {
	i := y % len(s.held)
	if s.held[i] != y {
		row := s.scratch[i]
		if s.convert != nil {
			s.convert(row, y)
		} else {
			row = s.pix[y*s.stride:]
		}
		s.rows[i], s.held[i] = row[s.from*s.k:][:len(s.column)], y
	}
	return s.rows[i]
}

// vertical sets column to the weighted sums of source rows for outputs i and i+1.
func (s *scaler) vertical(i int) {
	first, n := int(s.ys.first[i]), s.ys.taps
	weights := s.weights
	clear(weights)
	for t, w := range s.ys.weight[i*n:][:n] {
		weights[t] = uint64(w)
	}
	if i+1 < len(s.ys.first) {
		below := weights[int(s.ys.first[i+1])-first:]
		for t, w := range s.ys.weight[(i+1)*n:][:n] {
			below[t] |= uint64(w) << 32
		}
	}
	for len(weights) > 1 && weights[0] == 0 {
		first, weights = first+1, weights[1:]
	}
	for len(weights) > 1 && weights[len(weights)-1] == 0 {
		weights = weights[:len(weights)-1]
	}
	s.blend(first, weights)
}

// both repeats a number in the two halves of a word. round rounds a sum of bytes in 1/65536 to 1/256; whole masks the result.
const (
	both  = 1<<32 | 1
	round = 128 * both
	whole = 0xffff * both
)

// blend sets column to the weighted sum of the rows from first on, in 1/256.
func (s *scaler) blend(first int, weights []uint64) {
	col := s.column
	switch row := s.source; len(weights) {
	case 1:
		a, t := row(first)[:len(col)], weights[0]
		for x := range col {
			col[x] = (t*uint64(a[x]) + round) >> 8 & whole
		}
	case 2:
		a, b := row(first)[:len(col)], row(first + 1)[:len(col)]
		t, u := weights[0], weights[1]
		for x := range col {
			col[x] = (t*uint64(a[x]) + u*uint64(b[x]) + round) >> 8 & whole
		}
	case 3:
		a, b, c := row(first)[:len(col)], row(first + 1)[:len(col)], row(first + 2)[:len(col)]
		t, u, v := weights[0], weights[1], weights[2]
		for x := range col {
			col[x] = (t*uint64(a[x]) + u*uint64(b[x]) + v*uint64(c[x]) + round) >> 8 & whole
		}
	case 4:
		a, b, c, d := row(first)[:len(col)], row(first + 1)[:len(col)], row(first + 2)[:len(col)], row(first + 3)[:len(col)]
		t, u, v, w := weights[0], weights[1], weights[2], weights[3]
		for x := range col {
			col[x] = (t*uint64(a[x]) + u*uint64(b[x]) + v*uint64(c[x]) + w*uint64(d[x]) + round) >> 8 & whole
		}
	default:
		s.blendMany(first, weights)
	}
}

// blendMany is blend for any number of rows, four per pass.
func (s *scaler) blendMany(first int, weights []uint64) {
	col := s.column
	for x := range col {
		col[x] = round
	}
	for ; len(weights) >= 4; first, weights = first+4, weights[4:] {
		a, b, c, d := s.source(first)[:len(col)], s.source(first + 1)[:len(col)], s.source(first + 2)[:len(col)], s.source(first + 3)[:len(col)]
		t, u, v, w := weights[0], weights[1], weights[2], weights[3]
		for x := range col {
			col[x] += t*uint64(a[x]) + u*uint64(b[x]) + v*uint64(c[x]) + w*uint64(d[x])
		}
	}
	for i, t := range weights {
		a := s.source(first + i)[:len(col)]
		for x := range col {
			col[x] += t * uint64(a[x])
		}
	}
	for x := range col {
		col[x] = col[x] >> 8 & whole
	}
}

// nearest rounds the sums along x. A sum is at most 65280·65536 + 2²³ < 2³², so that the halves of a word do not mix.
const nearest = 1 << 23 * both

// single copies one sample per output, with weight 1.
func (a *axis) single(upper, lower []byte, col []uint64) {
	upper, lower = upper[:len(a.first)], lower[:len(a.first)]
	for i, f := range a.first {
		sum := col[f] + nearest>>16
		upper[i], lower[i] = byte(sum>>8), byte(sum>>40)
	}
}

// double resizes two rows of one byte per pixel with two taps.
func (a *axis) double(upper, lower []byte, col []uint64) {
	upper, lower = upper[:len(a.first)], lower[:len(a.first)]
	for i, f := range a.first {
		c, w := col[f:], a.weight[2*i:]
		sum := uint64(w[0])*c[0] + uint64(w[1])*c[1] + nearest
		upper[i], lower[i] = byte(sum>>24), byte(sum>>56)
	}
}

// triple is double with three taps.
func (a *axis) triple(upper, lower []byte, col []uint64) {
	upper, lower = upper[:len(a.first)], lower[:len(a.first)]
	for i, f := range a.first {
		c, w := col[f:], a.weight[3*i:]
		sum := uint64(w[0])*c[0] + uint64(w[1])*c[1] + uint64(w[2])*c[2] + nearest
		upper[i], lower[i] = byte(sum>>24), byte(sum>>56)
	}
}

// gray is double with any number of taps.
func (a *axis) gray(upper, lower []byte, col []uint64) {
	upper, lower = upper[:len(a.first)], lower[:len(a.first)]
	for i, f := range a.first {
		sum, c := uint64(nearest), col[f:][:a.taps]
		for t, w := range a.weight[i*a.taps:][:a.taps] {
			sum += uint64(w) * c[t]
		}
		upper[i], lower[i] = byte(sum>>24), byte(sum>>56)
	}
}

// color resizes two rows of k ≥ 3 bytes per pixel and keeps the first three.
func (a *axis) color(upper, lower []byte, col []uint64, k int) {
	weights := a.weight
	for i, f := range a.first {
		var r, g, b uint64 = nearest, nearest, nearest
		c := col[int(f)*k:]
		for _, w := range weights[:a.taps] {
			w := uint64(w)
			r, g, b = r+w*c[0], g+w*c[1], b+w*c[2]
			c = c[k:]
		}
		weights = weights[a.taps:]
		u, l := upper[3*i:][:3], lower[3*i:][:3]
		u[0], u[1], u[2] = byte(r>>24), byte(g>>24), byte(b>>24)
		l[0], l[1], l[2] = byte(r>>56), byte(g>>56), byte(b>>56)
	}
}

// colorTriple is color with three taps and k = 3.
func (a *axis) colorTriple(upper, lower []byte, col []uint64) {
	for i, f := range a.first {
		c, w := col[3*int(f):][:9], a.weight[3*i:][:3]
		s, t, v := uint64(w[0]), uint64(w[1]), uint64(w[2])
		r, g, b := s*c[0]+t*c[3]+v*c[6]+nearest, s*c[1]+t*c[4]+v*c[7]+nearest, s*c[2]+t*c[5]+v*c[8]+nearest
		u, l := upper[3*i:][:3], lower[3*i:][:3]
		u[0], u[1], u[2] = byte(r>>24), byte(g>>24), byte(b>>24)
		l[0], l[1], l[2] = byte(r>>56), byte(g>>56), byte(b>>56)
	}
}
