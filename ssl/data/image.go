package data

import (
	"fmt"
	"strings"

	"github.com/marr-ssl/marr/ssl/data/decode"
)

// OpenImage returns the image of a file as a set of one image without a label. Images whose short side is larger than `side` pixels are reduced to it, as
// Open does. Its formats are those of folders. Errors are one printable line: what, why, what to do.
func OpenImage(path string, side int) (*Set, error) {
	img, err := decodeFile(path, path, side)
	if err != nil {
		return nil, printableError{fmt.Errorf("data: image %s: %s: give another file", path, strings.TrimPrefix(err.Error(), "decode: "))}
	}
	s := FromImages(Printable(path), []Image{img}, nil)
	s.Files = []string{path}
	return s, nil
}

// decodeFile reads and decodes an image file.
func decodeFile(name, path string, side int) (Image, error) {
	b, err := readImage(name, path)
	if err != nil {
		return Image{}, err
	}
	return decode.Decode(b, side)
}
