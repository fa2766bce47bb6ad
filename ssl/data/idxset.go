package data

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"marr/ssl/data/idx"
)

// idxSet is an IDX images file [N H W] and, where it exists, the labels file [N] beside it, whose name has labels for images and idx1 for
// idx3; each gzip-compressed or not. The images stand in memory as a whole while the cache is built: a compressed file has no other order.
type idxSet struct {
	path, labels string // labels: "" where there is none
	stamp        []stamp
	images       idx.Array
}

// isIDX says whether path is named as IDX image files are; some copies write a dot for the hyphen.
func isIDX(path string) bool { return strings.Contains(filepath.Base(path), "idx3-ubyte") }

func newIDX(path string) (source, error) {
	s := &idxSet{path: path, labels: labelsBeside(path)}
	paths := []string{path}
	if s.labels != "" {
		paths = append(paths, s.labels)
	}
	var err error
	if s.stamp, err = fileStamps(paths...); err != nil {
		return nil, fmt.Errorf("data: IDX file: %w", err)
	}
	return s, nil
}

func (s *idxSet) stamps() []stamp { return s.stamp }

func (s *idxSet) Close() error { return nil }

func (s *idxSet) list(context.Context) (*listing, error) {
	const mend = "give an intact file of the published format"
	var err error
	if s.images, err = idx.ReadFile(s.path); err != nil {
		return nil, fmt.Errorf("data: IDX file %s: %w: %s", s.path, cause(err), mend)
	}
	d := s.images.Dims
	if len(d) != 3 {
		return nil, fmt.Errorf("data: IDX file %s: dimensions %v: expected three: images, rows, columns", s.path, d)
	}
	l := &listing{n: d[0], weight: func(int) int64 { return int64(d[1] * d[2]) }}
	if err := sized(l.weight(0)); err != nil {
		return nil, fmt.Errorf("data: IDX file %s: an image of %w", s.path, err)
	}
	if s.labels == "" {
		return l, nil
	}
	labels, err := idx.ReadFile(s.labels)
	if err != nil {
		return nil, fmt.Errorf("data: IDX file %s: %w: %s, or move it away to go without labels", s.labels, cause(err), mend)
	}
	if len(labels.Dims) != 1 || labels.Dims[0] != l.n {
		return nil, fmt.Errorf("data: IDX file %s: dimensions %v of labels for the %d images of %s: give the file that belongs to them",
			s.labels, labels.Dims, l.n, s.path)
	}
	l.labels = widen(labels.Data)
	return l, nil
}

func (s *idxSet) fetch(i int) (func() (Image, error), error) {
	h, w := s.images.Dims[1], s.images.Dims[2]
	return func() (Image, error) { return Image{H: h, W: w, C: 1, Pix: s.images.Data[i*h*w : (i+1)*h*w]}, nil }, nil
}

// labelsBeside returns the path of the labels file that belongs to an images file, "" where there is none.
func labelsBeside(path string) string {
	dir, base := filepath.Split(path)
	base = strings.NewReplacer("images-idx3", "labels-idx1", "images.idx3", "labels.idx1").Replace(base)
	if base == filepath.Base(path) {
		return ""
	}
	plain := strings.TrimSuffix(base, ".gz")
	for _, name := range []string{base, plain, plain + ".gz"} {
		if info, err := os.Stat(dir + name); err == nil && info.Mode().IsRegular() {
			return dir + name
		}
	}
	return ""
}

// widen turns label bytes into int32.
func widen(bytes []byte) []int32 {
	out := make([]int32, len(bytes))
	for i, b := range bytes {
		out[i] = int32(b)
	}
	return out
}
