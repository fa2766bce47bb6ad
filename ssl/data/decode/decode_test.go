package decode

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func pngOf(t testing.TB, img image.Image) []byte {
	t.Helper()
	var w bytes.Buffer
	if err := png.Encode(&w, img); err != nil {
		t.Fatal(err)
	}
	return w.Bytes()
}

func ExampleDecode() {
	var file bytes.Buffer
	png.Encode(&file, image.NewGray(image.Rect(0, 0, 300, 100)))
	img, err := Decode(file.Bytes(), 64)
	fmt.Println(img.H, img.W, img.C, len(img.Pix), err)
	// Output: 64 128 1 8192 <nil>
}

func TestShortSideIsAtMostSideAndLongSideAtMostTwice(t *testing.T) {
	for _, c := range []struct{ h, w, side, outH, outW int }{
		{30, 40, 15, 15, 20}, {30, 40, 30, 30, 40}, {30, 40, 99, 30, 40}, {10, 45, 5, 5, 10}, {45, 10, 99, 20, 10}, {1, 1, 7, 1, 1},
		{1, 65535, 7, 1, 2}, {65535, 1, 1, 2, 1}, {375, 500, 280, 280, 373}, {3, 5, 2, 2, 3}, {7, 13, 1, 1, 2},
	} {
		img := mustDecode(t, pngOf(t, image.NewGray(image.Rect(0, 0, c.w, c.h))), c.side)
		if img.H != c.outH || img.W != c.outW || len(img.Pix) != c.outH*c.outW {
			t.Errorf("%d×%d at side %d: %d×%d, want %d×%d", c.h, c.w, c.side, img.H, img.W, c.outH, c.outW)
		}
	}
}

func TestCropIsCentralAndDropsTheOddPixelAtTheRight(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 7, 2))
	for i := range img.Pix {
		img.Pix[i] = byte(10 * (i % 7))
	}
	if got, want := mustDecode(t, pngOf(t, img), 2).Pix, []byte{10, 20, 30, 40, 10, 20, 30, 40}; !bytes.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// Files differ by JPEG's loss, which differs for a transposed image.
func TestEveryOrientationDecodesToTheSameUprightPicture(t *testing.T) {
	for _, side := range []int{99, 11, 5} {
		first := mustDecode(t, read(t, "exif1.jpg"), side)
		for turn := 2; turn <= 8; turn++ {
			if mean, most := difference(t, mustDecode(t, read(t, fmt.Sprintf("exif%d.jpg", turn)), side), first); mean > 1 || most > 12 {
				t.Errorf("orientation %d at side %d: differs by %.2f in the mean, at most %d", turn, side, mean, most)
			}
		}
	}
}

func TestUprightIsExact(t *testing.T) {
	stored := Image{H: 2, W: 3, C: 1, Pix: []byte("abcdef")} // abc def
	for turn, want := range []string{"abcdef", "abcdef", "cbafed", "fedcba", "defabc", "adbecf", "daebfc", "fcebda", "cfbead"} {
		img := upright(stored, turn)
		h, w := 2, 3
		if turn >= 5 {
			h, w = 3, 2
		}
		if string(img.Pix) != want || img.H != h || img.W != w {
			t.Errorf("orientation %d: %d×%d %s, want %d×%d %s", turn, img.H, img.W, img.Pix, h, w, want)
		}
	}
}

func TestOrientationIsReadInBothByteOrders(t *testing.T) {
	const little, big = "II*\x00\x08\x00\x00\x00", "MM\x00*\x00\x00\x00\x08"
	for _, c := range []struct {
		tiff string
		want int
	}{
		{little + "\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00", 6},
		{big + "\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x08\x00\x00", 8},
		{big + "\x00\x02\x01\x0f\x00\x02\x00\x00\x00\x01\x00\x05\x00\x00\x01\x12\x00\x03\x00\x00\x00\x01\x00\x03\x00\x00", 3},
		{big + "\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x09\x00\x00", 0}, // no orientation
		{big + "\x00\x09\x01\x12\x00\x03", 0},                                 // ends within an entry
		{"MM\x00*\xff\xff\xff\xff", 0}, {"II*\x00", 0}, {"", 0}, {"Exif is not TIFF", 0},
	} {
		if got := exifOrientation([]byte(c.tiff)); got != c.want {
			t.Errorf("%q: %d, want %d", c.tiff, got, c.want)
		}
	}
}

