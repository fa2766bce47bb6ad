package data

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"marr/ssl/data/decode"
	"marr/ssl/data/store"
)

// maxFile bounds what is read to memory to make one image, in bytes: larger files are skipped.
const maxFile = 256 << 20

// source is a data set as it lies on disk. Its methods are called in the order in which they stand here, by one goroutine.
type source interface {
	// stamps are what the cache's key is made of.
	stamps() []stamp
	// list names the items, and reads what is needed for that.
	list(ctx context.Context) (*listing, error)
	// fetch returns what makes the image of item i; items come in their order, some may be left out. What it returns is called once,
	// by any goroutine, and fails for a bad item only.
	fetch(i int) (func() (Image, error), error)
	Close() error
}

// stamp is what changes when a file does. The name is relative to the set, so that a set may be moved.
type stamp struct {
	name  string
	path  string // where the file lies; "": it is none
	size  int64
	mtime int64 // nanoseconds since 1970
}

// stampOf stamps a file under the given name.
func stampOf(name, path string, info fs.FileInfo) stamp {
	return stamp{name, path, info.Size(), info.ModTime().UnixNano()}
}

// listing is what a source tells of its items.
type listing struct {
	n       int
	names   []string          // of the items, with slashes; nil where they have none
	weight  func(i int) int64 // bytes of item i that stand in memory between fetch and the end of its decoding
	labels  []int32           // −1: none; nil: no item has one
	classes []string
	clips   []Clip
	bad     []store.Skipped // besides items
}

// Files whose content counts in a key, at even distances, and how many bytes of each at its beginning, middle and end: sets of the same names and
// sizes, whose times say nothing (unpacked from archives that carry none), are told apart by them.
const (
	keyFiles = 64
	keyBytes = 4096
)

// keyOf makes the key of a set's cache; side is 0 for sets of their own size.
func keyOf(kind string, side int, stamps []stamp) store.Key {
	stamps = slices.Clone(stamps)
	slices.SortFunc(stamps, func(a, b stamp) int {
		return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(a.size, b.size), cmp.Compare(a.mtime, b.mtime))
	})
	h := sha256.New()
	fmt.Fprintf(h, "marr set 2\n%s\n%s\n%d\n", decode.Version, kind, side)
	var b []byte
	for _, s := range stamps {
		b = binary.LittleEndian.AppendUint64(b[:0], uint64(len(s.name)))
		b = append(b, s.name...)
		b = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(b, uint64(s.size)), uint64(s.mtime))
		h.Write(b)
	}
	for i := range min(keyFiles, len(stamps)) {
		taste(h, stamps[i*len(stamps)/min(keyFiles, len(stamps))])
	}
	return store.Key(h.Sum(nil))
}

// taste writes bytes of a regular file; one that cannot be read has none.
func taste(w io.Writer, s stamp) {
	if info, err := os.Stat(s.path); err != nil || !info.Mode().IsRegular() {
		return
	}
	f, err := os.Open(s.path)
	if err != nil {
		return
	}
	defer f.Close()
	for _, at := range []int64{0, s.size / 2, max(0, s.size-keyBytes)} {
		io.Copy(w, io.NewSectionReader(f, at, keyBytes)) // a file that fails in its middle has fewer
	}
}

// fileStamps stamps files of one folder that make up a set together, by their base names.
func fileStamps(paths ...string) ([]stamp, error) {
	var stamps []stamp
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, err
		}
		stamps = append(stamps, stampOf(filepath.Base(p), p, info))
	}
	return stamps, nil
}

// refusal is an error of the system, not of a file's content.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// readFile reads a file of at most maxFile bytes.
func readFile(path string) ([]byte, error) {
	// Before it is opened: to open a named pipe would wait for a writer.
	info, err := os.Stat(path)
	if err != nil {
		return nil, refusal{cause(err)}
	}
	if err := usual(info); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, refusal{cause(err)}
	}
	defer f.Close()
	b, err := readBounded(f, info.Size())
	if err != nil {
		return nil, refusal{cause(err)}
	}
	return b, nil
}

// usual says why a file is not read at all.
func usual(info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	return sized(info.Size())
}

func sized(n int64) error {
	if n > maxFile {
		return fmt.Errorf("%d bytes: more than %d", n, int64(maxFile))
	}
	return nil
}

// readBounded reads a stream that claims to have n bytes and may lie.
func readBounded(r io.Reader, n int64) ([]byte, error) {
	b := make([]byte, 0, min(max(n, 0), maxFile)+1)
	for {
		got, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+got]
		switch {
		case err == io.EOF:
			return b, nil
		case err != nil:
			return nil, err
		case len(b) > maxFile:
			return nil, sized(int64(len(b)))
		case len(b) == cap(b):
			b = slices.Grow(b, 1+min(len(b), maxFile+1-len(b)))
		}
	}
}

// entryName makes a name within an archive fit to be shown and sorted: relative, without dots that lead upwards, on one line. Nothing is
// ever written under it. "" means that the entry is hidden or has no name.
func entryName(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(name, "?"))
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") {
			return ""
		}
	}
	return name
}

// classFolders returns the first-level folders of files (slash paths) as sorted class names with each file's label, or nil, nil where
// a file lies in none or all lie in one.
func classFolders(files []string) (classes []string, labels []int32) {
	for _, f := range files {
		class, _, below := strings.Cut(f, "/")
		if !below {
			return nil, nil
		}
		classes = append(classes, class)
	}
	slices.Sort(classes)
	classes = slices.Compact(classes)
	if len(classes) < 2 {
		return nil, nil
	}
	for _, f := range files {
		class, _, _ := strings.Cut(f, "/")
		at, _ := slices.BinarySearch(classes, class)
		labels = append(labels, int32(at))
	}
	return classes, labels
}

// cause strips a file-system error of its call and path, which the message around it names already.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// visible is a path fit for a screen and a line of text.
func visible(path string) string {
	if strings.ContainsFunc(path, unicode.IsControl) {
		return strconv.Quote(path)
	}
	return path
}

// oneLine keeps a reason on its line.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
