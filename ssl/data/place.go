package data

import (
	"math"

	"github.com/marr-ssl/marr/kernels/exact"
	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/ssl/parallel"
)

// The geometry of builtin:fashion-placed. Changing any of these changes the set and every number measured on it.
const (
	frame    = 32 // side of a placed image, pixels
	garment  = 28 // side of a published image, pixels
	minScale = 0.60
	maxScale = 0.95
	maxTurn  = 0.35               // radians
	ink      = 16                 // published pixels from this value on belong to the garment; lower values are background noise
	placeKey = 0x6d6172722d706c61 // "marr-pla"
)

// placement maps a published image into the frame: the pixel at offset (dx, dy) from the published image's center moves to
//
//	(x, y) + k·(cos θ·dx − sin θ·dy, sin θ·dx + cos θ·dy)
//
// in frame pixels, x to the right, y down, pixel centers at half integers.
type placement struct {
	cos, sin float64
	k        float64 // frame pixels per published pixel = scale·frame/garment
	x, y     float64 // position of the published image's center, frame pixels
}

// drawPlacement draws, in this order, from one Philox block: the angle θ, uniform in ±maxTurn; the scale, uniform from minScale to the
// smaller of maxScale and the largest scale at which the rotated garment fits into the frame; x, then y, uniform over the positions at
// which the published square, scaled but not rotated, lies within the frame. Then the square is rotated about its center and, if ink of
// the garment would lie outside, shifted by the smallest amount that brings it inside: every garment is whole.
//
// The largest possible bounding box of the ink, 28·1.28 pixels, fits at a scale of 0.78, so the range of scales is never empty. Measured
// alternatives (raw pixels, 20 nearest neighbors and linear probe, percent; this one 67.0 and 51.7): every position at which the ink
// fits, 64.4 and 37.9, because narrow garments move most; only positions at which the rotated square fits, 69.7 and 59.4.
func drawPlacement(src []byte, s *rng.Source) placement {
	angle := s.Range(-maxTurn, maxTurn)
	var p placement
	p.sin, p.cos = exact.Sincos(angle)
	left, top, right, bottom := p.inkBox(src)
	scale := s.Range(minScale, min(maxScale, garment/max(right-left, bottom-top)))
	p.k = scale * frame / garment
	half := float64(scale * frame / 2)
	p.x = s.Range(half, frame-half)
	p.y = s.Range(half, frame-half)
	p.x = min(max(p.x, float64(-p.k*left)), frame-float64(p.k*right))
	p.y = min(max(p.y, float64(-p.k*top)), frame-float64(p.k*bottom))
	return p
}

// inkBox returns the bounding box of the rotated ink in published pixels, relative to the published image's center. Ink pixels are
// squares. An image without ink is treated as its center pixel.
func (p placement) inkBox(src []byte) (left, top, right, bottom float64) {
	found := false
	for i, v := range src {
		if v < ink {
			continue
		}
		dx, dy := float64(i%garment)+0.5-garment/2, float64(i/garment)+0.5-garment/2
		u, v := float64(p.cos*dx)-float64(p.sin*dy), float64(p.sin*dx)+float64(p.cos*dy)
		if !found {
			left, right, top, bottom, found = u, u, v, v, true
		}
		left, right, top, bottom = min(left, u), max(right, u), min(top, v), max(bottom, v)
	}
	half := float64((math.Abs(p.cos) + math.Abs(p.sin)) / 2) // half the bounding box of a rotated pixel
	return left - half, top - half, right + half, bottom + half
}

// fixed is 1.0 in the fixed-point numbers of paint.
const fixed = 1 << 24

// paint writes the frame [32 32]: each pixel is the mean of 2×2 bilinear samples of the published image, at quarter and three-quarter
// positions, black outside of it. That prevents aliasing down to half size; the smallest scale is 0.69.
func (p placement) paint(dst, src []byte) {
	const side = garment + 2 // a black border of one pixel, so that bilinear samples at the edge fade to black
	var padded [side * side]int32
	for i, v := range src {
		padded[(i/garment+1)*side+i%garment+1] = int32(v)
	}
	// Padded coordinates (column cx, row cy, integers at pixel centers) of sample (0, 0), at (¼, ¼) of the frame, and the steps to the
	// next sample, half a frame pixel away.
	dx, dy := (0.25-p.x)/p.k, (0.25-p.y)/p.k
	cx := toFixed(float64(p.cos*dx) + float64(p.sin*dy) + side/2 - 0.5)
	cy := toFixed(float64(-p.sin*dx) + float64(p.cos*dy) + side/2 - 0.5)
	cosStep, sinStep := toFixed(p.cos/p.k/2), toFixed(p.sin/p.k/2)
	var sum [frame * frame]int32
	for row := range 2 * frame {
		u, v := cx+row*sinStep, cy+row*cosStep
		line := sum[row/2*frame : row/2*frame+frame]
		for col := range 2 * frame {
			if uint(u) < (side-1)*fixed && uint(v) < (side-1)*fixed { // inside; a negative value is large as uint
				at := v/fixed*side + u/fixed
				fu, fv := int32(u%fixed/(fixed/256)), int32(v%fixed/(fixed/256))
				a, b, c, d := padded[at], padded[at+1], padded[at+side], padded[at+side+1]
				line[col/2] += (256-fv)*((256-fu)*a+fu*b) + fv*((256-fu)*c+fu*d)
			}
			u, v = u+cosStep, v-sinStep
		}
	}
	for i, v := range sum {
		dst[i] = byte((v + 1<<17) >> 18) // four samples of weight 256·256
	}
}

// toFixed rounds to fixed-point.
func toFixed(v float64) int { return int(math.Round(v * fixed)) }

// place returns the placed images [N 32 32] of one part's published images [N 28 28]. Image i draws from its own stream (part, i).
func place(src []byte, part int) []byte {
	n := len(src) / (garment * garment)
	dst := make([]byte, n*frame*frame)
	parallel.Each(n, func(i int) {
		image := src[i*garment*garment : (i+1)*garment*garment]
		p := drawPlacement(image, rng.New(placeKey, uint32(part), uint32(i)))
		p.paint(dst[i*frame*frame:(i+1)*frame*frame], image)
	})
	return dst
}
