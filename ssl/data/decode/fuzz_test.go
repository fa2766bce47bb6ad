package decode

import (
	"bytes"
	"encoding/binary"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// fuzzPixels keeps fuzzed images small: errors are in the structure, not in the size.
const fuzzPixels = 1 << 18

// fuzz checks for one format that damaged files give errors or images within bounds, and the same twice.
func fuzz(f *testing.F, pattern string) {
	names, err := filepath.Glob("testdata/" + pattern)
	if err != nil || len(names) == 0 {
		f.Fatal(pattern, len(names), err)
	}
	var files [][]byte
	for _, name := range names {
		file, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		files = append(files, file)
	}
	fuzzFiles(f, files)
}

// fuzzFiles is fuzz for files in memory.
func fuzzFiles(f *testing.F, files [][]byte) {
	for _, file := range files {
		f.Add(file, uint16(9))
		f.Add(file[:len(file)/2], uint16(40))
		f.Add(file[:min(24, len(file))], uint16(1))
		for at := 0; at+4 <= min(96, len(file)); at += 4 { // hostile headers: a large number at every place
			for _, v := range []uint32{0xffffffff, 0x00ff00ff, 0x80000000, 0} {
				hostile := slices.Clone(file)
				binary.LittleEndian.PutUint32(hostile[at:], v)
				f.Add(hostile, uint16(9))
			}
		}
	}
	f.Fuzz(func(t *testing.T, file []byte, side uint16) {
		given := slices.Clone(file)
		img, err := decode(file, int(side), fuzzPixels)
		again, errAgain := decode(file, int(side), fuzzPixels)
		if (err == nil) != (errAgain == nil) || !bytes.Equal(img.Pix, again.Pix) {
			t.Errorf("decoded twice: %v and %v", err, errAgain)
		}
		if !bytes.Equal(file, given) {
			t.Error("the file was changed")
		}
		if err != nil {
			return
		}
		short, long := min(img.H, img.W), max(img.H, img.W)
		if short < 1 || short > int(side) || long > 2*short || (img.C != 1 && img.C != 3) || len(img.Pix) != img.H*img.W*img.C {
			t.Errorf("[%d %d %d] of %d bytes for side %d", img.H, img.W, img.C, len(img.Pix), side)
		}
	})
}

func FuzzDecodeJPEG(f *testing.F) { fuzz(f, "*.jpg") }
func FuzzDecodePNG(f *testing.F)  { fuzz(f, "*.png") }
func FuzzDecodeGIF(f *testing.F)  { fuzz(f, "*.gif") }
func FuzzDecodeBMP(f *testing.F)  { fuzz(f, "*.bmp") }
func FuzzDecodePNM(f *testing.F) {
	var files [][]byte
	for file := range pnmFiles {
		files = append(files, []byte(file))
	}
	fuzzFiles(f, files)
}
func FuzzDecodeRareKinds(f *testing.F) {
	still := read(f, "alpha.webp")
	files := [][]byte{tiffOf(binary.BigEndian, photometricCMYK, nil), animation(still, Image{H: 1, W: 1}, 90, 90, 0, 0)}
	fuzzFiles(f, append(files, slices.Collect(maps.Values(bmpFiles))...))
}
func FuzzDecodeWebP(f *testing.F) { fuzz(f, "*.webp") }
func FuzzDecodeTIFF(f *testing.F) { fuzz(f, "*.tif") }
