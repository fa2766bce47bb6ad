package decode

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"slices"
	"strings"
	"testing"
)

// bmpOf returns a BMP file of 3×2 pixels; body holds everything after the first 14 bytes and ends with the pixels.
func bmpOf(body []byte, pixels int) []byte {
	le := binary.LittleEndian
	head := le.AppendUint32([]byte("BM"), uint32(14+len(body)))
	return append(le.AppendUint32(le.AppendUint32(head, 0), uint32(14+len(body)-pixels)), body...)
}

// bmpInfo returns the 40-byte header of 3×2 pixels.
func bmpInfo(bits uint16, compression, colors uint32) []byte {
	b, err := binary.Append(nil, binary.LittleEndian, []uint32{40, 3, 2, 1 | uint32(bits)<<16, compression, 0, 0, 0, colors, 0})
	if err != nil {
		panic(err)
	}
	return b
}

// bmpFiles are files of one picture: red, green, blue above black, white, red.
var bmpFiles = map[string][]byte{
	"16 bits 555": bmpOf(slices.Concat(bmpInfo(16, 0, 0), []byte("\x00\x00\xff\x7f\x00\x7c\x00\x00"+"\x00\x7c\xe0\x03\x1f\x00\x00\x00")), 16),
	"16 bits 565": bmpOf(slices.Concat(bmpInfo(16, 3, 0), []byte("\x00\xf8\x00\x00\xe0\x07\x00\x00\x1f\x00\x00\x00"+
		"\x00\x00\xff\xff\x00\xf8\x00\x00"+"\x00\xf8\xe0\x07\x1f\x00\x00\x00")), 16),
	"OS/2": bmpOf([]byte("\x0c\x00\x00\x00\x03\x00\x02\x00\x01\x00\x18\x00"+
		"\x00\x00\x00\xff\xff\xff\x00\x00\xff\x00\x00\x00"+"\x00\x00\xff\x00\xff\x00\xff\x00\x00\x00\x00\x00"), 24),
	"RLE of 8 bits": bmpOf(slices.Concat(bmpInfo(8, 1, 5),
		[]byte("\x00\x00\x00\x00"+"\x00\x00\xff\x00"+"\x00\xff\x00\x00"+"\xff\x00\x00\x00"+"\xff\xff\xff\x00"),
		[]byte("\x01\x00\x01\x04\x01\x01\x00\x00"+"\x00\x03\x01\x02\x03\x00\x00\x01")), 16),
}

func TestBMPsOfRareKindsAreRead(t *testing.T) {
	want := []byte{255, 0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 0, 0}
	for name, file := range bmpFiles {
		img := mustDecode(t, file, 99)
		if img.H != 2 || img.W != 3 || !bytes.Equal(img.Pix, want) {
			t.Errorf("%s: %d×%d %v, want %v", name, img.H, img.W, img.Pix, want)
		}
	}
}

// tiffOf returns an uncompressed TIFF file of 2×1 pixels and four samples of 8 bits, with further values of tags.
func tiffOf(order binary.ByteOrder, photometric int, more map[int]int) []byte {
	tags := map[int]int{256: 2, 257: 1, 258: 8, tagCompression: 1, tagPhotometric: photometric, 273: 8, 277: 4, 278: 1, 279: 8}
	for tag, v := range more {
		tags[tag] = v
	}
	file := []byte("II*\x00")
	if order == binary.BigEndian {
		file = []byte("MM\x00*")
	}
	word := func(v int) { file = append(file, 0, 0); order.PutUint16(file[len(file)-2:], uint16(v)) }
	long := func(v int) { file = append(file, 0, 0, 0, 0); order.PutUint32(file[len(file)-4:], uint32(v)) }
	long(24)
	file = append(file, 0, 255, 255, 0, 255, 255, 0, 51) // red, and blue with a fifth of black
	for range 4 {
		word(8) // bits per sample, at byte 16
	}
	word(len(tags))
	for tag := range 400 {
		v, is := tags[tag]
		switch {
		case !is:
		case tag == 258:
			word(tag)
			word(3)
			long(4)
			long(16)
		default:
			word(tag)
			word(3)
			long(1)
			word(v)
			word(0)
		}
	}
	long(0)
	return file
}

