package decode

import (
	"bytes"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// want returns an image of testdata/expected, with the channels that it is stored with.
func want(t *testing.T, name string) Image {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(read(t, filepath.Join("expected", name))))
	if err != nil {
		t.Fatal(err)
	}
	size := img.Bounds().Size()
	switch m := img.(type) {
	case *image.Gray:
		return Image{H: size.Y, W: size.X, C: 1, Pix: m.Pix}
	case *image.RGBA:
		out := Image{H: size.Y, W: size.X, C: 3}
		for i := 0; i < len(m.Pix); i += 4 {
			out.Pix = append(out.Pix, m.Pix[i:i+3]...)
		}
		return out
	}
	t.Fatalf("%s: %T", name, img)
	return Image{}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func mustDecode(t testing.TB, file []byte, side int) Image {
	t.Helper()
	img, err := Decode(file, side)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// difference returns the mean and the largest absolute difference of two images of the same shape.
func difference(t *testing.T, a, b Image) (mean float64, most int) {
	t.Helper()
	if a.H != b.H || a.W != b.W || a.C != b.C || len(a.Pix) != len(b.Pix) {
		t.Fatalf("[%d %d %d], want [%d %d %d]", a.H, a.W, a.C, b.H, b.W, b.C)
	}
	for i := range a.Pix {
		d := abs(int(a.Pix[i]) - int(b.Pix[i]))
		mean += float64(d) / float64(len(a.Pix))
		most = max(most, d)
	}
	return mean, most
}

// Lossless formats differ from PIL by rounding. JPEG differs by the inverse transform (±1). JPEG and lossy WebP differ in resized chroma,
// which PIL first interpolates to the luma grid. In turbo builds, the scaling transform keeps slightly more detail than a triangle filter.
func TestPixelsEqualThoseOfPIL(t *testing.T) {
	names, err := filepath.Glob("testdata/expected/*.png")
	if err != nil || len(names) < 40 {
		t.Fatal(len(names), err)
	}
	parts := regexp.MustCompile(`^(.*)@(\d+)\.png$`)
	for _, path := range names {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			m := parts.FindStringSubmatch(name)
			side, _ := strconv.Atoi(m[2])
			mean, most := difference(t, mustDecode(t, read(t, m[1]), side), want(t, name))
			meanBound, mostBound := 0.35, 1
			if strings.HasSuffix(m[1], ".jpg") || name == "lossy.webp@14.png" {
				meanBound, mostBound = 1, 10
			}
			t.Logf("mean %.3f, most %d", mean, most)
			if mean > meanBound || most > mostBound {
				t.Errorf("differs by %.3f in the mean, at most %d; want %g and %d", mean, most, meanBound, mostBound)
			}
		})
	}
}
