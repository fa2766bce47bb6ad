package decode

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"testing"
)

// photograph returns w×h pixels with gradients, textures and an edge; its JPEG of quality 85 has 1.9 bits per pixel, like a photograph.
func photograph(w, h int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			u, v := float64(x)/float64(w), float64(y)/float64(h)
			wave := math.Sin(40*u*u+30*v) * math.Cos(25*v*v-9*u)
			fine := 12 * math.Sin(float64(x)*1.7) * math.Sin(float64(y)*1.3+float64(x)*.2)
			edge := 0.0
			if math.Hypot(u-.5, v-.4) < .25 {
				edge = 70
			}
			at := func(a, b float64) uint8 { return uint8(min(max(a+b*wave+fine+edge, 0), 255)) }
			img.SetRGBA(x, y, color.RGBA{at(200*u, 40), at(160*v, 25), at(90, -50), 255})
		}
	}
	return img
}

// jpegOf encodes with 4:2:0 chroma.
func jpegOf(t testing.TB, img image.Image, quality int) []byte {
	t.Helper()
	var w bytes.Buffer
	if err := jpeg.Encode(&w, img, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return w.Bytes()
}

func BenchmarkDecodeJPEG(b *testing.B) {
	file := jpegOf(b, photograph(500, 375), 85)
	for _, side := range []int{375, 280, 224, 96, 40} {
		b.Run(fmt.Sprint("side", side), func(b *testing.B) {
			for b.Loop() {
				if _, err := Decode(file, side); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
	b.Run("standardAlone", func(b *testing.B) {
		for b.Loop() {
			if _, err := jpeg.Decode(bytes.NewReader(file)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
