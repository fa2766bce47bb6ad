package decode

import (
	"image"
	"image/color"
)

// picture is a decoded image before resizing. It has one grid of gray, R G B or premultiplied R G B A (on black), or three grids of Y, Cb
// and Cr, which matrix converts.
type picture struct {
	h, w, c int
	grids   []grid
	matrix  *matrix
	turn    int    // EXIF orientation; 0 and 1 are upright
	dark    bool   // see Image.Dark
	free    func() // frees memory after the last use of grids; may be nil
}

// box is a rectangle of pixels.
type box struct{ top, left, h, w int }

// fit crops the longer side centrally (in the upright image) to twice the shorter one, and resizes the rest.
func (p picture) fit(side int) Image {
	short := min(p.h, p.w)
	b := box{h: min(p.h, 2*short), w: min(p.w, 2*short)}
	b.top, b.left = (p.h-b.h)/2, (p.w-b.w)/2
	flipY, flipX, _ := orientation(p.turn)
	if flipY {
		b.top = p.h - b.h - b.top
	}
	if flipX {
		b.left = p.w - b.w - b.left
	}
	side = min(side, short)
	img := upright(p.resize(b, (2*b.h*side+short)/(2*short), (2*b.w*side+short)/(2*short)), p.turn)
	img.Dark = p.dark
	return img
}

// resize returns the pixels of b resized to h×w, in stored orientation.
func (p picture) resize(b box, h, w int) Image {
	img := Image{H: h, W: w, C: p.c, Pix: make([]byte, h*w*p.c)}
	scalers := make([]*scaler, len(p.grids))
	for i, g := range p.grids {
		scalers[i] = newScaler(g, b, h, w)
	}
	stride, spare := w*p.c, make([]byte, w*p.c)
	var planes [6][]byte // Y Cb Cr of the upper, then of the lower row
	for i := range planes {
		planes[i] = make([]byte, w)
	}
	for y := 0; y < h; y += 2 {
		upper, lower := img.Pix[y*stride:][:stride], spare
		if y+1 < h {
			lower = img.Pix[(y+1)*stride:][:stride]
		}
		if len(scalers) == 1 {
			scalers[0].two(upper, lower, y)
			continue
		}
		for i, s := range scalers {
			s.two(planes[i], planes[3+i], y)
		}
		p.matrix.toRGB(upper, planes[0], planes[1], planes[2])
		p.matrix.toRGB(lower, planes[3], planes[4], planes[5])
	}
	return img
}

// pictureOf returns a decoded image as a picture, to resize it.
func pictureOf(img Image) picture {
	return picture{h: img.H, w: img.W, c: img.C, grids: []grid{{h: img.H, w: img.W, dy: 1, dx: 1, k: img.C, pix: img.Pix, stride: img.W * img.C}}}
}

// newPicture returns the picture of an image that one of the decoders returned.
func newPicture(img image.Image) picture {
	size := img.Bounds().Size()
	p := picture{h: size.Y, w: size.X, c: 3, dark: isDark(img)}
	switch m := img.(type) {
	case *image.Gray:
		p.c = 1
		p.grids = []grid{{h: p.h, w: p.w, dy: 1, dx: 1, k: 1, pix: m.Pix, stride: m.Stride}}
	case *image.RGBA:
		p.grids = []grid{{h: p.h, w: p.w, dy: 1, dx: 1, k: 4, pix: m.Pix, stride: m.Stride}}
	case *image.YCbCr:
		p.matrix = full
		p.grids = planar(m)
	default:
		g := grid{h: p.h, w: p.w, dy: 1, dx: 1}
		p.c, g.convert = converter(img)
		g.k = p.c
		p.grids = []grid{g}
	}
	return p
}

// isDark reports whether an image has 16 bits per sample whose upper 8 are 0 everywhere, and is not black. Opaque alpha does not count.
func isDark(img image.Image) bool {
	var pix []byte
	step := 8
	switch m := img.(type) {
	case *image.Gray16:
		pix, step = m.Pix, 2
	case *image.RGBA64:
		pix = m.Pix
	case *image.NRGBA64:
		pix = m.Pix
	}
	black := true
	for i := 0; i+1 < len(pix); i += 2 {
		if i%step == 6 {
			continue // alpha
		}
		if pix[i] != 0 {
			return false
		}
		black = black && pix[i+1] == 0
	}
	return !black
}

// steps is the number of luma samples per chroma sample, along y and x.
var steps = map[image.YCbCrSubsampleRatio][2]int{
	image.YCbCrSubsampleRatio444: {1, 1}, image.YCbCrSubsampleRatio422: {1, 2}, image.YCbCrSubsampleRatio420: {2, 2},
	image.YCbCrSubsampleRatio440: {2, 1}, image.YCbCrSubsampleRatio411: {1, 4}, image.YCbCrSubsampleRatio410: {2, 4},
}

