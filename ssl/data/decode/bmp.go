package decode

import (
	"bytes"
	"errors"
	"image"

	"github.com/jsummers/gobmp"
	"golang.org/x/image/bmp"
)

// configBMP reads the size with golang.org/x/image/bmp, and with gobmp what that package does not support: 16 bits, RLE, OS/2.
func configBMP(file []byte) (image.Config, error) {
	config, err := bmp.DecodeConfig(bytes.NewReader(file))
	if errors.Is(err, bmp.ErrUnsupported) {
		return gobmp.DecodeConfig(bytes.NewReader(file))
	}
	return config, err
}

func pixelsBMP(file []byte, side int) (picture, error) {
	p, err := pixelsOf(bmp.Decode)(file, side)
	if errors.Is(err, bmp.ErrUnsupported) {
		return pixelsOf(gobmp.Decode)(file, side)
	}
	return p, err
}
