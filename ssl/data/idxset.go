package data

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/marr-ssl/marr/ssl/data/idx"
)

// idxSet is an IDX images file [N H W] and, if it exists, the labels file [N] in the same folder, whose name has labels for images and
// idx1 for idx3; each gzip-compressed or not. Images are read in order, since a compressed file has no random access.
type idxSet struct {
	ctx          context.Context // ends reading
	path, labels string          // labels: "" if there is none
	stamp        []stamp
	images       *idx.File
	next         int // image to be read next
}

// isIDX reports whether a path has the name of an IDX images file; some copies have a dot instead of the hyphen.
func isIDX(path string) bool { return strings.Contains(filepath.Base(path), "idx3-ubyte") }

func newIDX(ctx context.Context, path string) (source, error) {
	s := &idxSet{ctx: ctx, path: path, labels: labelsFile(path)}
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

func (s *idxSet) Close() error {
	if s.images == nil {
		return nil
	}
	return s.images.Close()
}

const mendIDX = "give an intact file of the published format"

func (s *idxSet) list(context.Context) (*listing, error) {
	var err error
	if s.images, err = idx.Open(s.path); err != nil {
		return nil, s.failed(err)
	}
	d := s.images.Dims
	if len(d) != 3 {
		return nil, fmt.Errorf("data: IDX file %s: dimensions %v: expected three: images, rows, columns", s.path, d)
	}
	if d[0] > maxItems {
		return nil, fmt.Errorf("data: IDX file %s: %d images: more than %d: %s", s.path, d[0], maxItems, mendIDX)
	}
	l := &listing{n: d[0], weight: func(int) int64 { return int64(d[1] * d[2]) }}
	if err := checkSize(l.weight(0)); err != nil {
		return nil, fmt.Errorf("data: IDX file %s: an image of %w", s.path, err)
	}
	if s.labels != "" {
		l.labels, err = s.readLabels(l.n)
	}
	return l, err
}

func (s *idxSet) failed(err error) error {
	return fmt.Errorf("data: IDX file %s: %w: %s", s.path, cause(err), mendIDX)
}

// readLabels reads the labels of n images.
func (s *idxSet) readLabels(n int) ([]int32, error) {
	fail := func(err error) ([]int32, error) {
		return nil, fmt.Errorf("data: IDX file %s: %w: %s, or remove it to open the set without labels", s.labels, cause(err), mendIDX)
	}
	f, err := idx.Open(s.labels)
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	if len(f.Dims) != 1 || f.Dims[0] != n { // before so many bytes are read
		return nil, fmt.Errorf("data: IDX file %s: dimensions %v of labels for the %d images of %s: give the matching file", s.labels, f.Dims, n, s.path)
	}
	labels, err := f.Next(n)
	if err != nil {
		return fail(err)
	}
	return widen(labels), nil
}

func (s *idxSet) fetch(i int) (func() (Image, error), error) {
	h, w := s.images.Dims[1], s.images.Dims[2]
	var pix []byte
	for ; s.next <= i; s.next++ { // images before i: of a build that is resumed
		if err := s.ctx.Err(); err != nil {
			return nil, err
		}
		var err error
		if pix, err = s.images.Next(h * w); err != nil {
			return nil, s.failed(err)
		}
	}
	return func() (Image, error) { return Image{H: h, W: w, C: 1, Pix: pix}, nil }, nil
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
