package decode

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"slices"

	cmyktiff "github.com/hhrutter/tiff"
	"golang.org/x/image/tiff"
)

// Tags of a TIFF directory (TIFF 6.0, section 8 and 19; EXIF 2.32), and the values of them that are not read.
const (
	tagCompression  = 259
	tagPhotometric  = 262
	tagOrientation  = 274
	tagSampleFormat = 339

	photometricCMYK = 5
)

var (
	compressions = map[int]string{6: "old-style JPEG compression", 7: "JPEG compression", 50000: "Zstandard compression", 50001: "WebP compression",
		34887: "LERC compression", 34925: "LZMA compression", 34712: "JPEG 2000 compression", 52546: "JPEG XL compression"}
	colorSpaces   = map[int]string{6: "YCbCr colors", 8: "CIE L*a*b* colors", 9: "ICC L*a*b* colors", 32803: "a color filter array (camera RAW)"}
	sampleFormats = map[int]string{2: "signed integers as samples", 3: "floating-point samples"}
)

// tiffTag returns the first value of a tag of type SHORT in the first directory; false if there is none.
func tiffTag(file []byte, tag uint16) (int, bool) {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(file, []byte("II*\x00")):
		order = binary.LittleEndian
	case bytes.HasPrefix(file, []byte("MM\x00*")):
		order = binary.BigEndian
	}
	if order == nil || len(file) < 8 {
		return 0, false
	}
	at := int64(order.Uint32(file[4:])) // int may have 32 bits
	if at > int64(len(file)-2) {
		return 0, false
	}
	entries := file[at+2:]
	for range min(int(order.Uint16(file[at:])), len(entries)/12) {
		if order.Uint16(entries) == tag {
			if count := order.Uint32(entries[4:]); count > 2 && order.Uint32(entries[8:]) <= uint32(len(file)-2) {
				return int(order.Uint16(file[order.Uint32(entries[8:]):])), true // more than four bytes stand elsewhere
			}
			return int(order.Uint16(entries[8:])), true
		}
		entries = entries[12:]
	}
	return 0, false
}

// isCMYK reports whether a file has CMYK samples that the second decoder reads; it is not given JPEG data, whose size it does not check.
func isCMYK(file []byte) bool {
	colors, _ := tiffTag(file, tagPhotometric)
	compression, _ := tiffTag(file, tagCompression)
	return colors == photometricCMYK && !slices.Contains([]int{6, 7}, compression)
}

func configTIFF(file []byte) (image.Config, error) {
	if isCMYK(file) {
		config, err := cmyktiff.DecodeConfig(bytes.NewReader(file))
		return config, tiffReason(file, err)
	}
	config, err := tiff.DecodeConfig(bytes.NewReader(file))
	return config, tiffReason(file, err)
}

func pixelsTIFF(file []byte, side int) (picture, error) {
	decode := tiff.Decode
	if isCMYK(file) {
		decode = cmyktiff.Decode
	}
	p, err := pixelsOf(decode)(file, side)
	return p, tiffReason(file, err)
}

// tiffReason names the feature that the decoder does not support.
func tiffReason(file []byte, err error) error {
	if !errors.As(err, new(tiff.UnsupportedError)) && !errors.As(err, new(tiff.FormatError)) {
		return err
	}
	for _, known := range []struct {
		tag   uint16
		names map[int]string
	}{{tagCompression, compressions}, {tagSampleFormat, sampleFormats}, {tagPhotometric, colorSpaces}} {
		if v, is := tiffTag(file, known.tag); is && known.names[v] != "" {
			return fmt.Errorf("%s not supported: save it with 8 or 16 bits per sample as RGB or gray, uncompressed or with LZW", known.names[v])
		}
	}
	return err
}
