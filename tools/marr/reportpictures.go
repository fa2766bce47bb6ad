package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"path"
	"slices"
	"strings"

	"golang.org/x/image/draw"

	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/report/page"
)

const (
	pictureSide = 84 // largest side of a picture on a report, in pixels
	thumbSide   = 40 // of a thumbnail of a map
	jpegQuality = 82
)

// jpegOf returns an image as JPEG.
func jpegOf(img image.Image) []byte {
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: jpegQuality}); err != nil {
		panic(err) // only an image of 65,536 pixels in a row
	}
	return out.Bytes()
}

// picture returns an image of the set with its similarity, on request, its class and its file.
func (l *look) picture(s similar, withSimilarity, same bool) page.Picture {
	p := page.Picture{JPEG: jpegOf(scaled(goImage(l.set.Image(s.Image)), pictureSide)), Same: same}
	if withSimilarity {
		p.Caption = append(p.Caption, fmt.Sprintf("%.4f", s.Similarity))
	}
	if s.Class != "" {
		p.Caption = append(p.Caption, data.Printable(s.Class))
	}
	name := l.name(s.Image)
	p.Alt = strings.Join(append(slices.Clone(p.Caption), name), ", ")
	p.Caption = append(p.Caption, path.Base(name))
	return p
}

// scaled returns an image whose larger side has this many pixels. Small images keep their pixels visible.
func scaled(from image.Image, side int) image.Image {
	var scaler draw.Scaler = draw.CatmullRom
	if b := from.Bounds(); 2*max(b.Dx(), b.Dy()) <= side {
		scaler = draw.NearestNeighbor
	}
	return scaledBy(scaler, from, side)
}

func scaledBy(scaler draw.Scaler, from image.Image, side int) image.Image {
	out := image.NewRGBA(image.Rectangle{Max: fit(from.Bounds(), image.Rect(0, 0, side, side)).Size()})
	scaler.Scale(out, out.Rect, from, from.Bounds(), draw.Src, nil)
	return out
}

// sprite adds the thumbnails of images to the page, unless it has them, and returns their number.
func (x *reporter) sprite(set *data.Set, names []string) int {
	if i, known := x.sprites[set.Fingerprint()]; known {
		return i
	}
	columns := int(math.Ceil(math.Sqrt(float64(set.Len()))))
	rows := (set.Len() + columns - 1) / columns
	sheet := image.NewRGBA(image.Rect(0, 0, columns*thumbSide, rows*thumbSide))
	draw.Draw(sheet, sheet.Rect, image.NewUniform(color.Gray{128}), image.Point{}, draw.Src)
	s := page.Sprite{Side: thumbSide, Columns: columns, Names: names, Labels: set.Labels, Classes: set.Classes}
	for i := range set.Len() {
		img := goImage(set.Image(i))
		corner := image.Pt(i%columns, i/columns).Mul(thumbSide)
		room := fit(img.Bounds(), image.Rect(0, 0, thumbSide, thumbSide)).Add(corner)
		draw.CatmullRom.Scale(sheet, room, img, img.Bounds(), draw.Src, nil)
	}
	s.JPEG = jpegOf(sheet)
	x.page.Sprites = append(x.page.Sprites, s)
	x.sprites[set.Fingerprint()] = len(x.page.Sprites) - 1
	return len(x.page.Sprites) - 1
}