func TestTIFFOfCMYKIsRead(t *testing.T) {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		img := mustDecode(t, tiffOf(order, photometricCMYK, nil), 99)
		if want := []byte{255, 0, 0, 0, 0, 204}; img.H != 1 || img.W != 2 || !bytes.Equal(img.Pix, want) {
			t.Errorf("%v: %d×%d %v, want %v", order, img.H, img.W, img.Pix, want)
		}
	}
}

func TestUnsupportedFeaturesAreNamed(t *testing.T) {
	restarts := func(file []byte) []byte { return slices.Concat(file[:2], []byte("\xff\xdd\x00\x04\x00\x01"), file[2:]) }
	sampled := func(factors byte) []byte {
		file := slices.Clone(read(t, "444.jpg"))
		file[bytes.Index(file, []byte("\xff\xc0"))+11] = factors
		return file
	}
	process := func(marker, bits byte) []byte {
		file := slices.Clone(read(t, "444.jpg"))
		at := bytes.Index(file, []byte("\xff\xc0"))
		file[at+1], file[at+4] = marker, bits
		return file
	}
	for want, file := range map[string][]byte{
		"TIFF file: JPEG compression":              tiffOf(binary.BigEndian, photometricCMYK, map[int]int{tagCompression: 7}),
		"TIFF file: Zstandard compression":         tiffOf(binary.LittleEndian, 2, map[int]int{tagCompression: 50000}),
		"TIFF file: floating-point samples":        tiffOf(binary.LittleEndian, 2, map[int]int{tagSampleFormat: 3}),
		"TIFF file: CIE L*a*b* colors":             tiffOf(binary.LittleEndian, 8, nil),
		"JPEG file: progressive with restart":      restarts(read(t, "progressive.jpg")),
		"JPEG file: sampling factors 3×1, 1×1":     sampled(0x31),
		"JPEG file: lossless JPEG":                 process(0xc3, 8),
		"JPEG file: arithmetic coding":             process(0xc9, 8),
		"JPEG file: hierarchical":                  process(0xc5, 8),
		"JPEG file: 12 bits per sample":            process(0xc1, 12),
		"decode: the format HEIC":                  []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"),
		"decode: a web page":                       []byte("\n<!DOCTYPE html><html>"),
		"decode: a Git LFS pointer, not an image:": []byte("version https://git-lfs.github.com/spec/v1\n"),
	} {
		if _, err := Decode(file, 9); err == nil || !strings.Contains(err.Error(), want) {
			if Version[:2] == "go" || !strings.HasPrefix(want, "JPEG") { // libjpeg-turbo reads more
				t.Errorf("%v, want %s", err, want)
			}
		}
	}
}

func TestFormatsAreRecognizedByBeginningAndName(t *testing.T) {
	jpg, cr2 := "\xff\xd8\xff\xe0\x00\x10JFIF", "II*\x00\x10\x00\x00\x00CR\x02\x00"
	for _, c := range []struct {
		name, head string
		image      bool // as a file without an extension
		refused    string
	}{
		{"a.jpg", jpg, true, ""}, {"a", jpg, true, ""}, {"a.png", "\x89PNG\r\n\x1a\n", true, ""}, {"a.tif", "MM\x00*", true, ""},
		{"a.heic", "\x00\x00\x00\x18ftypheic", true, "HEIC"}, {"a.heic", jpg, true, ""}, {"a.jpg", "\x00\x00\x00\x18ftypmif1", true, "HEIF"},
		{"a.avif", "\x00\x00\x00\x1cftypavif", true, "AVIF"}, {"a.jxl", "\xff\x0a\x00\x00", false, "JPEG XL"}, {"x", "\x00\x00\x00\x0cJXL \r\n\x87\n", true, "JPEG XL"},
		{"a.nef", "MM\x00*", true, "camera RAW"}, {"a.DNG", "II*\x00", true, "camera RAW"}, {"a.cr2", cr2, true, "camera RAW"}, {"a", cr2, true, "camera RAW"},
		{"a.tga", "\x00\x00\x02\x00\x00", false, "TGA"}, {"a.tga", "", false, ""}, {"a.ppm", "P6 3 2 255\n", true, ""}, {"a", "P6 # text\n3 2 255\n", true, ""},
		{"a", "P5 is a letter and a digit", false, ""}, {"a", "BMW cars, and a longer text", false, ""}, {"a.bmp", string(bmpFiles["OS/2"]), true, ""},
		{"a", "plain text", false, ""}, {"a", "", false, ""}, {"a.mp4", "\x00\x00\x00\x20ftypisom", false, "video"},
	} {
		if got := IsImage([]byte(c.head)); got != c.image {
			t.Errorf("%s %q: an image: %v", c.name, c.head, got)
		}
		err := Refuse(c.name, []byte(c.head))
		if (err != nil) != (c.refused != "") || err != nil && !strings.Contains(err.Error(), c.refused) {
			t.Errorf("%s %q: %v, want %q", c.name, c.head, err, c.refused)
		}
	}
	for name, want := range map[string]bool{"a.jpg": true, "a": false, "a.jpg.1": false, "a.jpg?w=300": false, "a.": false, "a b.c-d": true, "v1.2": false} {
		if HasExtension(name) != want {
			t.Errorf("%s: has an extension: %v", name, !want)
		}
	}
}

