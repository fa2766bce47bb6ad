package data

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func pngOf(t *testing.T, img image.Image) []byte {
	t.Helper()
	var w bytes.Buffer
	if err := png.Encode(&w, img); err != nil {
		t.Fatal(err)
	}
	return w.Bytes()
}

func jpegOf(t *testing.T, img image.Image) []byte {
	t.Helper()
	var w bytes.Buffer
	if err := jpeg.Encode(&w, img, &jpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	return w.Bytes()
}

// gray is a w×h gray image of one value, rgb the same in one colour.
func gray(w, h int, v byte) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = v
	}
	return img
}

func rgb(w, h int, c color.NRGBA) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		img.SetNRGBA(i%w, i/w, c)
	}
	return img
}

func openSize(t *testing.T, name string, size int) *Set {
	t.Helper()
	s, err := Open(name, size)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFolderTakesClassesFromItsFirstLevelOnlyWhereAllImagesHaveOne(t *testing.T) {
	one := pngOf(t, gray(4, 4, 9))
	for _, c := range []struct {
		what, files, classes string
		order                string
		labels               []int32
	}{
		{"flat", "b.png a.PNG", "", "a.PNG b.png", nil},
		{"sorted by path, not by folder", "cat/a.png cat-b.png", "", "cat-b.png cat/a.png", nil},
		{"two classes", "dog/b.png cat/deep/er/x.Png cat/a.png dog/readme.txt", "cat dog", "cat/a.png cat/deep/er/x.Png dog/b.png", []int32{0, 0, 1}},
		{"one class", "cat/a.png cat/b.png", "", "cat/a.png cat/b.png", nil},
		{"one stray", "cat/a.png dog/a.png c.png", "", "c.png cat/a.png dog/a.png", nil},
		{"a folder without images is no class", "cat/a.png cat/b/c.png dog/notes.txt", "", "cat/a.png cat/b/c.png", nil},
		{"hidden", "cat/a.png dog/a.png .thumbs/a.png cat/._a.png", "cat dog", "cat/a.png dog/a.png", []int32{0, 1}},
	} {
		dir := t.TempDir()
		for _, f := range strings.Fields(c.files) {
			write(t, one, dir, f)
		}
		s := openSize(t, dir, 4)
		if !slices.Equal(s.Files, strings.Fields(c.order)) || !slices.Equal(s.Labels, c.labels) || !slices.Equal(s.Classes, strings.Fields(c.classes)) {
			t.Errorf("%s: files %v, labels %v, classes %v", c.what, s.Files, s.Labels, s.Classes)
		}
		if (s.Labels == nil) != (c.labels == nil) || (s.Classes == nil) != (c.classes == "") || s.Name != dir {
			t.Errorf("%s: labels %v, classes %v, name %s", c.what, s.Labels, s.Classes, s.Name)
		}
	}
}

func TestFolderIsGrayOnlyWhereEveryReadableImageIs(t *testing.T) {
	dir := t.TempDir()
	write(t, pngOf(t, gray(8, 8, 50)), dir, "a.png")
	write(t, jpegOf(t, gray(8, 8, 60)), dir, "b.jpg")
	palette := image.NewPaletted(image.Rect(0, 0, 8, 8), color.Palette{color.Gray{70}, color.Gray{80}})
	write(t, pngOf(t, palette), dir, "c.png")
	deep := image.NewGray16(image.Rect(0, 0, 8, 8))
	for i := range deep.Pix {
		deep.Pix[i] = 90
	}
	write(t, pngOf(t, deep), dir, "d.png")
	colour := pngOf(t, rgb(8, 8, color.NRGBA{200, 100, 0, 255}))
	write(t, colour[:len(colour)/2], dir, "e.png") // in colour, but unreadable
	s := openSize(t, dir, 2)
	if s.C != 1 || s.Len() != 4 || len(s.Bad) != 1 {
		t.Fatalf("%d channels, %d images, bad %v", s.C, s.Len(), s.Bad)
	}
	for i, want := range []byte{50, 60, 70, 90} {
		if s.Image(i)[0] != want {
			t.Errorf("%s is %v, want %d", s.Files[i], s.Image(i), want)
		}
	}
	write(t, colour, dir, "e.png")
	s = openSize(t, dir, 2)
	if s.C != 3 || s.Len() != 5 || s.H != 2 || s.W != 2 {
		t.Fatalf("%d channels, %d images", s.C, s.Len())
	}
	if got, want := s.Image(0)[:3], []byte{50, 50, 50}; !bytes.Equal(got, want) {
		t.Errorf("gray among colours is %v, want %v", got, want)
	}
	if got, want := s.Image(4)[:3], []byte{200, 100, 0}; !bytes.Equal(got, want) {
		t.Errorf("colour is %v, want %v", got, want)
	}
}

func TestTransparencyIsCompositedOnBlack(t *testing.T) {
	dir := t.TempDir()
	write(t, pngOf(t, rgb(4, 4, color.NRGBA{200, 100, 50, 128})), dir, "a.png")
	s := openSize(t, dir, 4)
	for c, want := range []int{100, 50, 25} { // half of each; a level for the rounding of alpha 128/255
		if got := int(s.Image(0)[c]); got < want-1 || got > want+1 {
			t.Errorf("channel %d is %d, want %d", c, got, want)
		}
	}
}

func TestFolderImagesKeepTheCentreSquare(t *testing.T) {
	dir := t.TempDir()
	// 12×4 and 4×12: a bright middle square between dark ends, which the crop must drop whole.
	for name, wide := range map[string]bool{"wide.png": true, "tall.png": false} {
		img := gray(12, 4, 10)
		if !wide {
			img = gray(4, 12, 10)
		}
		for i := range 16 {
			if wide {
				img.SetGray(4+i%4, i/4, color.Gray{uint8(100 + i)})
			} else {
				img.SetGray(i%4, 4+i/4, color.Gray{uint8(100 + i)})
			}
		}
		write(t, pngOf(t, img), dir, name)
	}
	s := openSize(t, dir, 4)
	for i := range 2 {
		for j, v := range s.Image(i) {
			if int(v) != 100+j { // at scale 1 the resampling is the identity
				t.Fatalf("%s: pixel %d is %d, want %d", s.Files[i], j, v, 100+j)
			}
		}
	}
}

func TestShrinkingDoesNotAlias(t *testing.T) {
	dir := t.TempDir()
	img := image.NewGray(image.Rect(0, 0, 64, 64))
	for i := range img.Pix {
		img.Pix[i] = byte(255 * ((i + 2) / 4 % 2)) // stripes of period 8, bright around each new pixel's centre: mean 127.5, samples there 255
	}
	write(t, pngOf(t, img), dir, "a.png")
	for _, v := range openSize(t, dir, 8).Image(0) {
		if v < 112 || v > 143 { // the filter is cut at the border, which unbalances its weights by some ten levels; without it: 255
			t.Fatalf("a pixel of %d in shrunk stripes", v)
		}
	}
}

// headerOnly is a PNG that announces w×h pixels and holds none.
func headerOnly(w, h uint32) []byte {
	chunk := append([]byte("IHDR"), binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)...)
	chunk = append(chunk, 8, 0, 0, 0, 0) // 8 bits, gray
	out := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), chunk...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(chunk))
}

