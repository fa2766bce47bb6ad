package data

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// patchZip changes the flags and the method of every entry from the given one on, in both of its headers.
func patchZip(file []byte, from int, change func(flags, method []byte)) []byte {
	out := slices.Clone(file)
	for _, header := range []struct {
		magic string
		flags int
	}{{"PK\x03\x04", 6}, {"PK\x01\x02", 8}} {
		n := 0
		for at := range out {
			if !bytes.HasPrefix(out[at:], []byte(header.magic)) {
				continue
			}
			if n++; n > from {
				change(out[at+header.flags:][:2], out[at+header.flags+2:][:2])
			}
		}
	}
	return out
}

func TestEntriesThatCannotBeUnpackedAreNamed(t *testing.T) {
	one := pngOf(t, gray(4, 4, 1))
	file := zipOf(t, member{"a/1.png", one}, member{"b/2.png", one}, member{"b/3.png", one})
	encrypt := func(flags, _ []byte) { flags[0] |= 1 }
	method := func(m uint16) func(_, method []byte) {
		return func(_, method []byte) { binary.LittleEndian.PutUint16(method, m) }
	}
	path := func(b []byte) string { return write(t, b, t.TempDir(), "a.zip") }
	wantError(t, path(patchZip(file, 0, encrypt)), 4, "a.zip: encrypted: unpack it with its password, and give the folder")
	s := openSize(t, path(patchZip(file, 1, encrypt)), 4)
	if s.Len() != 1 || len(s.Skipped) != 2 || !strings.HasPrefix(s.Skipped[0].Reason, "encrypted: ") {
		t.Errorf("partly encrypted: read %v, skipped %v", s.Files, s.Skipped)
	}
	for m, want := range map[uint16]string{9: "Deflate64", 14: "LZMA", 93: "Zstandard", 95: "xz", 98: "PPMd", 77: "method 77"} {
		wantError(t, path(patchZip(file, 0, method(m))), 4, filepath.Join("a", "1.png")+": compressed by "+want+", which is not read: unpack the archive, and give the folder")
		if s := openSize(t, path(patchZip(file, 2, method(m))), 4); s.Len() != 2 || len(s.Skipped) != 1 {
			t.Errorf("%s: read %v, skipped %v", want, s.Files, s.Skipped)
		}
	}
	for name, file := range map[string]string{
		"a.tar": "\xfd7zXZ\x00\x00", "b.tar.gz": "\x28\xb5\x2f\xfd", "c.tar.xz": "x", "d.7z": "x", "e.rar": "x", "f.tar.zst": "x", "g.png.gz": "x",
	} {
		wantError(t, write(t, []byte(file), t.TempDir(), name), 4, "not read: unpack it, and give the folder")
	}
	for _, name := range []string{"a.tar", "b.zip", "c.tgz"} {
		wantError(t, write(t, []byte("\n<html>Virus scan warning"), t.TempDir(), name), 4, name+": a web page, not an archive: download it again")
	}
}

