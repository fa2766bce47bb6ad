package data

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/marr-ssl/marr/ssl/data/decode"
	"github.com/marr-ssl/marr/ssl/data/store"
)

// maxFile is the largest image file that is read, in bytes; larger files are skipped.
const maxFile = 256 << 20

// source is a data set on disk. One goroutine calls its methods, in the order in which they stand here.
type source interface {
	// stamps returns the stamps that make up the cache's key.
	stamps() []stamp
	// list lists the items.
	list(ctx context.Context) (*listing, error)
	// fetch returns a function that decodes item i. Calls of fetch have increasing i, possibly with gaps. The function is called once,
	// by any goroutine; its error means that the item is skipped. An error of fetch ends the build.
	fetch(i int) (func() (Image, error), error)
	Close() error
}

// noter is a source with notes for the user about what it read, each one line without the name of the set.
type noter interface{ notes() []string }

// stamp identifies the state of a file. The name is relative to the set, so that a set may be moved.
type stamp struct {
	name  string
	path  string // "": not a file
	size  int64
	mtime int64 // nanoseconds since 1970
}

// stampOf returns the stamp of a file under the given name.
func stampOf(name, path string, info fs.FileInfo) stamp {
	return stamp{name, path, info.Size(), info.ModTime().UnixNano()}
}

// listing describes the items of a source.
type listing struct {
	n       int
	names   []string          // of the items, with slashes; nil if they have none
	weight  func(i int) int64 // bytes of item i in memory between fetch and the end of its decoding
	labels  []int32           // −1: none; nil: no item has one
	classes []string          // names by label; nil: the numbers are the names
	clips   []Clip
	skipped []store.Skipped // besides items
	ignored ignored         // files that are no items
}

// A key also covers the content of up to keyFiles equally spaced files: keyBytes at the beginning, middle and end of each. This
// distinguishes sets of equal names and sizes whose times carry no information (unpacked from archives without times).
const (
	keyFiles = 64
	keyBytes = 4096
)

// keyOf returns the key of a set's cache; side is 0 for sets of a fixed size.
func keyOf(kind string, side int, stamps []stamp) store.Key {
	stamps = slices.Clone(stamps)
	slices.SortFunc(stamps, func(a, b stamp) int {
		return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(a.size, b.size), cmp.Compare(a.mtime, b.mtime))
	})
	h := sha256.New()
	fmt.Fprintf(h, "marr set 3\n%s\n%s\n%d\n", decode.Version, kind, side)
	var b []byte
	for _, s := range stamps {
		b = binary.LittleEndian.AppendUint64(b[:0], uint64(len(s.name)))
		b = append(b, s.name...)
		b = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(b, uint64(s.size)), uint64(s.mtime))
		h.Write(b)
	}
	for i := range min(keyFiles, len(stamps)) {
		hashContent(h, stamps[i*len(stamps)/min(keyFiles, len(stamps))])
	}
	return store.Key(h.Sum(nil))
}

// hashContent writes keyBytes at the beginning, middle and end of a regular file to w; nothing if the file cannot be read.
func hashContent(w io.Writer, s stamp) {
	if info, err := os.Stat(s.path); err != nil || !info.Mode().IsRegular() {
		return
	}
	f, err := os.Open(s.path)
	if err != nil {
		return
	}
	defer f.Close()
	for _, at := range []int64{0, s.size / 2, max(0, s.size-keyBytes)} {
		io.Copy(w, io.NewSectionReader(f, at, keyBytes)) // a file with read errors contributes fewer bytes
	}
}

// fileStamps returns the stamps of the files of a set, under their base names.
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

// systemError is an error of the file system, not of a file's content: the file may be readable later.
type systemError struct{ error }

func (e systemError) Unwrap() error { return e.error }

// readFile reads a file of at most maxFile bytes.
func readFile(path string) ([]byte, error) {
	return readAccepted(path, func([]byte) error { return nil })
}

// readImage reads an image file. A file of a format that is not decoded, by its name and its beginning, is an error before it is read.
func readImage(name, path string) ([]byte, error) {
	return readAccepted(path, func(head []byte) error { return decode.Refuse(name, head) })
}

// decodeEntry decodes an image of an archive.
func decodeEntry(name string, b []byte, side int) (Image, error) {
	if err := decode.Refuse(name, b[:min(len(b), decode.HeadSize)]); err != nil {
		return Image{}, err
	}
	return decode.Decode(b, side)
}

// headOf reads the beginning of a file. A file with read errors has a shorter one.
func headOf(r io.Reader) []byte {
	head := make([]byte, decode.HeadSize)
	n, _ := io.ReadFull(r, head)
	return head[:n]
}

// readAccepted is readFile for files whose beginning accept accepts.
func readAccepted(path string, accept func(head []byte) error) ([]byte, error) {
	// Before it is opened: to open a named pipe would wait for a writer.
	info, err := os.Stat(path)
	if err != nil {
		return nil, systemError{cause(err)}
	}
	if err := checkFile(info); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, systemError{cause(err)}
	}
	defer f.Close()
	head := headOf(f)
	if err := accept(head); err != nil {
		return nil, err
	}
	b, err := readBounded(io.MultiReader(bytes.NewReader(head), f), info.Size())
	if err != nil {
		return nil, systemError{cause(err)}
	}
	return b, nil
}

// checkFile returns the reason to skip a file by its type and size, or nil.
func checkFile(info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	return checkSize(info.Size())
}

func checkSize(n int64) error {
	if n > maxFile {
		return fmt.Errorf("%d bytes: more than %d", n, int64(maxFile))
	}
	return nil
}

// readBounded reads a stream to its end: about n bytes, at most maxFile.
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
			return nil, checkSize(int64(len(b)))
		case len(b) == cap(b):
			b = slices.Grow(b, 1+min(len(b), maxFile+1-len(b)))
		}
	}
}

// classFolders returns the first-level folders of files (slash paths) as class names, in natural order, and each file's label. If all files
// lie in one folder, as in an archive of a folder, the folders in that one are the classes. It returns nil, nil if a file lies in no such
// folder.
func classFolders(files []string) (classes []string, labels []int32) {
	top := topFolder(files)
	for _, f := range files {
		class, _, below := strings.Cut(f[len(top):], "/")
		if !below {
			return nil, nil
		}
		classes = append(classes, class)
	}
	if len(files) == 0 {
		return nil, nil
	}
	return classesOf(classes)
}

// topFolder returns the deepest folder in which all files lie, with a slash at its end; "" if there is none.
func topFolder(files []string) string {
	if len(files) == 0 {
		return ""
	}
	top := files[0]
	for _, f := range files {
		n := 0
		for n < min(len(top), len(f)) && top[n] == f[n] {
			n++
		}
		top = top[:n]
	}
	return top[:strings.LastIndexByte(top, '/')+1]
}

// cause returns the cause of a file-system error, without call and path, which the message around it has.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// oneLine replaces line breaks and runs of spaces by one space.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
