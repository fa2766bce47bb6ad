package main

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"testing"

	"github.com/marr-ssl/marr/ssl/data"
)

// pngSize returns the width and height of a PNG file.
func pngSize(t *testing.T, path string) image.Point {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := png.DecodeConfig(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return image.Pt(c.Width, c.Height)
}

// tilesOf returns n tiles of one color.
func tilesOf(n int, v byte) (out []tile) {
	for range n {
		out = append(out, tile{data.Image{H: 2, W: 2, C: 1, Pix: []byte{v, v, v, v}}, []string{"0.5", "name"}})
	}
	return out
}

func TestStripsFillThePageFromTheLeft(t *testing.T) {
	t.Parallel()
	const height = caption + gap + tileSide + 2*caption + gap // of a strip of one row
	page := tileSheet([]strip{{title: "heading"}, {"a", tilesOf(3, 10)}, {"b", tilesOf(5, 20)}, {"c", tilesOf(1, 30)}, {"d", tilesOf(9, 40)}})
	if size := page.Bounds().Size(); size.X != gap+8*(tileSide+gap) || size.Y != gap+caption+gap+3*height+tileSide+2*caption+gap {
		t.Errorf("the page has the size %v", size)
	}
	gray := func(column, y int) byte {
		return color.GrayModel.Convert(page.At(gap+column*(tileSide+gap)+tileSide/2, y+caption+tileSide/2)).(color.Gray).Y
	}
	top := gap + caption + gap
	for _, c := range []struct {
		column, y int
		want      byte
	}{{0, top, 10}, {2, top, 10}, {3, top, 20}, {7, top, 20}, {0, top + height, 30}, {1, top + height, 255}, {7, top + 2*height, 40}, {0, top + 3*height - caption - gap, 40}} {
		if got := gray(c.column, c.y); got != c.want {
			t.Errorf("column %d at %d: gray %d, want %d", c.column, c.y, got, c.want)
		}
	}
}

func TestNamesKeepTheirEnd(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"short.png": "short.png", "folder/very-long-name.jpg": "..g-name.jpg", "ordner/größe.png": "..größe.png"} {
		if got := shorten(name, 12); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
