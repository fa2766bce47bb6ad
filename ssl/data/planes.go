package data

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sort"
	"strings"

	"github.com/marr-ssl/marr/net"
)

// planes reads files of square RGB images of one size, stored channel by channel: the formats of CIFAR and STL-10.
type planes struct {
	kind    string
	paths   []string // files of records, in order
	stamp   []stamp
	head    int  // bytes of a record before its pixels
	side    int  // pixels
	columns bool // planes are stored column by column

	files []*os.File
	first []int // first item of each file, then the number of items
}

func (p *planes) record() int { return p.head + 3*p.side*p.side }

func (p *planes) stamps() []stamp { return p.stamp }

// mark stamps the files of records, and those of the others that exist.
func (p *planes) mark(others ...string) error {
	all := slices.Clone(p.paths)
	for _, o := range others {
		if _, err := os.Stat(o); err == nil {
			all = append(all, o)
		}
	}
	stamps, err := fileStamps(all...)
	if err != nil {
		return fmt.Errorf("data: %s file: %w", p.kind, err)
	}
	p.stamp = stamps
	return nil
}

func (p *planes) Close() error {
	for _, f := range p.files {
		f.Close()
	}
	return nil
}

// open opens the files and counts their records.
func (p *planes) open() error {
	n := 0
	for _, path := range p.paths {
		f, err := net.OpenRegular(path)
		if err != nil {
			return fmt.Errorf("data: %s file %s: %w", p.kind, path, cause(err))
		}
		p.files = append(p.files, f)
		info, err := f.Stat()
		if err != nil {
			return fmt.Errorf("data: %s file %s: %w", p.kind, path, cause(err))
		}
		if size, rec := info.Size(), int64(p.record()); size == 0 || size%rec != 0 {
			return fmt.Errorf("data: %s file %s: %d bytes, not a multiple of the record size %d: give an intact file of the published format",
				p.kind, path, size, rec)
		}
		p.first = append(p.first, n)
		n += int(info.Size() / int64(p.record()))
	}
	p.first = append(p.first, n)
	return nil
}

func (p *planes) listing() *listing {
	return &listing{n: p.first[len(p.files)], weight: func(int) int64 { return int64(p.record()) }}
}

// locate returns the file of item i and the item's record there.
func (p *planes) locate(i int) (file, record int) {
	file = sort.SearchInts(p.first, i+1) - 1
	return file, i - p.first[file]
}

// read reads n bytes at offset at of item i's record.
func (p *planes) read(i, at, n int) ([]byte, error) {
	file, record := p.locate(i)
	b := make([]byte, n)
	if _, err := p.files[file].ReadAt(b, int64(record)*int64(p.record())+int64(at)); err != nil {
		return nil, fmt.Errorf("data: %s file %s: record %d: %w", p.kind, p.paths[file], record, cause(err))
	}
	return b, nil
}

func (p *planes) fetch(i int) (func() (Image, error), error) {
	return func() (Image, error) {
		b, err := p.read(i, p.head, 3*p.side*p.side)
		if err != nil {
			return Image{}, systemError{err}
		}
		img := Image{H: p.side, W: p.side, C: 3, Pix: make([]byte, len(b))}
		for c := range 3 {
			plane := b[c*p.side*p.side : (c+1)*p.side*p.side]
			for k, v := range plane {
				if p.columns {
					k = k%p.side*p.side + k/p.side
				}
				img.Pix[3*k+c] = v
			}
		}
		return img, nil
	}, nil
}

// classNames reads a file of class names, one per line; it returns nil if there is no file.
func classNames(path string, want int) ([]string, error) {
	text, err := net.ReadFile(path, 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("data: class names %s: %w: give the published file, or remove it", path, cause(err))
	}
	names := slices.DeleteFunc(strings.Split(string(text), "\n"), func(s string) bool { return strings.TrimSpace(s) == "" })
	if len(names) != want {
		return nil, fmt.Errorf("data: class names %s: %d names for %d classes: give the published file, or remove it", path, len(names), want)
	}
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
		if slices.Contains(names[:i], names[i]) {
			return nil, fmt.Errorf("data: class names %s: %q is the name of two classes: give the published file, or remove it", path, names[i])
		}
	}
	return names, nil
}
