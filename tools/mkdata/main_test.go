package main

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/ssl/data/idx"
)

// publish writes a folder like the published one with the given numbers of images. The pixels and the label of image i are the low byte of i.
func publish(t *testing.T, train, test int) string {
	t.Helper()
	dir := t.TempDir()
	for name, n := range map[string]int{"train": train, "t10k": test} {
		labels := make([]byte, n)
		var pixels []byte
		for i := range labels {
			labels[i] = byte(i)
			pixels = append(pixels, bytes.Repeat([]byte{byte(i)}, 28*28)...)
		}
		for file, a := range map[string]idx.Array{
			name + "-images-idx3-ubyte.gz": {Dims: []int{n, 28, 28}, Data: pixels},
			name + "-labels-idx1-ubyte.gz": {Dims: []int{n}, Data: labels},
		} {
			f, err := os.Create(filepath.Join(dir, file))
			if err != nil {
				t.Fatal(err)
			}
			z := gzip.NewWriter(f)
			if err := idx.Write(z, a); err != nil {
				t.Fatal(err)
			}
			z.Close()
			f.Close()
		}
	}
	return dir
}

func TestOutputHoldsTheFirstImagesOfBothPartsInOrder(t *testing.T) {
	out := filepath.Join(t.TempDir(), "fashion.idx.gz")
	if err := run(publish(t, 10001, 2300), out); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, dims := range [][]int{{10000, 28, 28}, {10000}, {2000, 28, 28}, {2000}} {
		a, err := idx.Read(z)
		if err != nil || !slices.Equal(a.Dims, dims) {
			t.Fatalf("dimensions %v, want %v (%v)", a.Dims, dims, err)
		}
		item := len(a.Data) / dims[0]
		for i, v := range a.Data {
			if v != byte(i/item) {
				t.Fatalf("%v: element %d is %d, want %d", dims, i, v, byte(i/item))
			}
		}
	}
	if n, _ := z.Read(make([]byte, 1)); n != 0 {
		t.Error("bytes after the fourth array")
	}
}

func TestBadInputWritesNothing(t *testing.T) {
	for what, c := range map[string]struct{ in, want string }{
		"missing": {t.TempDir(), "install dataset-fashion-mnist"},
		"short":   {publish(t, 10000, 1999), "t10k-images-idx3-ubyte.gz: dimensions [1999 28 28]: want at least 2000 items"},
	} {
		dir := t.TempDir()
		err := run(c.in, filepath.Join(dir, "out"))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", what, err, c.want)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%s: left %v behind", what, left)
		}
	}
}