func TestUnreadableImagesAreSkippedAndListed(t *testing.T) {
	dir := t.TempDir()
	good := pngOf(t, gray(6, 6, 40))
	photo := jpegOf(t, rgb(40, 40, color.NRGBA{1, 2, 3, 255}))
	write(t, good, dir, "cat", "good.png")
	write(t, good, dir, "cat", "misnamed.jpg") // content decides
	write(t, nil, dir, "ape", "empty.png")
	write(t, []byte("not an image"), dir, "cat", "text.jpeg")
	write(t, photo[:len(photo)-30], dir, "dog", "cut.jpg")
	write(t, headerOnly(20000, 20000), dir, "dog", "huge.png")
	if err := os.Symlink("nowhere.png", filepath.Join(dir, "dog", "link.png")); err != nil {
		t.Fatal(err)
	}
	write(t, good, dir, "dog", "z.png")
	s := openSize(t, dir, 3)
	if want := []string{"cat/good.png", "cat/misnamed.jpg", "dog/z.png"}; !slices.Equal(s.Files, want) {
		t.Errorf("read %v, want %v", s.Files, want)
	}
	// The class whose only image is broken keeps its number.
	if !slices.Equal(s.Classes, []string{"ape", "cat", "dog"}) || !slices.Equal(s.Labels, []int32{1, 1, 2}) {
		t.Errorf("classes %v, labels %v", s.Classes, s.Labels)
	}
	want := [][2]string{{"ape/empty.png", ""}, {"cat/text.jpeg", "unknown format"}, {"dog/cut.jpg", "JPEG"},
		{"dog/huge.png", "20000×20000 pixels: more than 100000000"}, {"dog/link.png", "no such file"}}
	if len(s.Bad) != len(want) {
		t.Fatalf("bad files %v", s.Bad)
	}
	for i, w := range want {
		if b := s.Bad[i]; b.Path != filepath.Join(dir, w[0]) || !strings.Contains(b.Reason, w[1]) || b.Reason == "" {
			t.Errorf("bad file %v, want %v", b, w)
		}
	}
}

func TestFoldersWithNothingToReadAreErrors(t *testing.T) {
	empty := t.TempDir()
	wantError(t, empty, 32, "data: folder "+empty+": no images: expected .png, .jpg or .jpeg files below it")
	write(t, []byte("x"), empty, "sub", "notes.txt")
	wantError(t, empty, 32, "no images")
	broken := t.TempDir()
	write(t, []byte("x"), broken, "b.png")
	write(t, []byte("y"), broken, "a.jpg")
	wantError(t, broken, 32, "none of its 2 images can be read: first "+filepath.Join(broken, "a.jpg"))
}

func TestFoldersFollowLinksButNotInCircles(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	write(t, pngOf(t, gray(4, 4, 1)), dir, "a", "x.png")
	write(t, pngOf(t, gray(4, 4, 2)), other, "y.png")
	for name, target := range map[string]string{"b": other, "a/up": dir, "a/self": "."} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if s := openSize(t, dir, 4); !slices.Equal(s.Files, []string{"a/x.png", "b/y.png"}) {
		t.Errorf("read %v", s.Files)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if s := openSize(t, link, 4); s.Len() != 2 {
		t.Errorf("through a link: %v", s.Files)
	}
}

func TestFolderDoesNotDependOnTheNumberOfProcessors(t *testing.T) {
	dir := t.TempDir()
	for i := range 40 {
		write(t, jpegOf(t, rgb(20+i, 30, color.NRGBA{byte(i * 6), byte(255 - i), 7, 255})), dir, string(rune('a'+i%3)), string(rune('A'+i))+".jpg")
	}
	write(t, []byte("x"), dir, "a", "bad.png")
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	one := openSize(t, dir, 16)
	runtime.GOMAXPROCS(8)
	eight := openSize(t, dir, 16)
	if one.Fingerprint() != eight.Fingerprint() || !slices.Equal(one.Files, eight.Files) || !slices.Equal(one.Bad, eight.Bad) {
		t.Error("one and eight processors read different sets")
	}
}