// planar returns the grids of Y, Cb and Cr; the bounds of m begin at 0, 0.
func planar(m *image.YCbCr) []grid {
	h, w, step := m.Rect.Dy(), m.Rect.Dx(), steps[m.SubsampleRatio]
	dy, dx := step[0], step[1]
	chroma := grid{h: (h + dy - 1) / dy, w: (w + dx - 1) / dx, dy: dy, dx: dx, k: 1, stride: m.CStride}
	cb, cr := chroma, chroma
	cb.pix, cr.pix = m.Cb, m.Cr
	return []grid{{h: h, w: w, dy: 1, dx: 1, k: 1, pix: m.Y, stride: m.YStride}, cb, cr}
}

// converter returns the number of channels of an image and a function that writes row y.
func converter(img image.Image) (int, func(dst []byte, y int)) {
	at := img.Bounds().Min
	switch m := img.(type) {
	case *image.Paletted:
		return paletted(m)
	case *image.Gray16:
		return 1, func(dst []byte, y int) {
			for x := range dst {
				dst[x] = eight(uint32(m.Gray16At(at.X+x, at.Y+y).Y))
			}
		}
	case *image.NRGBA:
		return 3, func(dst []byte, y int) {
			row := m.Pix[y*m.Stride:]
			for x := range len(dst) / 3 {
				s, d := row[4*x:][:4], dst[3*x:][:3]
				if a := uint32(s[3]); a == 255 {
					d[0], d[1], d[2] = s[0], s[1], s[2]
				} else {
					d[0], d[1], d[2] = over(s[0], a), over(s[1], a), over(s[2], a)
				}
			}
		}
	case *image.NYCbCrA:
		return 3, func(dst []byte, y int) { translucent(dst, m, y) }
	}
	m := img.(image.RGBA64Image) // CMYK, RGBA64, NRGBA64; At would allocate
	return 3, func(dst []byte, y int) {
		for x := range len(dst) / 3 {
			c := m.RGBA64At(at.X+x, at.Y+y)
			dst[3*x], dst[3*x+1], dst[3*x+2] = eight(uint32(c.R)), eight(uint32(c.G)), eight(uint32(c.B))
		}
	}
}

// eight rounds 16 bits to 8.
func eight(v uint32) byte { return byte((v + 128) / 257) }

// over composites c with alpha a on black: c·a/255, rounded.
func over(c byte, a uint32) byte { return byte((uint32(c)*a + 127) / 255) }

// paletted is converter for palettes: one channel if all colors are gray and opaque.
func paletted(m *image.Paletted) (int, func(dst []byte, y int)) {
	c, table := paletteChannels(m.Palette), [256][3]byte{}
	for i, color := range m.Palette {
		r, g, b, a := color.RGBA()
		table[i] = [3]byte{eight(r), eight(g), eight(b)}
		if a == 0xffff { // TIFF writers store 8 bits v as 256·v or as 257·v
			table[i] = [3]byte{byte(r >> 8), byte(g >> 8), byte(b >> 8)}
		}
	}
	return c, func(dst []byte, y int) {
		row := m.Pix[y*m.Stride:]
		for x := range len(dst) / c {
			copy(dst[c*x:][:c], table[row[x]][:])
		}
	}
}

// paletteChannels returns the number of channels that a palette needs.
func paletteChannels(p color.Palette) int {
	for _, color := range p {
		if r, g, b, a := color.RGBA(); r != g || g != b || a != 0xffff {
			return 3
		}
	}
	return 1
}

// translucent writes row y of a lossy WebP with alpha: 4:2:0, chroma interpolated from the four nearest samples, as for planar grids.
func translucent(dst []byte, m *image.NYCbCrA, y int) {
	h, w := (m.Rect.Dy()+1)/2, (m.Rect.Dx()+1)/2
	near, far := y/2*m.CStride, min(max(y/2-1+y%2*2, 0), h-1)*m.CStride
	for x := range len(dst) / 3 {
		l, r := x/2, min(max(x/2-1+x%2*2, 0), w-1)
		at := func(pix []byte) []byte {
			sum := 9*int(pix[near+l]) + 3*int(pix[near+r]) + 3*int(pix[far+l]) + int(pix[far+r])
			return []byte{byte((sum + 8) / 16)}
		}
		d, i, a := dst[3*x:][:3], y*m.YStride+x, uint32(m.A[y*m.AStride+x])
		studio.toRGB(d, m.Y[i:i+1], at(m.Cb), at(m.Cr))
		d[0], d[1], d[2] = over(d[0], a), over(d[1], a), over(d[2], a)
	}
}

// onCanvas returns a frame on a canvas of h×w black pixels. Gray frames stay gray.
func onCanvas(frame *image.Paletted, h, w int) picture {
	c, convert := converter(frame)
	r := frame.Rect
	g := grid{h: h, w: w, dy: 1, dx: 1, k: c, convert: func(dst []byte, y int) {
		clear(dst)
		if y >= r.Min.Y && y < r.Max.Y {
			convert(dst[r.Min.X*c:r.Max.X*c], y-r.Min.Y)
		}
	}}
	return picture{h: h, w: w, c: c, grids: []grid{g}}
}
