package data

import (
	"image"
	"image/color"
)

// Sheet returns a contact sheet of the first cols×rows images, row by row, one gray pixel between them; places without an image stay gray.
func (s *Set) Sheet(cols, rows int) image.Image {
	sheet := image.NewRGBA(image.Rect(0, 0, cols*(s.W+1)+1, rows*(s.H+1)+1))
	for i := range sheet.Pix {
		sheet.Pix[i] = 0x80 | 0x7f*byte(i%4/3) // mid gray, opaque
	}
	for i := range min(cols*rows, s.Len()) {
		left, top, pixels := i%cols*(s.W+1)+1, i/cols*(s.H+1)+1, s.Image(i)
		for p := range s.H * s.W {
			px := pixels[p*s.C : (p+1)*s.C]
			sheet.SetRGBA(left+p%s.W, top+p/s.W, color.RGBA{R: px[0], G: px[s.C/2], B: px[s.C-1], A: 0xff})
		}
	}
	return sheet
}
