package data

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// member is an entry of an archive.
type member struct {
	name    string
	content []byte
}

func tarOf(t testing.TB, members ...member) []byte {
	t.Helper()
	var w bytes.Buffer
	a := tar.NewWriter(&w)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Mode: 0o600, Size: int64(len(m.content)), Typeflag: tar.TypeReg}
		if m.content == nil {
			h.Typeflag, h.Linkname = tar.TypeSymlink, "/etc/passwd"
		}
		if err := a.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		a.Write(m.content)
	}
	a.Close()
	return w.Bytes()
}

func zipOf(t testing.TB, members ...member) []byte {
	t.Helper()
	var w bytes.Buffer
	a := zip.NewWriter(&w)
	for _, m := range members {
		h := &zip.FileHeader{Name: m.name, Method: zip.Deflate}
		h.SetMode(0o600)
		if m.content == nil {
			h.SetMode(os.ModeSymlink | 0o600)
		}
		f, err := a.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		f.Write(m.content)
	}
	a.Close()
	return w.Bytes()
}

func TestArchivesEqualTheSameFolder(t *testing.T) {
	dir := photos(t, 7)
	folder := openSize(t, dir, 16)
	var members []member
	for _, name := range folder.Files {
		members = append(members, member{name, contents(t, filepath.Join(dir, name))})
	}
	bad := []member{{"../../cat/evil\n.png", []byte("no image")}, {"cat/link.png", nil}, {"cat/.hidden.png", []byte("x")}, {"notes.txt", []byte("x")}}
	members = slices.Concat(bad[:1], members[:3], bad[1:], members[3:])
	members[1].name = "./" + members[1].name
	plain := tarOf(t, members...)
	for name, file := range map[string][]byte{"a.tar": plain, "a.tar.gz": gzipped(plain), "a.TGZ": gzipped(plain), "a.zip": zipOf(t, members...)} {
		path := write(t, file, t.TempDir(), name)
		s := openSize(t, path, 16)
		if s.Fingerprint() != folder.Fingerprint() || !slices.Equal(s.Files, folder.Files) || !slices.Equal(s.Classes, folder.Classes) {
			t.Errorf("%s: files %v, classes %v", name, s.Files, s.Classes)
		}
		want := []string{filepath.Join(path, "cat", "evil?.png"), filepath.Join(path, "cat", "link.png")}
		if len(s.Skipped) != 2 || s.Skipped[0].Path != want[0] || s.Skipped[1].Path != want[1] || s.Skipped[1].Reason != "not a regular file" {
			t.Errorf("%s: bad %v", name, s.Skipped)
		}
	}
}

func TestBuildOfACompressedArchiveResumes(t *testing.T) {
	one := pngOf(t, gray(4, 4, 1))
	var members []member
	for i := range 9 {
		members = append(members, member{fmt.Sprintf("%d.png", i), one})
	}
	path, o := write(t, gzipped(tarOf(t, members...)), t.TempDir(), "a.tgz"), cached(t, 4)
	want := openWith(t, path, o)
	set := cacheFiles(t, o, ".set")[0]
	whole := contents(t, set)
	if err := errors.Join(want.ToHeap(), os.Remove(set)); err != nil {
		t.Fatal(err)
	}
	record := 24 + 16 // bytes: 4×4 pixels
	write(t, whole[:56+4*record+3], filepath.Dir(set), strings.TrimSuffix(filepath.Base(set), ".set")+".part")
	var k log
	wantSame(t, openWith(t, path, k.options(o)), want)
	if len(k.done) != 5 || !k.has("resuming after 4 of 9") {
		t.Errorf("progress %v, notices %q", k.done, k.notices)
	}
}

func TestReadableEntriesOfDamagedArchivesAreKept(t *testing.T) {
	one := pngOf(t, gray(40, 40, 1))
	plain := tarOf(t, member{"a.png", one}, member{"b.png", one}, member{"c.png", one})
	for name, c := range map[string]struct {
		file []byte
		read int
	}{
		"cut.tar":       {plain[:2*1024+300], 2},
		"header.tar":    {slices.Concat(plain[:1024], flip(plain[1024:], 30)), 1},
		"cut.tar.gz":    {gzipped(plain)[:len(gzipped(plain))-40], 1},
		"enormous.tar":  {slices.Concat(plain[:1024], claims(t, 300<<20)), 1},
		"boundless.tar": {slices.Concat(plain[:1024], claims(t, 1<<62)), 1},
	} {
		s := openSize(t, write(t, c.file, t.TempDir(), name), 16)
		if s.Len() < c.read || s.Len() > 2 || len(s.Skipped) == 0 {
			t.Errorf("%s: read %v, bad %v", name, s.Files, s.Skipped)
		}
	}
	for name, file := range map[string][]byte{"a.tar": []byte("no archive at all, and that over more than one line"), "b.zip": []byte("PK"), "c.tgz": {0x1f, 0x8b, 8}} {
		wantError(t, write(t, file, t.TempDir(), name), 16, "data: archive", name, "give an intact")
	}
	wantError(t, write(t, tarOf(t), t.TempDir(), "empty.tar"), 16, "no images")
	wantError(t, write(t, zipOf(t, member{"a.png", []byte("x")}), t.TempDir(), "bad.zip"), 16, "none of its 1 images can be read", filepath.Join("bad.zip", "a.png"))
}

