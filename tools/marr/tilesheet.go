package main

import (
	"image"
	"image/png"
	"io"
	"strings"

	"golang.org/x/image/draw"
	"golang.org/x/image/font/basicfont"

	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/data"
)

const (
	tileSide    = 147 // pixels, 21 characters
	tileColumns = 8   // tiles in a row of the page
)

// tile is an image on a sheet, with lines of text below it.
type tile struct {
	image data.Image
	lines []string
}

// strip is a title with tiles below it. Without tiles it is a heading, as wide as the page.
type strip struct {
	title string
	tiles []tile
}

// writeTiles writes a page of strips as PNG.
func writeTiles(path string, strips []strip) error {
	return net.WriteFileAtomic(path, func(w io.Writer) error { return png.Encode(w, tileSheet(strips)) })
}

// tileSheet returns a page of strips, from left to right and from top to bottom. A strip with more tiles than fit beside each other continues below.
func tileSheet(strips []strip) image.Image {
	lines := 0
	for _, s := range strips {
		for _, t := range s.tiles {
			lines = max(lines, len(t.lines))
		}
	}
	tileHeight := tileSide + lines*caption + gap
	var corners []image.Point // top left of each strip
	at, page := image.Pt(gap, gap), image.Pt(0, 0)
	for _, s := range strips {
		width := max(min(len(s.tiles), tileColumns)*(tileSide+gap), len(s.title)*basicfont.Face7x13.Advance+gap)
		if s.tiles == nil {
			width = tileColumns * (tileSide + gap)
		}
		if at.X > gap && at.X+width > gap+tileColumns*(tileSide+gap) {
			at = image.Pt(gap, page.Y)
		}
		corners = append(corners, at)
		at.X += width
		page = image.Pt(max(page.X, at.X), max(page.Y, at.Y+caption+gap+(len(s.tiles)+tileColumns-1)/tileColumns*tileHeight))
	}
	out := image.NewRGBA(image.Rectangle{Max: page})
	draw.Draw(out, out.Rect, image.White, image.Point{}, draw.Src)
	for k, s := range strips {
		drawText(out, corners[k].X, corners[k].Y, s.title)
		for i, t := range s.tiles {
			t.draw(out, corners[k].X+i%tileColumns*(tileSide+gap), corners[k].Y+caption+gap/2+i/tileColumns*tileHeight)
		}
	}
	return out
}

// draw draws the tile with its top left corner at (x, y). Small images keep their pixels visible.
func (t tile) draw(page draw.Image, x, y int) {
	img := goImage(t.image)
	var scaler draw.Scaler = draw.CatmullRom
	if 2*max(t.image.H, t.image.W) <= tileSide {
		scaler = draw.NearestNeighbor
	}
	scaler.Scale(page, fit(img.Bounds(), image.Rect(x, y, x+tileSide, y+tileSide)), img, img.Bounds(), draw.Src, nil)
	for i, line := range t.lines {
		drawText(page, x, y+tileSide+i*caption, shorten(line, tileSide/basicfont.Face7x13.Advance))
	}
}

// shorten returns the end of a text, in which names of files differ, in at most n characters.
func shorten(text string, n int) string {
	if letters := []rune(text); len(letters) > n {
		return ".." + strings.TrimLeft(string(letters[len(letters)-n+2:]), " /")
	}
	return text
}
