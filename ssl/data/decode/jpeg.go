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

// markers is what the segments before the first scan say beyond the frame header.
type markers struct {
	adobe bool // the file says how its colors are stored
	turn  int  // EXIF orientation 1 … 8; 0: none
}

// readMarkers reads the segments of a JPEG file up to the first scan; damage ends it early, the decoder will report that.
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

// exifOrientation is tag 0x112 of the first directory of a TIFF header; 0 if there is none or it is no orientation.
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

// orientation says what turns a stored image upright: mirror its rows top to bottom and its columns left to right, then transpose.
// Source: EXIF 2.32, tag 274.
func orientation(turn int) (flipY, flipX, transpose bool) {
	return turn == 3 || turn == 4 || turn == 6 || turn == 7, turn == 2 || turn == 3 || turn == 7 || turn == 8, turn >= 5
}

// upright turns an image by its EXIF orientation.
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

// adobe is an APP14 segment that says: colors are stored as they are (transform 0).
const adobe = "\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"

// standardJPEG decodes with the standard library. That refuses four components without Adobe's segment; there it is told what PIL takes
// for granted, inverted CMYK.
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

// pixelsJPEG takes the quick decoder where there is one and it can.
func pixelsJPEG(file []byte, side int) (picture, error) {
	config, err := jpeg.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return picture{}, err
	}
	m := readMarkers(file)
	p, ok, err := quickJPEG(file, config, side)
	if !ok && err == nil {
		p, err = standardJPEG(file, config, m.adobe)
	}
	p.turn = m.turn
	return p, err
}