// claims returns a tar header of an image of n bytes that are missing.
func claims(t *testing.T, n int64) []byte {
	t.Helper()
	var w bytes.Buffer
	if err := tar.NewWriter(&w).WriteHeader(&tar.Header{Name: "big.png", Size: n, Mode: 0o600}); err != nil {
		t.Fatal(err)
	}
	return w.Bytes()
}

func TestListGivesFilesInOrderWithLabels(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"b.png", "a.png", "sub/c.png"} {
		write(t, pngOf(t, gray(4, 4, byte(i))), dir, name)
	}
	outside := write(t, pngOf(t, gray(4, 4, 9)), t.TempDir(), "d.png")
	for _, c := range []struct {
		what, text, classes string
		labels              []int32
	}{
		{"plain", "\ufeff# images\r\nb.png\r\n\r\na.png\nsub/c.png\n" + outside, "", nil},
		{"numbers", "b.png\t30\na.png\nsub/c.png\t 7 \n" + outside + "\t30", "7 30", []int32{1, -1, 0, 1}},
		{"names", "b.png\tzebra\na.png\t7\nsub/c.png\n" + outside + "\tape", "7 ape zebra", []int32{2, 0, -1, 1}},
		{"wild number", "b.png\t4000000000\na.png\t1\nsub/c.png\t1\n" + outside + "\t1", "1 4000000000", []int32{1, 0, 0, 0}},
	} {
		s := openSize(t, write(t, []byte(c.text), dir, "list.txt"), 4)
		if want := []string{"b.png", "a.png", "sub/c.png", filepath.ToSlash(outside)}; !slices.Equal(s.Files, want) {
			t.Errorf("%s: files %v", c.what, s.Files)
		}
		if !slices.Equal(s.Labels, c.labels) || !slices.Equal(s.Classes, strings.Fields(c.classes)) || (s.Labels == nil) != (c.labels == nil) {
			t.Errorf("%s: labels %v, classes %v", c.what, s.Labels, s.Classes)
		}
	}
	s := openSize(t, write(t, []byte("a.png\nnone.png\nsub\nhttps://x.org/a.png"), dir, "bad.lst"), 4)
	if s.Len() != 1 || len(s.Skipped) != 3 || s.Skipped[1].Path != filepath.Join(dir, "none.png") || s.Skipped[2].Reason != "not a regular file" ||
		!strings.Contains(s.Skipped[0].Reason, "download it") {
		t.Errorf("files %v, bad %v", s.Files, s.Skipped)
	}
	wantError(t, write(t, []byte("# nothing\n"), dir, "empty.txt"), 4, "data: list", "no images: write one path per line")
	wantError(t, write(t, []byte("none.png\t1\n"), dir, "missing.txt"), 4, "the first is "+filepath.Join(dir, "none.png"), "then optionally a tab and a label, as UTF-8 text")
	wantError(t, write(t, []byte("a\x00.\x00p\x00"), dir, "utf16.txt"), 4, "UTF-16 without a byte order mark")
	wantError(t, write(t, bytes.Repeat([]byte("a b "), 3000), dir, "prose.txt"), 4, `a line of 12000 bytes, which begins with "a b a b a b`, "write one path per line")
}

func TestChangedLabelOrOrderInAListChangesTheSet(t *testing.T) {
	dir, o := t.TempDir(), cached(t, 4)
	write(t, pngOf(t, gray(4, 4, 1)), dir, "a.png")
	write(t, pngOf(t, gray(4, 4, 2)), dir, "b.png")
	seen := map[string]bool{}
	for _, text := range []string{"a.png\t0\nb.png\t1", "a.png\t1\nb.png\t0", "b.png\t1\na.png\t0"} {
		seen[openWith(t, write(t, []byte(text), dir, "l.txt"), o).Fingerprint()] = true
	}
	if len(seen) != 3 {
		t.Errorf("%d sets of three lists", len(seen))
	}
}