func TestCropIsCentralInTheUprightImage(t *testing.T) {
	for turn := range 9 {
		for _, size := range [][2]int{{2, 7}, {7, 2}, {3, 10}} {
			stored := noise(size[0], size[1], 3)
			p := pictureOf(stored)
			want := pictureOf(upright(stored, turn)).fit(99)
			p.turn = turn
			if _, most := difference(t, p.fit(99), want); most > 0 {
				t.Errorf("orientation %d of %v differs", turn, size)
			}
		}
	}
}

func TestProgressiveEqualsBaseline(t *testing.T) {
	if _, most := difference(t, mustDecode(t, read(t, "progressive.jpg"), 99), mustDecode(t, read(t, "420.jpg"), 99)); most > 1 {
		t.Errorf("differs by %d", most)
	}
}

func TestSixteenBitsAreRoundedAndAlphaIsOnBlack(t *testing.T) {
	at := image.Rect(0, 0, 1, 1)
	for _, c := range []struct {
		what string
		img  image.Image
		want []byte
	}{
		{"RGBA64", &image.RGBA64{Pix: []byte{1, 129, 2, 128, 255, 255, 255, 255}, Stride: 8, Rect: at}, []byte{1, 2, 255}},
		{"NRGBA64", &image.NRGBA64{Pix: []byte{255, 255, 128, 0, 0, 0, 128, 0}, Stride: 8, Rect: at}, []byte{128, 64, 0}},
		{"Gray16", &image.Gray16{Pix: []byte{127, 255}, Stride: 2, Rect: at}, []byte{127}},
		{"NRGBA", &image.NRGBA{Pix: []byte{255, 100, 50, 128}, Stride: 4, Rect: at}, []byte{128, 50, 25}},
		{"palette", image.NewPaletted(at, color.Palette{color.NRGBA{200, 100, 0, 255}}), []byte{200, 100, 0}},
		{"gray palette", image.NewPaletted(at, color.Palette{color.Gray{77}, color.White}), []byte{77}},
		{"gray palette with transparency", image.NewPaletted(at, color.Palette{color.NRGBA{77, 77, 77, 0}, color.White}), []byte{0, 0, 0}},
	} {
		if img := mustDecode(t, pngOf(t, c.img), 1); !bytes.Equal(img.Pix, c.want) || img.C != len(c.want) {
			t.Errorf("%s: %v, want %v", c.what, img.Pix, c.want)
		}
	}
}

func TestGIFIsItsFirstFrameOnItsCanvas(t *testing.T) {
	palette := color.Palette{color.Black, color.Gray{200}}
	frame := image.NewPaletted(image.Rect(1, 1, 3, 2), palette)
	second := image.NewPaletted(image.Rect(0, 0, 4, 3), palette)
	for i := range frame.Pix {
		frame.Pix[i] = 1
	}
	var w bytes.Buffer
	if err := gif.EncodeAll(&w, &gif.GIF{Image: []*image.Paletted{frame, second}, Delay: []int{0, 0}, Config: image.Config{Width: 4, Height: 3}}); err != nil {
		t.Fatal(err)
	}
	got := mustDecode(t, w.Bytes(), 3)
	if want := []byte{0, 0, 0, 0, 0, 200, 200, 0, 0, 0, 0, 0}; got.C != 1 || !bytes.Equal(got.Pix, want) {
		t.Errorf("C %d %v, want 1 %v", got.C, got.Pix, want)
	}
}

// header returns a PNG file that ends after the header chunk, with a correct checksum.
func header(w, h uint32) []byte {
	chunk := append([]byte("IHDR"), binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)...)
	chunk = append(chunk, 8, 2, 0, 0, 0)
	file := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	return binary.BigEndian.AppendUint32(append(file, chunk...), crc32.ChecksumIEEE(chunk))
}

// sized returns a JPEG file whose frame header has size w×h.
func sized(t *testing.T, name string, w, h uint16) []byte {
	file := slices.Clone(read(t, name))
	at := max(bytes.Index(file, []byte("\xff\xc0\x00\x11\x08")), bytes.Index(file, []byte("\xff\xc2\x00\x11\x08")))
	binary.BigEndian.PutUint16(file[at+5:], h)
	binary.BigEndian.PutUint16(file[at+7:], w)
	return file
}

