package data

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
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

// gray returns a w×h gray image of one value, rgb one of one color.
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

func TestFirstLevelFoldersAreClassesIfEveryImageIsInOne(t *testing.T) {
	one := pngOf(t, gray(4, 4, 9))
	for _, c := range []struct {
		what, files, classes string
		order                string
		labels               []int32
	}{
		{"flat", "b.png a.PNG", "", "a.PNG b.png", nil},
		{"sorted by path, not by folder", "cat/a.png cat-b.png", "", "cat-b.png cat/a.png", nil},
		{"two classes", "dog/b.png cat/deep/er/x.Png cat/a.png dog/readme.txt", "cat dog", "cat/a.png cat/deep/er/x.Png dog/b.png", []int32{0, 0, 1}},
		{"numbers in their order", "10/a.png 9/a.png", "9 10", "10/a.png 9/a.png", []int32{1, 0}},
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

func TestImagesKeepTheirChannelsAndTheSetHasTheMaximum(t *testing.T) {
	dir := t.TempDir()
	write(t, pngOf(t, gray(8, 6, 51)), dir, "a.png")
	write(t, jpegOf(t, gray(8, 8, 102)), dir, "b.jpg")
	color := pngOf(t, rgb(8, 8, color.NRGBA{255, 102, 0, 255}))
	write(t, color[:len(color)/2], dir, "e.png") // in color, but unreadable
	s := openSize(t, dir, 8)
	if h, w, uniform := s.Size(); s.C != 1 || s.Len() != 2 || len(s.Skipped) != 1 || h != 8 || w != 8 || uniform || s.MaxPixels() != 64 {
		t.Fatalf("%d channels, %d images of up to %d×%d, bad %v", s.C, s.Len(), h, w, s.Skipped)
	}
	write(t, color, dir, "e.png")
	s = openSize(t, dir, 8)
	if s.C != 3 || s.Len() != 3 || s.Image(0).C != 1 || s.Image(2).C != 3 {
		t.Fatalf("%d channels, %d images", s.C, s.Len())
	}
	if img := s.Image(0); img.H != 6 || img.W != 8 || img.Pix[0] != 51 {
		t.Errorf("gray image is %d×%d of %d", img.H, img.W, img.Pix[0])
	}
	if got, want := s.Image(2).Pix[:3], []byte{255, 102, 0}; !bytes.Equal(got, want) {
		t.Errorf("color is %v, want %v", got, want)
	}
	// 48 pixels of 0.2, 64 of 0.4, 64 of (1, 0.4, 0); gray counts in each channel.
	mean, _ := s.Stats()
	for c, v := range []float64{1, 0.4, 0} {
		if want := (48*0.2 + 64*0.4 + 64*v) / 176; math.Abs(mean[c]-want) > 1e-12 {
			t.Errorf("mean of channel %d is %v, want %v", c, mean[c], want)
		}
	}
	idx := []int{0, 1, 2}
	again, std := s.Subset(idx).Stats()
	if _, want := s.Stats(); !slices.Equal(again, mean) || !slices.Equal(std, want) || s.Subset(idx).Fingerprint() != s.Fingerprint() {
		t.Error("what the cache holds is not what the pixels give")
	}
	if u := s.Subset([]int{1, 0}); u.C != 3 || u.MaxPixels() != 64 {
		t.Errorf("the gray ones alone have %d channels and %d pixels, want the 3 of the whole set and 64", u.C, u.MaxPixels())
	}
}

func TestFolderImagesAreResizedToTheStoredSide(t *testing.T) {
	dir := t.TempDir()
	write(t, pngOf(t, gray(80, 60, 1)), dir, "a.png")
	write(t, pngOf(t, gray(20, 10, 1)), dir, "b.png")
	s := openSize(t, dir, 30)
	if a, b := s.Image(0), s.Image(1); a.H != 30 || a.W != 40 || b.H != 10 || b.W != 20 {
		t.Errorf("stored as %d×%d and %d×%d", a.H, a.W, b.H, b.W)
	}
}

// A file server, a phone's computer and a Mac leave folders beside the images of a user.
func TestFoldersThatSystemsMakeAreLeftOutWithANote(t *testing.T) {
	one := pngOf(t, gray(4, 4, 1))
	var members []member
	for _, name := range []string{"cat/a.png", "cat/@eaDir/a.png/thumb.png", "dog/b.png", "dog/@eaDir/b.png/thumb.png", "__MACOSX/cat/._a.png", ".trash/c.png", "dog/.d.png"} {
		members = append(members, member{name, one})
	}
	dir := t.TempDir()
	for _, m := range members {
		write(t, m.content, dir, m.name)
	}
	o := cached(t, 4)
	for _, name := range []string{dir, write(t, zipOf(t, members...), t.TempDir(), "a.zip"), write(t, tarOf(t, members...), t.TempDir(), "a.tar")} {
		openWith(t, name, o)
		s := openWith(t, name, o) // from the cache
		if !slices.Equal(s.Files, []string{"cat/a.png", "dog/b.png"}) || !slices.Equal(s.Classes, []string{"cat", "dog"}) {
			t.Errorf("%s: files %q, classes %q", name, s.Files, s.Classes)
		}
		want := []SkippedFile{{filepath.Join(name, "__MACOSX"), "folders of this name are left out: metadata of macOS"},
			{filepath.Join(name, "cat", "@eaDir"), "folders of this name are left out: thumbnails of a Synology file server"}}
		if !slices.Equal(s.Skipped, want) {
			t.Errorf("%s: skipped %v", name, s.Skipped)
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, "__MACOSX")); err != nil {
		t.Fatal(err)
	}
	if s := openWith(t, dir, o); len(s.Skipped) != 1 {
		t.Errorf("a folder that is gone is listed: %v", s.Skipped)
	}
	write(t, one, dir, "@eaDir", "e.png")
	if s := openSize(t, filepath.Join(dir, "@eaDir"), 4); s.Len() != 1 {
		t.Errorf("given by name: %d images", s.Len())
	}
	broken := t.TempDir()
	write(t, one, broken, "@eaDir", "a.png")
	write(t, []byte("x"), broken, "b.png")
	wantError(t, broken, 4, "the first is "+filepath.Join(broken, "b.png"))
}

// headerOnly returns a PNG file whose header announces w×h pixels and that holds none.
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
	want := [][2]string{{"ape/empty.png", ""}, {"cat/text.jpeg", ""}, {"dog/cut.jpg", ""}, {"dog/huge.png", ""}}
	if hasLinks(t) {
		if err := os.Symlink("nowhere.png", filepath.Join(dir, "dog", "link.png")); err != nil {
			t.Fatal(err)
		}
		want = append(want, [2]string{"dog/link.png", syscall.ENOENT.Error()})
	}
	write(t, good, dir, "dog", "z.png")
	s := openSize(t, dir, 3)
	if want := []string{"cat/good.png", "cat/misnamed.jpg", "dog/z.png"}; !slices.Equal(s.Files, want) {
		t.Errorf("read %v, want %v", s.Files, want)
	}
	if !slices.Equal(s.Classes, []string{"cat", "dog"}) || !slices.Equal(s.Labels, []int32{0, 0, 1}) { // no image of ape
		t.Errorf("classes %v, labels %v", s.Classes, s.Labels)
	}
	if len(s.Skipped) != len(want) {
		t.Fatalf("bad files %v", s.Skipped)
	}
	for i, w := range want {
		if b := s.Skipped[i]; b.Path != filepath.Join(dir, w[0]) || !strings.Contains(b.Reason, w[1]) || b.Reason == "" {
			t.Errorf("bad file %v, want %v", b, w)
		}
	}
}

func TestFoldersWithoutReadableImagesAreErrors(t *testing.T) {
	empty := t.TempDir()
	wantError(t, empty, 32, "data: folder "+empty+": no images: it is empty: expected .png, .jpg or other images")
	write(t, []byte("x"), empty, "sub", "notes.txt")
	wantError(t, empty, 32, "no images: it holds 1 .txt file: expected")
	broken := t.TempDir()
	write(t, []byte("x"), broken, "b.png")
	write(t, []byte("y"), broken, "a.jpg")
	wantError(t, broken, 32, "none of its 2 images can be read: give intact ones: the first is "+filepath.Join(broken, "a.jpg"))
}

// hasLinks reports whether links can be made. Windows allows them to administrators alone, and in Wine 8 CreateSymbolicLink makes none.
func hasLinks(t *testing.T) bool {
	t.Helper()
	link := filepath.Join(t.TempDir(), "link")
	err := os.Symlink(t.TempDir(), link)
	if err == nil {
		_, err = os.Stat(link)
	}
	if err != nil && runtime.GOOS != "windows" {
		t.Fatal(err)
	}
	return err == nil
}

// needLinks skips a test where no links can be made.
func needLinks(t *testing.T) {
	t.Helper()
	if !hasLinks(t) {
		t.Skip("no links can be made")
	}
}

func TestLinksAreFollowedWithoutCycles(t *testing.T) {
	needLinks(t)
	dir, other := t.TempDir(), t.TempDir()
	write(t, pngOf(t, gray(4, 4, 1)), dir, "a", "x.png")
	write(t, pngOf(t, gray(4, 4, 2)), other, "y.png")
	for name, target := range map[string]string{"b": other, "a/up": dir, "a/self": ".", "a/no.png": "no.png"} {
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

// Twelve folders with links to each other have 12! paths; each is read once, by its own path.
func TestLinkedFoldersAreReadOnce(t *testing.T) {
	needLinks(t)
	dir := t.TempDir()
	for i := range 12 {
		name := fmt.Sprintf("d%02d", i)
		write(t, pngOf(t, gray(2, 2, byte(i))), dir, name, "x.png")
		if err := os.Symlink("..", filepath.Join(dir, name, "all")); err != nil {
			t.Fatal(err)
		}
		for k := range 12 {
			if err := os.Symlink(fmt.Sprintf("../d%02d", k), filepath.Join(dir, name, fmt.Sprintf("l%02d", k))); err != nil {
				t.Fatal(err)
			}
		}
	}
	if s := openSize(t, dir, 2); s.Len() != 12 || s.Files[11] != "d11/x.png" {
		t.Errorf("read %v", s.Files)
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
	if one.Fingerprint() != eight.Fingerprint() || !slices.Equal(one.Files, eight.Files) || !slices.Equal(one.Skipped, eight.Skipped) {
		t.Error("one and eight processors read different sets")
	}
}