func TestFramesOpenClipsInNaturalOrder(t *testing.T) {
	dir := t.TempDir()
	one := pngOf(t, gray(4, 4, 1))
	for _, name := range []string{"clip10/1.png", "clip2/frame10.png", "clip2/frame9.png", "clip2/frame09b.png", "clip2/frame1.png", "clip3/deep/7.png", "stray.png"} {
		write(t, one, dir, name)
	}
	write(t, []byte("x"), dir, "clip2/frame2.png")
	write(t, []byte("x"), dir, "clip4/1.png")
	s := openSize(t, "frames:"+dir, 4)
	if want := strings.Fields("clip2/frame1.png clip2/frame9.png clip2/frame09b.png clip2/frame10.png clip3/deep/7.png clip10/1.png"); !slices.Equal(s.Files, want) {
		t.Errorf("frames %v", s.Files)
	}
	if want := []Clip{clip("clip2", 0, 4), clip("clip3/deep", 4, 1), clip("clip10", 5, 1)}; !slices.Equal(s.Clips, want) || s.Labels != nil {
		t.Errorf("clips %v, labels %v", s.Clips, s.Labels)
	}
	if len(s.Skipped) != 3 || s.Skipped[2].Path != filepath.Join(dir, "stray.png") || !strings.Contains(s.Skipped[2].Reason, "in no clip") {
		t.Errorf("bad %v", s.Skipped)
	}
	classes := t.TempDir()
	for _, name := range []string{"run/a/1.png", "run/a/2.png", "jump/b/1.png"} {
		write(t, one, classes, name)
	}
	if s := openSize(t, "frames:"+classes, 4); !slices.Equal(s.Labels, []int32{0, 1, 1}) || !slices.Equal(s.Classes, []string{"jump", "run"}) {
		t.Errorf("labels %v, classes %v", s.Labels, s.Classes)
	}
	wantError(t, "frames:"+t.TempDir(), 4, "data: frames", "no images")
}

func TestNaturalOrderPutsTwoBeforeTen(t *testing.T) {
	want := strings.Fields("01 1 2 10 a a1 a1b a01c a2 a10 a100000000000000000000 b")
	got := slices.Clone(want)
	slices.Sort(got)
	slices.SortFunc(got, natural)
	if !slices.Equal(got, want) {
		t.Errorf("sorted %v, want %v", got, want)
	}
}

// cifarFile makes n records with head label bytes; pixel k of channel c of image i is i + c·50 + k mod 7.
func cifarFile(n, head int, label func(i int) byte) []byte {
	var b []byte
	for i := range n {
		b = append(b, bytes.Repeat([]byte{19}, head-1)...)
		b = append(b, label(i))
		for c := range 3 {
			for k := range 1024 {
				b = append(b, byte(i+c*50+k%7))
			}
		}
	}
	return b
}

func TestCIFARFilesAndFoldersOpen(t *testing.T) {
	dir := t.TempDir()
	label := func(i int) byte { return byte(9 - i) }
	for i := 1; i <= 10; i++ {
		write(t, cifarFile(i, 1, label), dir, fmt.Sprintf("data_batch_%d.bin", i))
	}
	write(t, cifarFile(2, 1, label), dir, "test_batch.bin")
	names := strings.Fields("airplane automobile bird cat deer dog frog horse ship truck")
	write(t, []byte(strings.Join(names, "\n")+"\n\n"), dir, "batches.meta.txt")
	s := openSize(t, dir, -1)
	if s.Len() != 55 || s.C != 3 || !slices.Equal(s.Classes, names) || !slices.Equal(s.Labels[:6], []int32{9, 9, 8, 9, 8, 7}) {
		t.Fatalf("%d images, labels %v, classes %v", s.Len(), s.Labels, s.Classes)
	}
	img := s.Image(54) // the last of data_batch_10.bin
	for k := range 1024 {
		if want := []byte{byte(9 + k%7), byte(59 + k%7), byte(109 + k%7)}; img.H != 32 || img.W != 32 || !bytes.Equal(img.Pix[3*k:3*k+3], want) {
			t.Fatalf("pixel %d is %v, want %v", k, img.Pix[3*k:3*k+3], want)
		}
	}
	if s := openSize(t, filepath.Join(dir, "test_batch.bin"), 0); s.Len() != 2 || !slices.Equal(s.Classes, names[8:]) {
		t.Errorf("test batch: %d images, classes %v", s.Len(), s.Classes)
	}
	hundred := t.TempDir()
	write(t, cifarFile(3, 2, func(i int) byte { return byte(99 - i) }), hundred, "train.bin")
	var fine []byte
	for i := range 100 {
		fine = fmt.Appendf(fine, "name%d\n", i)
	}
	write(t, fine, hundred, "fine_label_names.txt")
	s = openSize(t, hundred, 0)
	if want := strings.Fields("name97 name98 name99"); !slices.Equal(s.Labels, []int32{2, 1, 0}) || !slices.Equal(s.Classes, want) || s.Image(2).Pix[2] != 102 {
		t.Errorf("labels %v, classes %v, pixel %v", s.Labels, s.Classes, s.Image(2).Pix[:3])
	}
}

