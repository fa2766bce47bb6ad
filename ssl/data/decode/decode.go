package decode

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/png"
	"io"

	"golang.org/x/image/webp"
)

// MaxPixels is the maximum number of pixels of an image, and of all images that are decoded at once: 8192².
const MaxPixels = 8192 * 8192

// Image holds 8-bit pixels [H W C], row by row; C is 1 (gray) or 3 (R G B).
type Image struct {
	H, W, C int
	Pix     []byte
	Dark    bool // its file has 16 bits per sample, and all values are below 256, as if it had 8
}

// format is a file format; a '?' in its magic number matches any byte.
type format struct {
	name, magic string
	config      func(file []byte) (image.Config, error)
	pixels      func(file []byte, side int) (picture, error)
}

var formats []format

func init() { // formatOf, which a decoder calls, reads the table
	formats = []format{
		{"JPEG", "\xff\xd8", configJPEG, pixelsJPEG},
		{"PNG", "\x89PNG\r\n\x1a\n", configOf(png.DecodeConfig), pixelsOf(png.Decode)},
		{"GIF", "GIF8?a", configOf(gif.DecodeConfig), pixelsGIF},
		{"BMP", "BM", configBMP, pixelsBMP},
		{"WebP", "RIFF????WEBP", configOf(webp.DecodeConfig), pixelsWebP},
		{"TIFF", "II*\x00", configTIFF, pixelsTIFF},
		{"TIFF", "MM\x00*", configTIFF, pixelsTIFF},
	}
	for n := '1'; n <= '6'; n++ {
		formats = append(formats, format{"PNM", "P" + string(n), configPNM, pixelsPNM})
	}
}

// Decode returns the image of a file, whose format it detects by content. It crops the longer side centrally to twice the shorter one,
// then resizes the image so that the shorter side has side pixels; it never enlarges. An odd pixel is cropped at the right or the bottom.
// Errors: an unknown format, a damaged or truncated file, no pixels or more than MaxPixels, an unsupported feature. Decode waits while
// the images of other goroutines use up the process's budget. It does not change file.
func Decode(file []byte, side int) (Image, error) { return decode(file, side, MaxPixels) }

func decode(file []byte, side, most int) (img Image, err error) {
	if side < 1 {
		return Image{}, fmt.Errorf("decode: side %d, want at least 1", side)
	}
	if len(file) == 0 {
		return Image{}, errors.New("decode: empty file")
	}
	if err := refuseContent(file); err != nil {
		return Image{}, err
	}
	i := formatOf(file)
	if i < 0 {
		return Image{}, fmt.Errorf("decode: not a JPEG, PNG, GIF, BMP, WebP, TIFF or PNM file (it begins with %q)", file[:min(8, len(file))])
	}
	if img, err = formats[i].decode(file, side, most); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errTruncated
	}
	if err != nil {
		return Image{}, fmt.Errorf("decode: %s file: %w", formats[i].name, err)
	}
	return img, nil
}

var errTruncated = errors.New("truncated")

// decode checks the size in the header before it allocates memory for pixels.
func (f format) decode(file []byte, side, most int) (img Image, err error) {
	defer func() { // a panic of a decoder on a damaged file must not end a run
		if p := recover(); p != nil {
			img, err = Image{}, fmt.Errorf("damaged (the decoder panicked: %v)", p)
		}
	}()
	config, err := f.config(file)
	if err != nil {
		return Image{}, err
	}
	h, w := config.Height, config.Width
	if h < 1 || w < 1 {
		return Image{}, fmt.Errorf("%d×%d pixels", w, h)
	}
	if w > most/h {
		return Image{}, fmt.Errorf("%d×%d pixels, want at most %d", w, h, most)
	}
	weight := min((h+31)*(w+31), MaxPixels) // decoders pad to blocks of up to 32×16
	budget.acquire(weight)
	defer budget.release(weight)
	p, err := f.pixels(file, side)
	if err != nil {
		return Image{}, err
	}
	if p.free != nil {
		defer p.free()
	}
	if p.h != h || p.w != w {
		return Image{}, fmt.Errorf("%d×%d pixels, its header says %d×%d", p.w, p.h, w, h)
	}
	return p.fit(side), nil
}

// configOf adapts a decoder to format.config.
func configOf(config func(io.Reader) (image.Config, error)) func([]byte) (image.Config, error) {
	return func(file []byte) (image.Config, error) { return config(bytes.NewReader(file)) }
}

// pixelsOf adapts a decoder to format.pixels.
func pixelsOf(decode func(io.Reader) (image.Image, error)) func([]byte, int) (picture, error) {
	return func(file []byte, _ int) (picture, error) {
		img, err := decode(bytes.NewReader(file))
		if err != nil {
			return picture{}, err
		}
		return newPicture(img), nil
	}
}

// pixelsGIF returns the first frame on its canvas, black elsewhere.
func pixelsGIF(file []byte, _ int) (picture, error) {
	config, err := gif.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return picture{}, err
	}
	frame, err := gif.Decode(bytes.NewReader(file))
	if err != nil {
		return picture{}, err
	}
	return onCanvas(frame.(*image.Paletted), config.Height, config.Width), nil
}
