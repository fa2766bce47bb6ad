package idx

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// three is the encoding of [2 2 3] with elements 0 … 11, by the description of the format.
var three = []byte{0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}

func zip(b []byte) []byte {
	var w bytes.Buffer
	z := gzip.NewWriter(&w)
	z.Write(b)
	z.Close()
	return w.Bytes()
}

func TestWriteGivesThePublishedBytesAndReadGivesTheArrayBack(t *testing.T) {
	var w bytes.Buffer
	if err := Write(&w, Array{Dims: []int{2, 2, 3}, Data: three[16:]}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(w.Bytes(), three) {
		t.Fatalf("wrote % x, want % x", w.Bytes(), three)
	}
	a, err := Read(&w)
	if err != nil || !slices.Equal(a.Dims, []int{2, 2, 3}) || !bytes.Equal(a.Data, three[16:]) {
		t.Fatalf("read %v, %v", a, err)
	}
}

func TestReadStopsAtTheEndOfItsArray(t *testing.T) {
	r := bytes.NewReader(append(slices.Clone(three), three...))
	for range 2 {
		if a, err := Read(r); err != nil || len(a.Data) != 12 {
			t.Fatalf("read %v, %v", a, err)
		}
	}
	if r.Len() != 0 {
		t.Fatalf("%d bytes left", r.Len())
	}
}

func TestWriteRejectsDimensionsThatDoNotMatchTheData(t *testing.T) {
	for _, a := range []Array{{Dims: []int{2, 2}, Data: []byte{1}}, {Data: []byte{1}}, {Dims: make([]int, 9)}} {
		var w bytes.Buffer
		if err := Write(&w, a); err == nil || w.Len() > 0 {
			t.Errorf("Write(%v): error %v after %d bytes, want an error before the first", a, err, w.Len())
		}
	}
}

func TestOpenComparesTheSizeOfAPlainFileBeforeItIsRead(t *testing.T) {
	for _, file := range [][]byte{three[:20], append(slices.Clone(three), 7)} {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		if f, err := Open(path); err == nil {
			f.Close()
			t.Errorf("%d bytes are opened, %d are announced", len(file), len(three))
		}
	}
}

func TestReadFileErrors(t *testing.T) {
	flipped := zip(three)
	flipped[len(flipped)-8] ^= 1 // the checksum
	for _, c := range []struct {
		name string
		file []byte
		want string // "" = readable
	}{
		{"plain", three, ""},
		{"gzip", zip(three), ""},
		{"empty", nil, "truncated in its header: ends at byte 0 of 4"},
		{"wrong magic", []byte("GIF89a"), "bad magic number 47 49 46 38"},
		{"wrong type", append([]byte{0, 0, 0x0d, 3}, three[4:]...), "bad magic number 00 00 0d 03"},
		{"no dimension", []byte{0, 0, 8, 0}, "0 dimensions: expected 1 to 8"},
		{"many dimensions", []byte{0, 0, 8, 200}, "200 dimensions: expected 1 to 8"},
		{"cut in the header", three[:9], "truncated in its header: ends at byte 9 of 16"},
		{"empty dimension", []byte{0, 0, 8, 2, 0, 0, 0, 5, 0, 0, 0, 0}, "dimension 1 is 0"},
		{"huge", append([]byte{0, 0, 8, 3}, bytes.Repeat([]byte{255}, 12)...), "dimension 1 is 4294967295: more than"},
		{"large but empty", []byte{0, 0, 8, 1, 255, 255, 255, 255}, "truncated in its data: ends at byte 8 of 4294967303"},
		{"cut in the data", three[:20], "truncated in its data: ends at byte 20 of 28"},
		{"trailing", append(slices.Clone(three), 7), "trailing bytes: more than the 12 bytes of data"},
		{"gzip cut", zip(three)[:20], "truncated"},
		{"gzip trailing", zip(append(slices.Clone(three), 7)), "trailing bytes"},
		{"gzip checksum", flipped, "checksum"},
		{"gzip header", []byte{0x1f, 0x8b, 0, 0, 0, 0, 0, 0, 0, 0}, "bad gzip header"},
	} {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, c.file, 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := ReadFile(path)
		switch {
		case c.want == "" && (err != nil || !bytes.Equal(a.Data, three[16:])):
			t.Errorf("%s: read %v, %v", c.name, a, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n")):
			t.Errorf("%s: error %q, want one line with %q", c.name, err, c.want)
		}
	}
}
