package decode

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"path"
	"slices"
	"strings"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

// MaxPixels is the maximum number of pixels of an image, and of all images that are decoded at once: 8192².
const MaxPixels = 8192 * 8192

// Image holds 8-bit pixels [H W C], row by row; C is 1 (gray) or 3 (R G B).
type Image struct {
	H, W, C int
	Pix     []byte
}

// format is a file format; a '?' in its magic number matches any byte.
type format struct {
	name, magic string
	config      func(io.Reader) (image.Config, error)
	pixels      func(file []byte, side int) (picture, error)
}

var formats = []format{
	{"JPEG", "\xff\xd8", jpeg.DecodeConfig, pixelsJPEG},
	{"PNG", "\x89PNG\r\n\x1a\n", png.DecodeConfig, pixelsOf(png.Decode)},
	{"GIF", "GIF8?a", gif.DecodeConfig, pixelsGIF},
	{"BMP", "BM", bmp.DecodeConfig, pixelsOf(bmp.Decode)},
	{"WebP", "RIFF????WEBP", webp.DecodeConfig, pixelsWebP},
	{"TIFF", "II*\x00", tiff.DecodeConfig, pixelsOf(tiff.Decode)},
	{"TIFF", "MM\x00*", tiff.DecodeConfig, pixelsOf(tiff.Decode)},
}

// HasImageExtension reports whether a file name has the extension of a format that Decode reads, in upper or lower case.
func HasImageExtension(name string) bool {
	known := []string{".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff"}
	return slices.Contains(known, strings.ToLower(path.Ext(name)))
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
	i := slices.IndexFunc(formats, func(f format) bool { return f.matches(file) })
	if i < 0 {
		return Image{}, fmt.Errorf("decode: not a JPEG, PNG, GIF, BMP, WebP or TIFF file (it begins with %q)", file[:min(8, len(file))])
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

func (f format) matches(file []byte) bool {
	if len(file) < len(f.magic) {
		return false
	}
	for i := range f.magic {
		if f.magic[i] != '?' && f.magic[i] != file[i] {
			return false
		}
	}
	return true
}

// decode checks the size in the header before it allocates memory for pixels.
func (f format) decode(file []byte, side, most int) (img Image, err error) {
	defer func() { // a panic of a decoder on a damaged file must not end a run
		if p := recover(); p != nil {
			img, err = Image{}, fmt.Errorf("damaged (the decoder panicked: %v)", p)
		}
	}()
	config, err := f.config(bytes.NewReader(file))
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

// pixelsWebP checks the length in the header against the file's first, because the decoder allocates that much.
func pixelsWebP(file []byte, _ int) (picture, error) {
	if n := uint64(file[4]) | uint64(file[5])<<8 | uint64(file[6])<<16 | uint64(file[7])<<24; n+8 > uint64(len(file)) {
		return picture{}, errTruncated
	}
	img, err := webp.Decode(bytes.NewReader(file))
	if err != nil {
		return picture{}, err
	}
	p := newPicture(img)
	p.matrix = studio
	return p, nil
}
