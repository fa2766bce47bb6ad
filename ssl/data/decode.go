package data

import (
	"bufio"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg" // registers the format with image.Decode
	_ "image/png"  // likewise
	"io"
	"os"

	"golang.org/x/image/draw"
)

// maxPixels bounds one image, so that a damaged header cannot claim all memory: at 8 bytes a pixel, the most that a decoder uses, 800 MB.
const maxPixels = 100_000_000

// square is one decoded image, [size size channels].
type square struct {
	pixels   []byte
	channels int
}

// readImage decodes a PNG or JPEG file (told by its content) and stores its centre square as size×size pixels: the shorter side
// becomes size, the longer one is cropped evenly. Resampling is bilinear, widened by the scale when it shrinks, so that it does not
// alias. Gray means 1 channel: a gray PNG without transparency, a gray JPEG or a palette of grays; all else has 3. Transparency
// is composited on black, 16 bits are cut to 8, an EXIF orientation is ignored: the pixels count as they are stored.
func readImage(path string, size int) (square, error) {
	// Before it is opened: to open a named pipe would wait for a writer.
	if info, err := os.Stat(path); err != nil {
		return square{}, err
	} else if !info.Mode().IsRegular() {
		return square{}, errors.New("not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return square{}, err
	}
	defer f.Close()
	config, _, err := image.DecodeConfig(bufio.NewReader(f))
	if err != nil {
		return square{}, err
	}
	if config.Width < 1 || config.Height < 1 || config.Width > maxPixels/config.Height {
		return square{}, fmt.Errorf("%d×%d pixels: more than %d or none", config.Width, config.Height, maxPixels)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return square{}, err
	}
	img, _, err := image.Decode(bufio.NewReader(f))
	if err != nil {
		return square{}, err
	}
	channels := 3
	if isGray(config.ColorModel) {
		channels = 1
	}
	return square{resize(img, size, channels), channels}, nil
}

// resize returns the centre square of img as [size size channels]; with one channel, img must be gray. An odd rest of the crop falls
// to the right or the bottom.
func resize(img image.Image, size, channels int) []byte {
	b := img.Bounds()
	side := min(b.Dx(), b.Dy())
	corner := b.Min.Add(image.Pt((b.Dx()-side)/2, (b.Dy()-side)/2))
	scaled := image.NewRGBA(image.Rect(0, 0, size, size)) // alpha-premultiplied, hence already composited on black
	draw.BiLinear.Scale(scaled, scaled.Bounds(), img, image.Rectangle{Min: corner, Max: corner.Add(image.Pt(side, side))}, draw.Src, nil)
	pixels := make([]byte, 0, size*size*channels)
	for i := 0; i < len(scaled.Pix); i += 4 {
		pixels = append(pixels, scaled.Pix[i:i+channels]...)
	}
	return pixels
}

// isGray says whether every colour of a model is gray.
func isGray(m color.Model) bool {
	if palette, ok := m.(color.Palette); ok {
		for _, c := range palette {
			if r, g, b, _ := c.RGBA(); r != g || g != b {
				return false
			}
		}
		return true
	}
	return m == color.GrayModel || m == color.Gray16Model
}
