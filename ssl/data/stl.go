package data

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// stlClasses is the number of classes of STL-10; its files count them from 1.
const stlClasses = 10

// stl is one part of STL-10 (A. Coates, H. Lee, A. Ng 2011, "An analysis of single-layer networks in unsupervised feature learning"; layout:
// cs.stanford.edu/~acoates/stl10): 96×96 pixels per image, planes stored column by column; labels in a separate file.
type stl struct {
	planes
	labels, names string
}

// isSTL reports whether a file is one of STL-10, by its name.
func isSTL(base string) bool {
	return base == "unlabeled_X.bin" || base == "train_X.bin" || base == "test_X.bin"
}

func newSTL(path string) (source, error) {
	s := &stl{planes: planes{kind: "STL-10", paths: []string{path}, side: 96, columns: true}}
	s.labels = strings.TrimSuffix(path, "_X.bin") + "_y.bin"
	s.names = filepath.Join(filepath.Dir(path), "class_names.txt")
	return s, s.mark(s.labels, s.names)
}

func (s *stl) list(context.Context) (*listing, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	l := s.listing()
	info, err := os.Stat(s.labels)
	if os.IsNotExist(err) {
		return l, nil
	}
	if err == nil && info.Size() != int64(l.n) {
		return nil, fmt.Errorf("data: STL-10 file %s: %d labels for the %d images of %s: give the matching file", s.labels, info.Size(), l.n, s.paths[0])
	}
	var labels []byte
	if err == nil {
		labels, err = readFile(s.labels)
	}
	if err != nil {
		return nil, fmt.Errorf("data: STL-10 file %s: %w: give an intact file, or remove it to open the set without labels", s.labels, cause(err))
	}
	for i, v := range labels {
		if v < 1 || v > stlClasses {
			return nil, fmt.Errorf("data: STL-10 file %s: label %d of image %d: expected 1 to %d: give an intact file of the published format",
				s.labels, v, i, stlClasses)
		}
		l.labels = append(l.labels, int32(v)-1)
	}
	l.classes, err = classNames(s.names, stlClasses)
	if err == nil && l.classes == nil { // the numbers of the labels file
		for i := range stlClasses {
			l.classes = append(l.classes, strconv.Itoa(i+1))
		}
	}
	return l, err
}
