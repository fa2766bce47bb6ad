package data

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/marr-ssl/marr/ssl/data/idx"
)

// tinyPNG is an image for archives and lists.
func tinyPNG(f *testing.F) []byte {
	img := image.NewGray(image.Rect(0, 0, 3, 2))
	img.SetGray(1, 1, color.Gray{200})
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		f.Fatal(err)
	}
	return b.Bytes()
}

// fuzzOpen opens a file of arbitrary content under a name of one format, next to another arbitrary file. The result is an error or a
// valid set, never a panic.
func fuzzOpen(f *testing.F, name, neighbor string, seeds ...[2][]byte) {
	for _, s := range seeds {
		f.Add(s[0], s[1])
		f.Add(s[0][:len(s[0])/2], s[1])
		f.Add(s[0], s[1][:len(s[1])/2])
	}
	f.Add([]byte{}, []byte{})
	picture, root := tinyPNG(f), f.TempDir()
	f.Fuzz(func(t *testing.T, file, other []byte) {
		dir, err := os.MkdirTemp(root, "")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		for n, content := range map[string][]byte{name: file, neighbor: other, "a.png": picture} {
			if n == "" {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, n), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, err := Open(context.Background(), filepath.Join(dir, name), Options{Side: 8, CacheDir: filepath.Join(dir, "cache")})
		if err != nil {
			return
		}
		defer s.Close()
		valid(t, s)
	})
}

// valid checks that a set can be used.
func valid(t *testing.T, s *Set) {
	t.Helper()
	if s.Len() == 0 || s.Fingerprint() == "" || s.Labels != nil && len(s.Labels) != s.Len() || s.Files != nil && len(s.Files) != s.Len() {
		t.Fatalf("%d images, %d labels, %d files, fingerprint %q", s.Len(), len(s.Labels), len(s.Files), s.Fingerprint())
	}
	for i := range s.Len() {
		if img := s.Image(i); img.H < 1 || img.W < 1 || img.C != 1 && img.C != 3 || img.C > s.C || len(img.Pix) != img.H*img.W*img.C {
			t.Fatalf("image %d is [%d %d %d] of %d bytes in a set of %d channels", i, img.H, img.W, img.C, len(img.Pix), s.C)
		}
	}
	for i, l := range s.Labels {
		if l < -1 || int(l) >= s.NumClasses() {
			t.Fatalf("image %d has label %d of %d classes", i, l, s.NumClasses())
		}
	}
	s.Stats()
}

func pack(f *testing.F, dims []int, data []byte) []byte {
	var b bytes.Buffer
	if err := idx.Write(&b, idx.Array{Dims: dims, Data: data}); err != nil {
		f.Fatal(err)
	}
	return b.Bytes()
}

func FuzzOpenIDX(f *testing.F) {
	fuzzOpen(f, "t-images-idx3-ubyte", "t-labels-idx1-ubyte", [2][]byte{pack(f, []int{2, 2, 3}, make([]byte, 12)), pack(f, []int{2}, []byte{1, 0})})
}

func FuzzOpenCIFAR(f *testing.F) {
	fuzzOpen(f, "data_batch_1.bin", "batches.meta.txt", [2][]byte{cifarFile(2, 1, func(i int) byte { return byte(i) }), []byte("cat\ndog\n")})
}

func FuzzOpenSTL(f *testing.F) {
	fuzzOpen(f, "train_X.bin", "train_y.bin", [2][]byte{make([]byte, 27648), {3}})
}

func FuzzOpenList(f *testing.F) {
	fuzzOpen(f, "list.txt", "", [2][]byte{[]byte("# two\na.png\t1\n./a.png\n\n/etc/hostname\n../x.png\tdog\n"), nil})
}

func FuzzOpenTar(f *testing.F) {
	p := tinyPNG(f)
	fuzzOpen(f, "x.tar", "", [2][]byte{tarOf(f, member{"cat/a.png", p}, member{"dog/b.png", p}, member{"../../c.png", p}, member{"l.png", nil}), nil})
}

func FuzzOpenTarGzip(f *testing.F) {
	fuzzOpen(f, "x.tar.gz", "", [2][]byte{gzipped(tarOf(f, member{"cat/a.png", tinyPNG(f)})), nil})
}

func FuzzOpenZip(f *testing.F) {
	p := tinyPNG(f)
	fuzzOpen(f, "x.zip", "", [2][]byte{zipOf(f, member{"cat/a.png", p}, member{"dog/b.png", p}, member{"/c.png", p}, member{"l.png", nil}), nil})
}
