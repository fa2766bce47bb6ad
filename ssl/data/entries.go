package data

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/data/decode"
	"github.com/marr-ssl/marr/ssl/data/store"
)

// maxItems bounds the entries of an archive and the images of an IDX file: a small compressed file may hold any number.
const maxItems = 1 << 24

// archiveEndings are those of the archives that Open reads; foreign ones those of archives that it names.
var (
	archiveEndings = []string{".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".zip"}
	foreignEndings = []string{".tar.xz", ".txz", ".tar.zst", ".tzst", ".tar.lz4", ".tar.lz", ".7z", ".rar", ".gz", ".bz2", ".xz", ".zst", ".lzh", ".iso"}
)

// endsIn reports whether a name ends in one of the endings, in upper or lower case, and has more than it.
func endsIn(name string, endings ...string) bool {
	lower := strings.ToLower(filepath.Base(name))
	for _, e := range endings {
		if strings.HasSuffix(lower, e) && len(lower) > len(e) {
			return true
		}
	}
	return false
}

func isArchive(name string) bool {
	return endsIn(name, archiveEndings...) || endsIn(name, foreignEndings...)
}

// openArchive opens an archive. A web page in its place, which a server sends instead of a large file, is an error.
func openArchive(path string) (*os.File, error) {
	f, err := net.OpenRegular(path)
	if err != nil {
		return nil, err
	}
	head := make([]byte, 16)
	n, _ := f.ReadAt(head, 0)
	if bytes.HasPrefix(bytes.TrimSpace(head[:n]), []byte("<")) {
		f.Close()
		return nil, errors.New("a web page, not an archive: download it again")
	}
	return f, nil
}

// entry is an image in an archive.
type entry struct {
	name string
	at   int64 // offset in the tar stream
	size int64
	why  error // reason to skip it; nil: none
}

// entries holds the images of an archive, in its order.
type entries struct {
	all     []entry
	skipped []store.Skipped
	ignored ignored
}

// add adds an entry if its name is that of an image, or if it has no extension and begins as one. It reports whether it did.
func (e *entries) add(x entry, regular bool, head func() []byte) (bool, error) {
	if x.name = entryName(x.name); x.name == "" || e.ignored.hidesPart(x.name) {
		return false, nil
	}
	if !decode.HasImageExtension(x.name) && (decode.HasExtension(x.name) || !regular || !decode.IsImage(head())) {
		e.ignored.add(x.name)
		return false, nil
	}
	if len(e.all) == maxItems {
		return false, fmt.Errorf("more than %d images", maxItems)
	}
	switch tooLarge := checkSize(x.size); {
	case !regular:
		x.why = errors.New("not a regular file")
	case tooLarge != nil:
		x.why = tooLarge
	}
	e.all = append(e.all, x)
	return true, nil
}

// listing returns the entries, with classes by folder, as for folders on disk.
func (e *entries) listing() *listing {
	l := &listing{n: len(e.all), skipped: e.skipped, ignored: e.ignored, weight: func(i int) int64 { return min(e.all[i].size, maxFile) }}
	for _, x := range e.all {
		l.names = append(l.names, x.name)
	}
	l.classes, l.labels = classFolders(l.names)
	return l
}

// entryName cleans a name within an archive for messages and sorting: relative, without .., as UTF-8 without control characters. No file
// is ever written under it. "" means that the entry has no name.
func entryName(name string) string {
	if !utf8.ValidString(name) { // as Latin-1, so that names which differ remain different
		runes := make([]rune, len(name))
		for i := range len(name) {
			runes[i] = rune(name[i])
		}
		name = string(runes)
	}
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, name)
	return strings.TrimPrefix(path.Clean("/"+name), "/")
}
