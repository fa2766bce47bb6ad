package main

import (
	"fmt"
	"image"
	"image/color"
	"strings"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/ssl/views"
)

const (
	cell    = 128 // smallest side of the largest view on a sheet, in pixels
	gap     = 8   // between cells
	caption = 18  // height of a line of text
)

// checkPNG returns an error for a file name that does not end in .png.
func checkPNG(flag, path string) error {
	if path != "" && !strings.HasSuffix(strings.ToLower(path), ".png") {
		return usagef("%s %s: the file will be a PNG: want a name that ends in .png", flag, path)
	}
	return nil
}

// viewSheet returns a page of painted views: one row per image, with the original and each view in columns, and the view's target below it.
// Small views are all enlarged by the same whole factor. Columns have these titles, or the number of their view.
func viewSheet(rows [][]train.Painted, specs []views.Spec, titles ...string) image.Image {
	largest, captionHeight := 0, 0
	for i, p := range rows[0] {
		if targetText(specs[i], p.Target) != "" {
			captionHeight = caption
		}
		largest = max(largest, p.Image.Rect.Dx())
	}
	factor := max(1, (cell+largest-1)/largest)
	side := largest * factor
	widths := []int{side}
	for _, p := range rows[0] {
		widths = append(widths, max(p.Image.Rect.Dx()*factor, 9*basicfont.Face7x13.Advance))
	}
	width := gap
	for _, w := range widths {
		width += w + gap
	}
	page := image.NewRGBA(image.Rect(0, 0, width, 2*caption+len(rows)*(side+captionHeight+gap)+gap))
	draw.Draw(page, page.Rect, image.White, image.Point{}, draw.Src)
	for r, row := range rows {
		x, top := gap, 2*caption+gap+r*(side+captionHeight+gap)
		for i, w := range widths {
			if i == 0 {
				original := goImage(row[0].Source)
				draw.ApproxBiLinear.Scale(page, fit(original.Bounds(), image.Rect(x, top, x+w, top+side)), original, original.Bounds(), draw.Src, nil)
			} else {
				p := row[i-1]
				b := p.Image.Rect
				draw.NearestNeighbor.Scale(page, image.Rect(x, top, x+b.Dx()*factor, top+b.Dy()*factor), p.Image, b, draw.Src, nil)
				drawText(page, x, top+side, targetText(specs[i-1], p.Target))
			}
			if r == 0 {
				title, size := columnTitle(specs, titles, i)
				drawText(page, x, 0, title)
				drawText(page, x, caption-4, size)
			}
			x += w + gap
		}
	}
	return page
}

func columnTitle(specs []views.Spec, titles []string, column int) (title, size string) {
	if column == 0 {
		return "original", ""
	}
	if title = fmt.Sprintf("view %d", column); titles != nil {
		title = titles[column-1]
	}
	return title, fmt.Sprintf("%d px", specs[column-1].Size)
}

// targetText returns the caption of a view's target, "" if there are fewer than two classes.
func targetText(s views.Spec, target int32) string {
	if s.TargetClasses() < 2 {
		return ""
	}
	return fmt.Sprintf("target %d", target)
}

// goImage converts an image of a set to one of package image.
func goImage(img data.Image) image.Image {
	out := image.NewRGBA(image.Rect(0, 0, img.W, img.H))
	for i := range img.W * img.H {
		px := img.Pix[i*img.C : (i+1)*img.C]
		out.SetRGBA(i%img.W, i/img.W, color.RGBA{px[0], px[img.C/2], px[img.C-1], 255})
	}
	return out
}

// fit returns the largest rectangle with the aspect ratio of b, centered in room.
func fit(b, room image.Rectangle) image.Rectangle {
	w, h := room.Dx(), room.Dx()*b.Dy()/b.Dx()
	if h > room.Dy() {
		w, h = room.Dy()*b.Dx()/b.Dy(), room.Dy()
	}
	w, h = max(w, 1), max(h, 1)
	at := room.Min.Add(image.Pt((room.Dx()-w)/2, (room.Dy()-h)/2))
	return image.Rectangle{Min: at, Max: at.Add(image.Pt(w, h))}
}

// drawText draws a line of text with its top left corner at (x, y).
func drawText(page draw.Image, x, y int, text string) {
	d := font.Drawer{Dst: page, Src: image.Black, Face: basicfont.Face7x13, Dot: fixed.P(x, y+13)}
	d.DrawString(text)
}
