package data

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"marr/ssl/data/idx"
)

const (
	builtinPrefix = "builtin:"
	maxSize       = 4096 // pixels; the stored side of folder images
	accepted      = "expected a folder of .png, .jpg or .jpeg images, an IDX images file (train-images-idx3-ubyte, .gz or not), or one of "
)

// Open decodes the data set called name (see the package comment for the sources). size is the stored side in pixels of the images
// of a folder, 1 to 4096, and is ignored for sets that have a size of their own (OwnSize). Errors are one line: what, why, what to do.
func Open(name string, size int) (*Set, error) {
	if strings.HasPrefix(name, builtinPrefix) {
		return openBuiltin(name)
	}
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("data: %s: no such file or folder: %s%s", name, accepted, strings.Join(Builtins(), ", "))
	case err != nil:
		return nil, fmt.Errorf("data: %s: %w: %s%s", name, cause(err), accepted, strings.Join(Builtins(), ", "))
	case info.IsDir():
		if size < 1 || size > maxSize {
			return nil, fmt.Errorf("data: folder %s: stored size %d: expected 1 to %d pixels", name, size, maxSize)
		}
		return openFolder(name, size)
	case info.Mode().IsRegular() && isIDX(name):
		return openIDX(name)
	}
	if strings.Contains(filepath.Base(name), "idx1-ubyte") {
		return nil, fmt.Errorf("data: %s: a file of labels: name the images file beside it (images-idx3)", name)
	}
	return nil, fmt.Errorf("data: %s: not a data set: %s%s", name, accepted, strings.Join(Builtins(), ", "))
}

// OwnSize says, by the name alone, whether the set has a size of its own, so that Open ignores its argument: true for built-ins and
// IDX files, false for folders.
func OwnSize(name string) bool { return strings.HasPrefix(name, builtinPrefix) || isIDX(name) }

// isIDX says whether path is named as IDX image files are; some copies write a dot for the hyphen.
func isIDX(path string) bool { return strings.Contains(filepath.Base(path), "idx3-ubyte") }

// openIDX reads an images file [N H W] and, where it exists, the labels file [N] beside it, whose name has labels for images and
// idx1 for idx3, compressed or not.
func openIDX(path string) (*Set, error) {
	const mend = "give an intact file of the published format"
	images, err := idx.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("data: IDX file %s: %w: %s", path, cause(err), mend)
	}
	if len(images.Dims) != 3 {
		return nil, fmt.Errorf("data: IDX file %s: dimensions %v: expected three: images, rows, columns", path, images.Dims)
	}
	s := &Set{Name: path, H: images.Dims[1], W: images.Dims[2], C: 1, Pixels: images.Data}
	beside := labelsBeside(path)
	if beside == "" {
		return s, nil
	}
	labels, err := idx.ReadFile(beside)
	if err != nil {
		return nil, fmt.Errorf("data: IDX file %s: %w: %s, or move it away to go without labels", beside, cause(err), mend)
	}
	if len(labels.Dims) != 1 || labels.Dims[0] != s.Len() {
		return nil, fmt.Errorf("data: IDX file %s: dimensions %v of labels for the %d images of %s: give the file that belongs to them",
			beside, labels.Dims, s.Len(), path)
	}
	s.Labels = widen(labels.Data)
	return s, nil
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

// cause strips a file-system error of its call and path, which the message around it names already.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
