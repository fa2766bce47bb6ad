package data

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"marr/ssl/data/decode"
	"marr/ssl/data/store"
)

// maxItems bounds the entries of an archive: a small compressed file may hold any number of headers.
const maxItems = 1 << 24

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
}

// add adds an entry if its name is that of an image.
func (e *entries) add(name string, at, size int64, regular bool) error {
	name = entryName(name)
	if !decode.HasImageExtension(name) {
		return nil
	}
	if len(e.all) == maxItems {
		return fmt.Errorf("more than %d images", maxItems)
	}
	why := checkSize(size)
	if !regular {
		why = errors.New("not a regular file")
	}
	e.all = append(e.all, entry{name, at, size, why})
	return nil
}

// listing returns the entries, with first-level folders as classes, as for folders on disk.
func (e *entries) listing() *listing {
	l := &listing{n: len(e.all), skipped: e.skipped, weight: func(i int) int64 { return min(e.all[i].size, maxFile) }}
	for _, x := range e.all {
		l.names = append(l.names, x.name)
	}
	l.classes, l.labels = classFolders(l.names)
	return l
}

// tarFile is a tar archive, gzip-compressed or not (detected by content). A plain archive is read at the offsets of its entries, a
// compressed one sequentially: once for the names, once for the images.
type tarFile struct {
	entries
	name   string
	stamp  []stamp
	side   int
	f      *os.File
	zipped bool
	stream *counter // compressed: the second reading
}

func newTar(name string, side int) (source, error) {
	stamps, err := fileStamps(name)
	if err != nil {
		return nil, fmt.Errorf("data: archive %s: %w", name, cause(err))
	}
	return &tarFile{name: name, stamp: stamps, side: side}, nil
}

func (t *tarFile) stamps() []stamp { return t.stamp }

func (t *tarFile) Close() error {
	if t.f == nil {
		return nil
	}
	return t.f.Close()
}

func (t *tarFile) list(ctx context.Context) (*listing, error) {
	var err error
	if t.f, err = os.Open(t.name); err == nil {
		err = t.index(ctx)
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("data: archive %s: %w while its entries were listed", t.name, ctx.Err())
	}
	if err != nil {
		return nil, fmt.Errorf("data: archive %s: %w: give an intact tar file", t.name, cause(err))
	}
	return t.listing(), nil
}

// index lists the entries. It keeps the entries before the first damage.
func (t *tarFile) index(ctx context.Context) error {
	var magic [2]byte
	n, _ := t.f.ReadAt(magic[:], 0)
	t.zipped = n == 2 && magic == [2]byte{0x1f, 0x8b}
	var r io.Reader = t.f
	position := func() int64 { at, _ := t.f.Seek(0, io.SeekCurrent); return at } // tar reads whole blocks and not ahead
	if t.zipped {
		z, err := t.unzip()
		if err != nil {
			return err
		}
		r, position = z, func() int64 { return z.n }
	}
	for files, count := tar.NewReader(r), 0; ; count++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := files.Next()
		switch {
		case err == io.EOF:
			return nil
		case err != nil && count == 0:
			return err
		case err != nil:
			t.skipped = append(t.skipped, store.Skipped{Reason: fmt.Sprintf("damaged after the first %d entries: %s", count, oneLine(err.Error()))})
			return nil
		}
		if h.Typeflag == tar.TypeDir {
			continue
		}
		if err := t.add(h.Name, position(), h.Size, h.Typeflag == tar.TypeReg && !sparse(h)); err != nil {
			return err
		}
	}
}

// sparse reports whether an entry's bytes are not stored contiguously.
func sparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return h.Typeflag == tar.TypeGNUSparse
}

// unzip opens the decompressed stream of a compressed archive.
func (t *tarFile) unzip() (*counter, error) {
	if _, err := t.f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(bufio.NewReaderSize(t.f, 1<<16))
	return &counter{r: z}, err
}

func (t *tarFile) fetch(i int) (func() (Image, error), error) {
	e := t.all[i]
	if e.why != nil {
		return func() (Image, error) { return Image{}, e.why }, nil
	}
	if !t.zipped {
		return func() (Image, error) { return t.decode(readBounded(io.NewSectionReader(t.f, e.at, e.size), e.size)) }, nil
	}
	if t.stream == nil {
		z, err := t.unzip()
		if err != nil {
			return nil, fmt.Errorf("data: archive %s: %w", t.name, err)
		}
		t.stream = z
	}
	_, err := io.CopyN(io.Discard, t.stream, e.at-t.stream.n)
	var b []byte
	if err == nil {
		b, err = readBounded(io.LimitReader(t.stream, e.size), e.size)
	}
	return func() (Image, error) { return t.decode(b, err) }, nil
}

func (t *tarFile) decode(b []byte, err error) (Image, error) {
	if err != nil {
		return Image{}, err
	}
	return decode.Decode(b, t.side)
}

// counter counts the bytes read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}
