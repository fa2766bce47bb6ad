package data

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"marr/ssl/data/idx"
)

// idxSet is an IDX images file [N H W] and, if it exists, the labels file [N] in the same folder, whose name has labels for images and
// idx1 for idx3; each gzip-compressed or not. All images are in memory while the cache is built, since a compressed file has no random
// access.
type idxSet struct {
	path, labels string // labels: "" if there is none
	stamp        []stamp
	images       idx.Array
}

// isIDX reports whether a path has the name of an IDX images file; some copies have a dot instead of the hyphen.
func isIDX(path string) bool { return strings.Contains(filepath.Base(path), "idx3-ubyte") }

func newIDX(path string) (source, error) {
	s := &idxSet{path: path, labels: labelsFile(path)}
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
	if err := checkSize(l.weight(0)); err != nil {
		return nil, fmt.Errorf("data: IDX file %s: an image of %w", s.path, err)
	}
	if s.labels == "" {
		return l, nil
	}
	labels, err := idx.ReadFile(s.labels)
	if err != nil {
		return nil, fmt.Errorf("data: IDX file %s: %w: %s, or remove it to open the set without labels", s.labels, cause(err), mend)
	}
	if len(labels.Dims) != 1 || labels.Dims[0] != l.n {
		return nil, fmt.Errorf("data: IDX file %s: dimensions %v of labels for the %d images of %s: give the matching file",
			s.labels, labels.Dims, l.n, s.path)
	}
	l.labels = widen(labels.Data)
	return l, nil
}

func (s *idxSet) fetch(i int) (func() (Image, error), error) {
	h, w := s.images.Dims[1], s.images.Dims[2]
	return func() (Image, error) { return Image{H: h, W: w, C: 1, Pix: s.images.Data[i*h*w : (i+1)*h*w]}, nil }, nil
}

// labelsFile returns the path of the labels file of an images file; "" if there is none.
func labelsFile(path string) string {
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

// widen converts label bytes to int32.
func widen(bytes []byte) []int32 {
	out := make([]int32, len(bytes))
	for i, b := range bytes {
		out[i] = int32(b)
	}
	return out
}