// pnmFiles are files of 3×2 pixels and what they hold.
var pnmFiles = map[string][]byte{
	"P1\n# a comment\n3 2\n1 0 1\n010":                               {0, 255, 0, 255, 0, 255},
	"P4\n3 2\n\xa0\x40":                                              {0, 255, 0, 255, 0, 255},
	"P2 3 2 15 0 1 2 3 7 15":                                         {0, 17, 34, 51, 119, 255},
	"P2\n3 2\n15\n0 1 2 # three\n3 7 99":                             {0, 17, 34, 51, 119, 255}, // values above the maximum are white
	"P5 3 2 255\n\x00\x01\x02\x03\xfe\xff":                           {0, 1, 2, 3, 254, 255},
	"P5 3 2 65535\n\x00\x00\x01\x01\x80\x00\xff\xff\x12\x34\x00\x7f": {0, 1, 128, 255, 18, 0},
	"P3 3 2 1  1 0 0 0 1 0 0 0 1 1 1 1 0 0 0 1 1 0":                  {255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 255, 255, 0},
	"P6 3 2 255\nabcdefghijklmnopqr and more":                        []byte("abcdefghijklmnopqr"),
}

func TestPNMIsRead(t *testing.T) {
	for file, want := range pnmFiles {
		if img := mustDecode(t, []byte(file), 99); img.H != 2 || img.W != 3 || !bytes.Equal(img.Pix, want) {
			t.Errorf("%q: %d×%d %v, want %v", file, img.H, img.W, img.Pix, want)
		}
		if _, err := Decode([]byte(file[:len(file)/2]), 99); err == nil {
			t.Errorf("%q: half of it is an image", file)
		}
	}
	for _, file := range []string{"P6 99999 99999 255\n", "P6 0 2 255\n", "P5 3 2 0\n123456", "P5 3 2 70000\n123456", "P5 3 -2 255\n123456", "P5"} {
		if _, err := Decode([]byte(file), 99); err == nil {
			t.Errorf("%q is an image", file)
		}
	}
}

// animation returns an animated WebP of an h×w canvas whose first frame is a WebP file at column and row 2·x, 2·y.
func animation(still []byte, frame Image, h, w, y, x int) []byte {
	three := func(v int) []byte { return []byte{byte(v), byte(v >> 8), byte(v >> 16)} }
	chunk := func(name string, body []byte) []byte {
		b := append(binary.LittleEndian.AppendUint32([]byte(name), uint32(len(body))), body...)
		return append(b, make([]byte, len(body)%2)...)
	}
	chunks := still[12:]
	if string(chunks[:4]) == "VP8X" {
		chunks = chunks[18:]
	}
	anmf := slices.Concat(three(x), three(y), three(frame.W-1), three(frame.H-1), make([]byte, 4), chunks)
	body := slices.Concat([]byte("WEBP"), chunk("VP8X", slices.Concat([]byte{2, 0, 0, 0}, three(w-1), three(h-1))),
		chunk("ANIM", make([]byte, 6)), chunk("ANMF", anmf), chunk("ANMF", []byte("the second frame is not read")))
	return slices.Concat(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body)
}

