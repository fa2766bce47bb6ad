package data

import (
	"archive/tar"
	"bufio"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/marr-ssl/marr/ssl/data/store"
)

// tarFile is a tar archive, compressed by gzip, bzip2 or not (detected by content). A plain archive is read at the offsets of its entries,
// a compressed one sequentially: once for the names, once for the images.
type tarFile struct {
	entries
	ctx    context.Context // ends reading of the compressed stream
	name   string
	stamp  []stamp
	side   int
	f      *os.File
	unzip  func(io.Reader) (io.Reader, error) // nil: not compressed
	stream *counter                           // compressed: the second reading
}

func newTar(ctx context.Context, name string, side int) (source, error) {
	stamps, err := fileStamps(name)
	if err != nil {
		return nil, fmt.Errorf("data: archive %s: %w", name, cause(err))
	}
	return &tarFile{ctx: ctx, name: name, stamp: stamps, side: side}, nil
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
	if t.f, err = openArchive(t.name); err == nil {
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
	var magic [6]byte
	n, _ := t.f.ReadAt(magic[:], 0)
	for _, c := range compressions {
		if !strings.HasPrefix(string(magic[:n]), c.magic) {
			continue
		}
		if t.unzip = c.open; c.open == nil {
			return fmt.Errorf("compressed by %s, which is not read: unpack it, and give the folder", c.name)
		}
	}
	var r io.Reader = t.f
	position := func() int64 { at, _ := t.f.Seek(0, io.SeekCurrent); return at } // tar reads whole blocks and not ahead
	if t.unzip != nil {
		z, err := t.restart()
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
		regular := h.Typeflag == tar.TypeReg && !sparse(h)
		if _, err := t.add(entry{name: h.Name, at: position(), size: h.Size}, regular, func() []byte { return headOf(files) }); err != nil {
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

// compressions are formats of compressed archives by their magic numbers; open is nil for those that are only named.
var compressions = []struct {
	name, magic string
	open        func(io.Reader) (io.Reader, error)
}{
	{"gzip", "\x1f\x8b", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	{"bzip2", "BZh", func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }},
	{"xz", "\xfd7zXZ\x00", nil}, {"Zstandard", "\x28\xb5\x2f\xfd", nil}, {"LZ4", "\x04\x22\x4d\x18", nil}, {"lzip", "LZIP", nil},
}

// restart opens the decompressed stream of a compressed archive, which ends with the context.
func (t *tarFile) restart() (*counter, error) {
	if _, err := t.f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	z, err := t.unzip(bufio.NewReaderSize(contextReader{t.ctx, t.f}, 1<<16))
	return &counter{r: contextReader{t.ctx, z}}, err
}

// contextReader ends a stream with the error of a context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}

func (t *tarFile) fetch(i int) (func() (Image, error), error) {
	e := t.all[i]
	if e.why != nil {
		return func() (Image, error) { return Image{}, e.why }, nil
	}
	if t.unzip == nil {
		return func() (Image, error) { return t.decode(e, io.NewSectionReader(t.f, e.at, e.size)) }, nil
	}
	if t.stream == nil {
		z, err := t.restart()
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
	if t.ctx.Err() != nil { // not a reason to skip the image
		return nil, t.ctx.Err()
	}
	return func() (Image, error) {
		if err != nil {
			return Image{}, err
		}
		return decodeEntry(e.name, b, t.side)
	}, nil
}

func (t *tarFile) decode(e entry, r io.Reader) (Image, error) {
	b, err := readBounded(r, e.size)
	if err != nil {
		return Image{}, err
	}
	return decodeEntry(e.name, b, t.side)
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
