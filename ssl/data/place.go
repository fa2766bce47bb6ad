package data

import (
	"math"

	"marr/kernels/rng"
	"marr/ssl/parallel"
)

// The geometry of builtin:fashion-placed. Changing any of these changes the set, and with it every figure measured on it.
const (
	frame    = 32 // side of a placed image, pixels
	garment  = 28 // side of a published image, pixels
	minScale = 0.60
	maxScale = 0.95
	maxTurn  = 0.35               // radians
	ink      = 16                 // a published pixel of at least this value belongs to the garment; below lies the noise of its ground
	placeKey = 0x6d6172722d706c61 // "marr-pla"
)

// placement maps a published image into the frame: the pixel at offset (dx, dy) from the published image's center goes to
//
//	(x, y) + k·(cos θ·dx − sin θ·dy, sin θ·dx + cos θ·dy)
//
// in frame pixels, x to the right, y down, pixel centers at half integers.
type placement struct {
	cos, sin float64
	k        float64 // frame pixels per published pixel = scale·frame/garment
	x, y     float64 // where the published image's center lies, frame pixels
}

// drawPlacement draws, in this order, from one Philox block: the angle θ, uniform in ±maxTurn; the scale, uniform from minScale to
// maxScale or to the largest at which the turned garment fits into the frame, whichever is less; x, then y, uniform over all places at
// which the published square, scaled but upright, lies within the frame. Then the square is turned about its center, and where that
// put some of the garment's ink outside, it is shifted by as little as brings it back: every garment is whole.
//
// The largest box that ink can have, 28·1.28 pixels, fits at a scale of 0.78, so the range of scales is never empty. Measured
// alternatives (raw pixels, 20 nearest neighbors and linear probe, percent; this one 67.0 and 51.7): any place at which the ink
// fits, 64.4 and 37.9, since narrow garments then move most; only places at which the turned square fits, 69.7 and 59.4.
func drawPlacement(src []byte, s *rng.Source) placement {
	angle := s.Range(-maxTurn, maxTurn)
	p := placement{cos: math.Cos(angle), sin: math.Sin(angle)}
	left, top, right, bottom := p.inkBox(src)
	scale := s.Range(minScale, min(maxScale, garment/max(right-left, bottom-top)))
	p.k = scale * frame / garment
	half := scale * frame / 2
	p.x = s.Range(half, frame-half)
	p.y = s.Range(half, frame-half)
	p.x = min(max(p.x, -p.k*left), frame-p.k*right)
	p.y = min(max(p.y, -p.k*top), frame-p.k*bottom)
	return p
}

// inkBox returns the bounding box of the turned ink in published pixels, relative to the published image's center, ink pixels taken
// as squares. An image without ink counts as its center pixel.
func (p placement) inkBox(src []byte) (left, top, right, bottom float64) {
	found := false
	for i, v := range src {
		if v < ink {
			continue
		}
		dx, dy := float64(i%garment)+0.5-garment/2, float64(i/garment)+0.5-garment/2
		u, v := p.cos*dx-p.sin*dy, p.sin*dx+p.cos*dy
		if !found {
			left, right, top, bottom, found = u, u, v, v, true
		}
		left, right, top, bottom = min(left, u), max(right, u), min(top, v), max(bottom, v)
	}
	half := (math.Abs(p.cos) + math.Abs(p.sin)) / 2 // half the box of one turned pixel
	return left - half, top - half, right + half, bottom + half
}

// fixed is 1.0 in the fixed-point numbers of paint. Its integers give the same bits on every processor, which floating point with
// fused multiply-adds does not.
const fixed = 1 << 24

// paint writes the frame [32 32]: each pixel is the mean of 2×2 bilinear samples of the published image (at quarter and three-quarter
// positions, enough against aliasing down to half size; scales go down to 0.69), black outside of it.
func (p placement) paint(dst, src []byte) {
	const side = garment + 2 // a black border of one pixel, so that bilinear samples at the edge fade to black
	var padded [side * side]int32
	for i, v := range src {
		padded[(i/garment+1)*side+i%garment+1] = int32(v)
	}
	// Padded coordinates (column cx, row cy, whole numbers at pixel centers) of sample (0, 0), which lies at (¼, ¼) of the frame,
	// and the steps to the next sample half a frame pixel on.
	dx, dy := (0.25-p.x)/p.k, (0.25-p.y)/p.k
	cx, cy := toFixed(p.cos*dx+p.sin*dy+side/2-0.5), toFixed(-p.sin*dx+p.cos*dy+side/2-0.5)
	cosStep, sinStep := toFixed(p.cos/p.k/2), toFixed(p.sin/p.k/2)
	var sum [frame * frame]int32
	for row := range 2 * frame {
		u, v := cx+row*sinStep, cy+row*cosStep
		line := sum[row/2*frame : row/2*frame+frame]
		for col := range 2 * frame {
			if uint(u) < (side-1)*fixed && uint(v) < (side-1)*fixed { // inside, and not negative
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
