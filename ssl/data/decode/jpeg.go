package decode

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"strings"
)

// markers holds information of the segments before the first scan.
type markers struct {
	adobe bool // the file has Adobe's segment, which names the color space
	turn  int  // EXIF orientation 1 … 8; 0: none
}

// readMarkers reads the segments of a JPEG file up to the first scan. It stops at damage, which the decoder reports.
func readMarkers(file []byte) (m markers) {
	for s := file[2:]; len(s) >= 4 && s[0] == 0xff; {
		marker := s[1]
		if marker == 0xff { // fill byte
			s = s[1:]
			continue
		}
		n := int(binary.BigEndian.Uint16(s[2:]))
		if marker == 0xda || n < 2 || n+2 > len(s) {
			return m
		}
		switch body := s[4 : n+2]; {
		case marker == 0xee && bytes.HasPrefix(body, []byte("Adobe")):
			m.adobe = true
		case marker == 0xe1 && m.turn == 0 && bytes.HasPrefix(body, []byte("Exif\x00\x00")):
			m.turn = exifOrientation(body[6:])
		}
		s = s[n+2:]
	}
	return m
}

// exifOrientation returns tag 0x112 of the first directory of a TIFF header; 0 if it is missing or invalid.
func exifOrientation(tiff []byte) int {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(tiff, []byte("II*\x00")):
		order = binary.LittleEndian
	case bytes.HasPrefix(tiff, []byte("MM\x00*")):
		order = binary.BigEndian
	}
	if order == nil || len(tiff) < 8 {
		return 0
	}
	at := int(order.Uint32(tiff[4:]))
	if at > len(tiff)-2 {
		return 0
	}
	entries := tiff[at+2:]
	for range min(int(order.Uint16(tiff[at:])), len(entries)/12) {
		if order.Uint16(entries) == 0x112 {
			if v := int(order.Uint16(entries[8:])); v <= 8 {
				return v
			}
			return 0
		}
		entries = entries[12:]
	}
	return 0
}

// orientation returns the operations that make a stored image upright: flip vertically, flip horizontally, then transpose.
// Source: EXIF 2.32, tag 274.
func orientation(turn int) (flipY, flipX, transpose bool) {
	return turn == 3 || turn == 4 || turn == 6 || turn == 7, turn == 2 || turn == 3 || turn == 7 || turn == 8, turn >= 5
}

// upright applies an EXIF orientation to an image.
func upright(img Image, turn int) Image {
	if turn < 2 {
		return img
	}
	flipY, flipX, transpose := orientation(turn)
	at, down, right := 0, img.W, 1
	if flipY {
		at, down = at+(img.H-1)*img.W, -down
	}
	if flipX {
		at, right = at+img.W-1, -right
	}
	out := Image{img.H, img.W, img.C, make([]byte, 0, len(img.Pix))}
	if transpose {
		out.H, out.W, down, right = img.W, img.H, right, down
	}
	for y := range out.H {
		for x := range out.W {
			i := (at + y*down + x*right) * img.C
			out.Pix = append(out.Pix, img.Pix[i:i+img.C]...)
		}
	}
	return out
}

// adobe is an APP14 segment with transform 0: no color transform.
const adobe = "\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"

// standardJPEG decodes with the standard library, which rejects four components without Adobe's segment. For such files it inserts the
// segment, so that they are read as inverted CMYK, as PIL does.
func standardJPEG(file []byte, config image.Config, adobeSegment bool) (picture, error) {
	r := io.Reader(bytes.NewReader(file))
	if config.ColorModel == color.CMYKModel && !adobeSegment {
		r = io.MultiReader(bytes.NewReader(file[:2]), strings.NewReader(adobe), bytes.NewReader(file[2:]))
	}
	img, err := jpeg.Decode(r)
	if errors.Is(err, jpeg.FormatError("short Huffman data")) {
		err = errTruncated
	}
	if err != nil {
		return picture{}, err
	}
	return newPicture(img), nil
}

// pixelsJPEG decodes with libjpeg-turbo if it is built in and supports the file, otherwise with the standard library.
func pixelsJPEG(file []byte, side int) (picture, error) {
	config, err := jpeg.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return picture{}, err
	}
	m := readMarkers(file)
	p, ok, err := turboJPEG(file, config, side)
	if !ok && err == nil {
		p, err = standardJPEG(file, config, m.adobe)
	}
	p.turn = m.turn
	return p, err
}
