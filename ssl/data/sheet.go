package data

import (
	"image"
	"image/color"

	"github.com/marr-ssl/marr/ssl/data/decode"
)

const (
	sheetCell = 160 // pixels; side of a cell if images differ in size or are large
	sheetMost = 224 // pixels; images of one size up to this are not scaled
)

// ContactSheet returns the first cols×rows images in a grid, row by row, one gray pixel apart; empty cells are gray. Images of different
// sizes, and large ones, are scaled to fit into square cells.
func (s *Set) ContactSheet(cols, rows int) image.Image {
	h, w, uniform := s.Size()
	if !uniform || max(h, w) > sheetMost {
		h, w, uniform = sheetCell, sheetCell, false
	}
	sheet := image.NewRGBA(image.Rect(0, 0, cols*(w+1)+1, rows*(h+1)+1))
	for i := range sheet.Pix {
		sheet.Pix[i] = 0x80 | 0x7f*byte(i%4/3) // mid gray, opaque
	}
	for i := range min(cols*rows, s.Len()) {
		img := s.Image(i)
		if !uniform {
			img = fit(img, sheetCell)
		}
		left, top := i%cols*(w+1)+1+(w-img.W)/2, i/cols*(h+1)+1+(h-img.H)/2
		for p := range img.H * img.W {
			px := img.Pix[p*img.C : (p+1)*img.C]
			sheet.SetRGBA(left+p%img.W, top+p/img.W, color.RGBA{R: px[0], G: px[img.C/2], B: px[img.C-1], A: 0xff})
		}
	}
	return sheet
}

// fit scales an image to the given long side.
func fit(img Image, side int) Image {
	long := max(img.H, img.W)
	return decode.Resize(img, max(1, img.H*side/long), max(1, img.W*side/long))
}