// zipNamed returns a zip archive whose names are bytes in any character set, without the flag for UTF-8.
func zipNamed(t *testing.T, names ...string) []byte {
	t.Helper()
	var w bytes.Buffer
	a := zip.NewWriter(&w)
	one := pngOf(t, gray(4, 4, 1))
	for _, n := range names {
		f, err := a.CreateHeader(&zip.FileHeader{Name: n, NonUTF8: true})
		if err == nil {
			_, err = f.Write(one)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	return w.Bytes()
}

func TestNamesOfWindowsArchivesAreRead(t *testing.T) {
	for _, c := range []struct {
		what           string
		names, classes []string
	}{
		{"backslashes", []string{`cat\1.png`, `dog\sub\2.png`}, []string{"cat", "dog"}},
		{"a backslash in a name", []string{`cat/a\1.png`, `dog/2.png`}, []string{"cat", "dog"}},
		{"UTF-8 without the flag", []string{"Käfer/1.png", "Löwe/2.png"}, []string{"Käfer", "Löwe"}},
		{"code page 437", []string{"K\x84fer/1.png", "K\x94fer/2.png"}, []string{"Käfer", "Köfer"}},
		{"code page 437 and backslashes", []string{"K\x84fer\\1.png", "K\x94fer\\2.png"}, []string{"Käfer", "Köfer"}},
		{"Shift JIS, with a backslash as second byte", []string{"\x95\x5c\x8e\xa6/1.png", "\x8cN/2.png"}, []string{"表示", "君"}},
	} {
		s := openSize(t, write(t, zipNamed(t, c.names...), t.TempDir(), "a.zip"), 4)
		if got := slices.Sorted(slices.Values(s.Classes)); s.Len() != 2 || !slices.Equal(got, slices.Sorted(slices.Values(c.classes))) {
			t.Errorf("%s: files %q, classes %q", c.what, s.Files, s.Classes)
		}
	}
	one := pngOf(t, gray(4, 4, 1)) // two tar names that differ in bytes that are not UTF-8 are two classes
	s := openSize(t, write(t, tarOf(t, member{"caf\xe9/1.png", one}, member{"caf\xe8/2.png", one}), t.TempDir(), "a.tar"), 4)
	if got := slices.Sorted(slices.Values(s.Classes)); !slices.Equal(got, []string{"cafè", "café"}) {
		t.Errorf("Latin-1: classes %q", s.Classes)
	}
}

func TestImagesWithoutAnExtensionAreRecognizedInFoldersAndArchives(t *testing.T) {
	one := pngOf(t, gray(4, 4, 1))
	heic := []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic")
	members := []member{{"a", one}, {"b.jpg.1", one}, {"c", heic}, {"d", []byte("text")}, {"e.dat", one}, {"f.HEIC", heic}, {"g.nef", []byte("MM\x00*\x00\x00\x00\x08")}}
	folder := t.TempDir()
	for _, m := range members {
		write(t, m.content, folder, m.name)
	}
	plain := tarOf(t, members...)
	for _, path := range []string{folder, write(t, plain, t.TempDir(), "a.tar"), write(t, gzipped(plain), t.TempDir(), "a.tgz"), write(t, zipOf(t, members...), t.TempDir(), "a.zip")} {
		s := openSize(t, path, 4)
		if !slices.Equal(s.Files, []string{"a", "b.jpg.1"}) {
			t.Errorf("%s: read %q", path, s.Files)
		}
		var skipped []string
		for _, b := range s.Skipped {
			skipped = append(skipped, filepath.Base(b.Path)+": "+strings.TrimSuffix(b.Reason, " is not supported: convert the file to JPEG or PNG"))
		}
		if want := []string{"c: the format HEIC", "f.HEIC: the format HEIC", "g.nef: the format camera RAW"}; !slices.Equal(skipped, want) {
			t.Errorf("%s: skipped %q", path, skipped)
		}
	}
}

func TestClassesOfAnArchiveWithOneTopFolderAreBelowIt(t *testing.T) {
	one := pngOf(t, gray(4, 4, 1))
	for want, names := range map[string]string{
		"cat dog": "pets/cat/1.png pets/dog/2.png", "a b": "data/pets/a/1.png data/pets/b/sub/2.png", "": "pets/1.png pets/dog/2.png", "x y": "cat/x/1.png cat/y/1.png",
	} {
		var members []member
		folder := t.TempDir()
		for _, n := range strings.Fields(names) {
			members = append(members, member{n, one})
			write(t, one, folder, n)
		}
		for _, path := range []string{folder, write(t, tarOf(t, members...), t.TempDir(), "a.tar"), write(t, zipOf(t, members...), t.TempDir(), "a.zip")} {
			if s := openSize(t, path, 4); !slices.Equal(s.Classes, strings.Fields(want)) {
				t.Errorf("%s in %s: classes %q", names, path, s.Classes)
			}
		}
	}
}

func TestFolderOfArchivesIsOneSet(t *testing.T) {
	dir := t.TempDir()
	image := func(v byte) []byte { return pngOf(t, gray(4, 4, v)) }
	write(t, tarOf(t, member{"cat/1.png", image(1)}, member{"dog/2.png", image(2)}, member{"dog/bad.png", []byte("x")}), dir, "part10.tar")
	write(t, gzipped(tarOf(t, member{"cat/3.png", image(3)})), dir, "part2.tar.gz")
	write(t, zipOf(t, member{"dog/4.png", image(4)}), dir, "more", "part.zip")
	write(t, []byte("x"), dir, "readme.txt")
	var k log
	o := k.options(cached(t, 4))
	s := openWith(t, dir, o)
	files := []string{"more/part.zip/dog/4.png", "part2.tar.gz/cat/3.png", "part10.tar/cat/1.png", "part10.tar/dog/2.png"}
	if !slices.Equal(s.Files, files) || !slices.Equal(s.Classes, []string{"cat", "dog"}) || !slices.Equal(s.Labels, []int32{1, 0, 0, 1}) {
		t.Errorf("files %q, classes %q, labels %v", s.Files, s.Classes, s.Labels)
	}
	if s.Image(2).Pix[0] != 1 || len(s.Skipped) != 1 || s.Skipped[0].Path != filepath.Join(dir, "part10.tar", "dog", "bad.png") || !k.has("archives in it as one set") {
		t.Errorf("pixel %d, skipped %v, notices %q", s.Image(2).Pix[0], s.Skipped, k.notices)
	}
	write(t, zipOf(t, member{"dog/4.png", image(4)}, member{"dog/5.png", image(5)}), dir, "more", "part.zip")
	if s := openWith(t, dir, o); s.Len() != 5 {
		t.Errorf("after a part changed: %q", s.Files)
	}
}

func TestErrorsForSetsWithoutImagesSayWhatIsThere(t *testing.T) {
	cifar := cifarFile(2, 1, func(int) byte { return 1 })
	inner := tarOf(t)
	for _, c := range []struct {
		want  string
		files []member
	}{
		{"it is empty: expected .png", nil},
		{"it holds 2 .txt files and 1 .json file: expected .png", []member{{"a.txt", []byte("x")}, {"b/c.TXT", []byte("x")}, {"d.json", []byte("x")}}},
		{"it holds 1 file without an extension: expected", []member{{"README", []byte("x")}}},
		{"it holds archives (parts/x.7z): give one of them, or unpack them", []member{{"parts/x.7z", []byte("x")}}},
		{"it holds data sets in x/a, x/b: give one of them", []member{{"x/a/data_batch_1.bin", cifar}, {"x/b/test_batch.bin", cifar}}},
	} {
		dir := t.TempDir()
		for _, f := range c.files {
			write(t, f.content, dir, f.name)
		}
		wantError(t, dir, 4, "data: folder "+dir+": no images: "+c.want)
	}
	for want, file := range map[string][]byte{
		"it holds archives (a.tar, b.zip): unpack it, and give one of them":        tarOf(t, member{"a.tar", inner}, member{"b.zip", inner}),
		"it holds the data set c/data_batch_1.bin: unpack it, and give the folder": tarOf(t, member{"c/data_batch_1.bin", cifar}),
		"it holds 1 .md file: expected .png, .jpg or other images in it":           tarOf(t, member{"a.md", inner}),
	} {
		wantError(t, write(t, file, t.TempDir(), "a.tar"), 4, "no images: "+want)
	}
}

// bzip2Tar is a tar archive of a PGM of one pixel of value 7, made by
//
//	printf 'P5 1 1 255\n\007' > a.pgm
//	tar --format=ustar --owner=0 --group=0 --mtime=@0 --numeric-owner -b1 -c a.pgm | bzip2 -9 | base64
const bzip2Tar = "QlpoOTFBWSZTWWAPujYAADlbkMqQQAF3BEAIYIJeAAQAAgggAFQ0hNMTRkehMNBipp6ageoGgDPRS/ImwBEdNmgmeYIRGCeSgcWwiWQJpZuohy0NE2MiszjR" +
	"cBpQTWc4NESBFsXckU4UJBgD7o2A"

func TestBzip2IsRead(t *testing.T) {
	file, err := base64.StdEncoding.DecodeString(bzip2Tar)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.tar.bz2", "a.tbz2", "a.tar"} {
		if s := openSize(t, write(t, file, t.TempDir(), name), 4); s.Len() != 1 || s.Image(0).Pix[0] != 7 {
			t.Errorf("%s: %d images, pixel %d", name, s.Len(), s.Image(0).Pix[0])
		}
	}
}