func TestInvalidFilesAreErrors(t *testing.T) {
	webp := slices.Clone(read(t, "lossy.webp"))
	copy(webp[4:8], "\xff\xff\xff\x7f")
	for _, c := range []struct {
		what, want string
		file       []byte
		side       int
	}{
		{"nothing", "empty file", nil, 8},
		{"side 0", "side 0", read(t, "rgb.png"), 0},
		{"text", "not a JPEG, PNG, GIF, BMP, WebP, TIFF or PNM file (it begins with \"Hello, w\")", []byte("Hello, world"), 8},
		{"zeros", "not a JPEG", make([]byte, 1000), 8},
		{"two bytes", "JPEG file: truncated", []byte("\xff\xd8"), 8},
		{"large PNG", "10000×10000 pixels, want at most 67108864", header(10000, 10000), 8},
		{"wide PNG", "overflow", header(1<<31-1, 1<<31-1), 8},
		{"large JPEG", "10000×10000 pixels", sized(t, "420.jpg", 10000, 10000), 8},
		{"JPEG of no height", "36×0 pixels", sized(t, "420.jpg", 36, 0), 8},
		{"JPEG of more than there is", "JPEG file: ", sized(t, "420.jpg", 360, 25), 8},
		{"progressive JPEG that ends within a scan", "truncated", read(t, "progressive.jpg")[:900], 8},
		{"WebP of more than there is", "WebP file: truncated", webp, 8},
	} {
		if _, err := Decode(c.file, c.side); err == nil || !strings.HasPrefix(err.Error(), "decode: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.what, err, c.want)
		}
	}
}

func TestTruncatedFilesAreErrors(t *testing.T) {
	names, _ := filepath.Glob("testdata/*.*")
	for _, name := range names {
		if filepath.Ext(name) == ".py" {
			continue
		}
		file := read(t, filepath.Base(name))
		for _, part := range []int{3, 5, 8} {
			if img, err := Decode(file[:len(file)*part/10], 9); err == nil && filepath.Ext(name) != ".tif" { // a TIFF directory may stand before pixels that are complete
				t.Errorf("%s: %d/10 of it are an image %d×%d", name, part, img.H, img.W)
			}
		}
	}
}

// A header of 64 megapixels without data makes the decoder allocate at most 32 bytes per pixel; a header above the limit, nothing.
func TestHeadersAllocateWithinBounds(t *testing.T) {
	for _, c := range []struct {
		what string
		file []byte
		most uint64
	}{
		{"refused", header(8193, 8192), 1 << 20},
		{"PNG", header(1024, 1024), 32 << 20},
		{"JPEG", sized(t, "420.jpg", 1024, 1024), 32 << 20},
		{"progressive JPEG", sized(t, "progressive.jpg", 1024, 1024), 32 << 20},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Decode(c.file, 8)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; err == nil || used > c.most {
			t.Errorf("%s: %d bytes (%v), want at most %d and an error", c.what, used, err, c.most)
		}
	}
}

func TestPanicsOfDecodersAreErrors(t *testing.T) {
	f := format{name: "X", config: func([]byte) (image.Config, error) { return image.Config{Width: 1, Height: 1}, nil },
		pixels: func(file []byte, _ int) (picture, error) { return picture{}, errors.New(string(file[9:])) }}
	used := budget.used
	if _, err := f.decode([]byte("x"), 8, 100); err == nil || !strings.Contains(err.Error(), "panicked") || budget.used != used {
		t.Errorf("%v, %d pixels still in work", err, budget.used-used)
	}
}

func TestHasImageExtension(t *testing.T) {
	for _, name := range []string{"a.jpg", "b/c.JPEG", "x.Jpe", "x.jfif", "x.png", "x.gif", "x.bmp", "x.webp", "x.tif", "x.TIFF", "x.HEIC", "x.nef", "x.svg"} {
		if !HasImageExtension(name) {
			t.Errorf("%s is not known", name)
		}
	}
	for _, name := range []string{"jpg", "a.txt", "a.jpg.txt", "", "a.json"} {
		if HasImageExtension(name) {
			t.Errorf("%s is known", name)
		}
	}
}
