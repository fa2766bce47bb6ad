package decode

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"slices"
	"strings"
	"sync"
)

// Bounds of the work on one file. libjpeg-turbo has the same limit of scans (TJFLAG_LIMITSCANS); files of progressive encoders have about
// 10. A scan takes time by the pixels of the image, however few bytes it has.
const (
	maxScans      = 500
	maxScanPixels = 32 * MaxPixels
)

// markers holds information of a file's segments.
type markers struct {
	adobe    bool // the file has Adobe's segment, which names the color space
	turn     int  // EXIF orientation 1 … 8; 0: none
	tables   bool // Huffman tables stand before the first scan
	restarts bool // scans have restart markers
	scans    int
	frame    byte   // marker of the frame header, which names the coding process
	bits     byte   // per sample
	sampling []byte // factors of each component: horizontal in the upper four bits, vertical in the lower
}

// readMarkers reads the segments of a JPEG file up to its end marker, and skips the scans between them. It stops at damage, which the
// decoder reports. The orientation and Adobe's segment count before the first scan only.
func readMarkers(file []byte) (m markers) {
	for s := file[min(2, len(file)):]; len(s) >= 2; {
		at := bytes.IndexByte(s, 0xff)
		if at < 0 || at+4 > len(s) {
			return m
		}
		s = s[at:]
		marker := s[1]
		switch {
		case marker == 0xff: // fill byte
			s = s[1:]
			continue
		case marker == 0, marker == 1, 0xd0 <= marker && marker <= 0xd7: // within a scan
			s = s[2:]
			continue
		case marker == 0xd9: // end; the further pictures of a multi-picture file follow
			return m
		}
		n := int(binary.BigEndian.Uint16(s[2:]))
		if n < 2 || n+2 > len(s) {
			return m
		}
		m.segment(marker, s[4:n+2])
		s = s[n+2:]
	}
	return m
}

// segment notes one segment.
func (m *markers) segment(marker byte, body []byte) {
	switch {
	case marker == 0xda:
		m.scans++
	case marker == 0xdd:
		m.restarts = m.restarts || len(body) >= 2 && body[0]|body[1] != 0
	case m.scans > 0:
	case marker == 0xee && bytes.HasPrefix(body, []byte("Adobe")):
		m.adobe = true
	case marker == 0xe1 && m.turn == 0 && bytes.HasPrefix(body, []byte("Exif\x00\x00")):
		m.turn = exifOrientation(body[6:])
	case marker == 0xc4:
		m.tables = true
	case 0xc0 <= marker && marker <= 0xcf && marker != 0xc8 && marker != 0xcc && m.frame == 0 && len(body) >= 6: // not DHT, JPG, DAC
		m.frame, m.bits = marker, body[0]
		for c := body[6:]; len(c) >= 3; c = c[3:] {
			m.sampling = append(m.sampling, c[1])
		}
	}
}

// exifOrientation returns the orientation in a TIFF header; 0 if it is missing or invalid.
func exifOrientation(file []byte) int {
	if v, _ := tiffTag(file, tagOrientation); v <= 8 {
		return v
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
	out := Image{H: img.H, W: img.W, C: img.C, Pix: make([]byte, 0, len(img.Pix))}
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

// standardTables returns the Huffman tables of the standard (ITU-T T.81, annex K.3), which frames of Motion JPEG rely on: image/jpeg writes
// them into every color file.
var standardTables = sync.OnceValue(func() []byte {
	var file bytes.Buffer
	if err := jpeg.Encode(&file, image.NewRGBA(image.Rect(0, 0, 1, 1)), nil); err != nil {
		panic(err) // a buffer takes all
	}
	at := bytes.Index(file.Bytes(), []byte("\xff\xc4"))
	return file.Bytes()[at:][:2+int(binary.BigEndian.Uint16(file.Bytes()[at+2:]))]
})

func configJPEG(file []byte) (image.Config, error) {
	config, err := jpeg.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return config, jpegReason(readMarkers(file), err)
	}
	return config, nil
}

// pixelsJPEG decodes with libjpeg-turbo if it is built in and supports the file, otherwise with the standard library. It refuses files
// whose scans take minutes.
func pixelsJPEG(file []byte, side int) (picture, error) {
	config, err := jpeg.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return picture{}, err
	}
	m := readMarkers(file)
	if m.scans > maxScans || int64(m.scans)*int64(config.Width)*int64(config.Height) > maxScanPixels {
		return picture{}, fmt.Errorf("%d scans of %d×%d pixels: at most %d, and %d pixels in all, are decoded: save it as a baseline JPEG",
			m.scans, config.Width, config.Height, maxScans, int64(maxScanPixels))
	}
	if !m.tables {
		file = slices.Concat(file[:2], standardTables(), file[2:])
	}
	p, ok, err := turboJPEG(file, config, side)
	if !ok && err == nil {
		p, err = standardJPEG(file, config, m.adobe)
	}
	p.turn = m.turn
	return p, jpegReason(m, err)
}

// jpegReason names the feature that the decoder does not support.
func jpegReason(m markers, err error) error {
	const mend = "not supported: save it as a baseline JPEG"
	var feature jpeg.UnsupportedError
	progressive := m.frame == 0xc2
	switch unsupported := errors.As(err, &feature); {
	case progressive && m.restarts && errors.As(err, new(jpeg.FormatError)):
		return fmt.Errorf("progressive with restart markers: %s", mend)
	case !unsupported:
		return err
	case m.frame == 0xc3:
		return fmt.Errorf("lossless JPEG: %s", mend)
	case 0xc9 <= m.frame && m.frame <= 0xcb:
		return fmt.Errorf("arithmetic coding: %s", mend)
	case m.frame > 0xc3:
		return fmt.Errorf("hierarchical or differential JPEG: %s", mend)
	case m.bits != 8:
		return fmt.Errorf("%d bits per sample: %s", m.bits, mend)
	case strings.Contains(string(feature), "subsampling"):
		var factors []string
		for _, f := range m.sampling {
			factors = append(factors, fmt.Sprintf("%d×%d", f>>4, f&15))
		}
		return fmt.Errorf("sampling factors %s: %s", strings.Join(factors, ", "), mend)
	}
	return err
}