func TestAnimatedWebPIsItsFirstFrameOnTheCanvas(t *testing.T) {
	for _, name := range []string{"lossy.webp", "lossless.webp", "alpha.webp"} {
		still := read(t, name)
		frame := mustDecode(t, still, 999)
		if _, most := difference(t, mustDecode(t, animation(still, frame, frame.H, frame.W, 0, 0), 999), frame); most > 0 {
			t.Errorf("%s: the frame differs by %d", name, most)
		}
		placed := mustDecode(t, animation(still, frame, frame.H+8, frame.W+6, 3, 1), 999)
		for y := range placed.H {
			for x := range placed.W {
				want := []byte{0, 0, 0}
				if fy, fx := y-6, x-2; fy >= 0 && fx >= 0 && fy < frame.H && fx < frame.W {
					want = frame.Pix[3*(fy*frame.W+fx):][:3]
				}
				if got := placed.Pix[3*(y*placed.W+x):][:3]; !bytes.Equal(got, want) {
					t.Fatalf("%s: pixel %d, %d is %v, want %v", name, y, x, got, want)
				}
			}
		}
		if _, err := Decode(animation(still, frame, frame.H, frame.W, 1, 0), 9); err == nil {
			t.Errorf("%s: a frame beyond its canvas is read", name)
		}
	}
}

func TestJPEGWithoutHuffmanTablesHasThoseOfTheStandard(t *testing.T) {
	file := jpegOf(t, photograph(40, 30), 85)
	bare := slices.Clone(file)
	for at := bytes.Index(bare, []byte("\xff\xc4")); at >= 0; at = bytes.Index(bare, []byte("\xff\xc4")) {
		bare = slices.Delete(bare, at, at+2+int(binary.BigEndian.Uint16(bare[at+2:])))
	}
	if len(bare) > len(file)-400 {
		t.Fatal("the file keeps its tables")
	}
	if _, most := difference(t, mustDecode(t, bare, 99), mustDecode(t, file, 99)); most > 0 {
		t.Errorf("differs by %d", most)
	}
}

// scansOf repeats the last scan of a file n times.
func scansOf(file []byte, n int) []byte {
	last := bytes.LastIndex(file, []byte("\xff\xda"))
	scan := file[last : len(file)-2]
	return slices.Concat(file[:last], bytes.Repeat(scan, n), file[len(file)-2:])
}

func TestWorkOnScansIsBounded(t *testing.T) {
	file := read(t, "progressive.jpg")
	large := slices.Clone(file)
	at := bytes.Index(large, []byte("\xff\xc2"))
	binary.BigEndian.PutUint16(large[at+5:], 8000)
	binary.BigEndian.PutUint16(large[at+7:], 8000)
	for _, c := range []struct {
		file []byte
		want string
	}{{scansOf(file, 6000), " scans of "}, {scansOf(large, 40), " scans of 8000×8000 pixels"}} {
		if _, err := Decode(c.file, 9); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	if m := readMarkers(scansOf(file, 3)); m.scans != readMarkers(file).scans+2 {
		t.Errorf("%d scans", m.scans)
	}
}

func TestSixteenBitsWithValuesOfEightAreDark(t *testing.T) {
	gray, rgba := image.NewGray16(image.Rect(0, 0, 3, 2)), image.NewNRGBA64(image.Rect(0, 0, 3, 2))
	for _, c := range []struct {
		v    uint16
		dark bool
	}{{0, false}, {1, true}, {255, true}, {256, false}, {65535, false}} {
		for i := range 6 {
			gray.SetGray16(i%3, i/3, color.Gray16{Y: c.v})
			rgba.SetNRGBA64(i%3, i/3, color.NRGBA64{R: 0, G: c.v, B: 0, A: 65535})
		}
		pgm := append([]byte("P5 1 1 65535\n"), byte(c.v>>8), byte(c.v))
		for what, file := range map[string][]byte{"gray": pngOf(t, gray), "RGB": pngOf(t, rgba), "PGM": pgm} {
			if img := mustDecode(t, file, 9); img.Dark != c.dark {
				t.Errorf("%s of %d: dark: %v", what, c.v, img.Dark)
			}
		}
	}
	if img := mustDecode(t, read(t, "gray16.png"), 9); img.Dark {
		t.Error("a photograph of 16 bits is dark")
	}
}
