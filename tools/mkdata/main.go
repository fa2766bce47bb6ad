// Mkdata writes the embedded data file, ssl/data/fashion.idx.gz: the first 10,000 training and the first 2,000 test images of
// Fashion-MNIST with their labels, as four IDX arrays in one gzip stream (training images [10000 28 28], training labels [10000],
// test images [2000 28 28], test labels [2000]). It reads the four published files from the folder that Debian's package
// dataset-fashion-mnist installs. Run it in the root of the repository: go run ./tools/mkdata
package main

import (
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/pflag"

	"github.com/marr-ssl/marr/ssl/data/idx"
	"github.com/marr-ssl/marr/vk/filesys"
)

func main() {
	in := pflag.String("in", "/usr/share/datasets/fashion-mnist", "folder of the four published .gz files")
	out := pflag.String("out", "ssl/data/fashion.idx.gz", "file to write")
	pflag.Parse()
	if err := run(*in, *out); err != nil {
		fmt.Fprintln(os.Stderr, "mkdata:", err)
		os.Exit(1)
	}
}

// run writes the data file to a temporary name in the folder of out, then renames it.
func run(in, out string) error {
	f, err := os.CreateTemp(filepath.Dir(out), ".mkdata-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails after the rename
	defer f.Close()
	z, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		return err
	}
	for _, part := range []struct {
		file string
		n    int
		dims []int
	}{
		{"train-images-idx3-ubyte.gz", 10000, []int{28, 28}},
		{"train-labels-idx1-ubyte.gz", 10000, nil},
		{"t10k-images-idx3-ubyte.gz", 2000, []int{28, 28}},
		{"t10k-labels-idx1-ubyte.gz", 2000, nil},
	} {
		path := filepath.Join(in, part.file)
		a, err := idx.ReadFile(path)
		if err != nil {
			return fmt.Errorf("%s: %w: install dataset-fashion-mnist, or set --in to its folder", path, err)
		}
		if a.Dims[0] < part.n || !slices.Equal(a.Dims[1:], part.dims) {
			return fmt.Errorf("%s: dimensions %v: want at least %d items of %v", path, a.Dims, part.n, part.dims)
		}
		item := len(a.Data) / a.Dims[0]
		head := idx.Array{Dims: append([]int{part.n}, part.dims...), Data: a.Data[:part.n*item]}
		if err := idx.Write(z, head); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return filesys.Replace(f.Name(), out)
}