func TestBadCIFARAndSTLFilesAreErrors(t *testing.T) {
	good := cifarFile(2, 1, func(int) byte { return 1 })
	for _, c := range []struct {
		name        string
		file, names []byte
		want        string
	}{
		{"data_batch_1.bin", good[:len(good)-1], nil, "6145 bytes, not a multiple of the record size 3073"},
		{"data_batch_1.bin", nil, nil, "0 bytes"},
		{"test_batch.bin", cifarFile(2, 1, func(i int) byte { return byte(10 * i) }), nil, "label 10 of record 1: expected 0 to 9"},
		{"test_batch.bin", good, []byte("one\ntwo"), "batches.meta.txt: 2 names for 10 classes"},
		{"test_batch.bin", good, []byte("0\n1\n2\n3\n4\n5\n6\n7\n8\n0"), `batches.meta.txt: "0" is the name of two classes`},
		{"unlabeled_X.bin", make([]byte, 27647), nil, "not a multiple of the record size 27648"},
	} {
		dir := t.TempDir()
		path := write(t, c.file, dir, c.name)
		if c.names != nil {
			write(t, c.names, dir, "batches.meta.txt")
		}
		wantError(t, path, 0, dir, c.want)
	}
	for labels, want := range map[string]string{"\x01": "1 labels for the 2 images", "\x01\x0b": "label 11 of image 1: expected 1 to 10", "\x00\x01": "label 0 of image 0"} {
		path := write(t, make([]byte, 2*27648), t.TempDir(), "test_X.bin")
		write(t, []byte(labels), filepath.Dir(path), "test_y.bin")
		wantError(t, path, 0, "test_y.bin", want)
	}
}

func TestSTLPlanesAreStoredByColumn(t *testing.T) {
	dir := t.TempDir()
	b := make([]byte, 2*27648)
	for c := range 3 {
		b[27648+c*9216+5*96+7] = byte(100 + c) // column 5, row 7 of image 1
	}
	path := write(t, b, dir, "train_X.bin")
	s := openSize(t, path, 0)
	if img := s.Image(1); img.H != 96 || img.W != 96 || !bytes.Equal(img.Pix[3*(7*96+5):][:3], []byte{100, 101, 102}) || s.Labels != nil {
		t.Errorf("pixel %v, labels %v", img.Pix[3*(7*96+5):][:3], s.Labels)
	}
	write(t, []byte{10, 1}, dir, "train_y.bin")
	if s := openSize(t, path, 0); !slices.Equal(s.Labels, []int32{1, 0}) || !slices.Equal(s.Classes, []string{"1", "10"}) {
		t.Errorf("without names: labels %v, classes %v", s.Labels, s.Classes)
	}
	names := strings.Fields("airplane bird car cat deer dog horse monkey ship truck")
	write(t, []byte(strings.Join(names, "\n")), dir, "class_names.txt")
	if s := openSize(t, path, 0); !slices.Equal(s.Labels, []int32{1, 0}) || !slices.Equal(s.Classes, []string{"airplane", "truck"}) {
		t.Errorf("labels %v, classes %v", s.Labels, s.Classes)
	}
}

func TestLargeFilesAreSkipped(t *testing.T) {
	dir := t.TempDir()
	path := write(t, pngOf(t, gray(4, 4, 1)), dir, "a.png")
	write(t, pngOf(t, gray(4, 4, 1)), dir, "b.png")
	if err := os.Truncate(path, 1<<30+1); err != nil { // more than stands in memory at once
		t.Skip(err)
	}
	if s := openSize(t, dir, 4); s.Len() != 1 || len(s.Skipped) != 1 || s.Skipped[0].Reason != "1073741825 bytes: more than 268435456" {
		t.Errorf("read %v, bad %v", s.Files, s.Skipped)
	}
}
