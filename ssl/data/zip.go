package data

import (
	"archive/zip"
	"context"
	"fmt"
	"os"

	"marr/ssl/data/decode"
)

// zipFile is a zip archive; its entries are read in any order.
type zipFile struct {
	entries
	name  string
	stamp []stamp
	side  int
	f     *os.File
	files []*zip.File // of each entry
}

func newZip(name string, side int) (source, error) {
	stamps, err := fileStamps(name)
	if err != nil {
		return nil, fmt.Errorf("data: archive %s: %w", name, cause(err))
	}
	return &zipFile{name: name, stamp: stamps, side: side}, nil
}

func (z *zipFile) stamps() []stamp { return z.stamp }

func (z *zipFile) Close() error {
	if z.f == nil {
		return nil
	}
	return z.f.Close()
}

func (z *zipFile) list(context.Context) (*listing, error) {
	err := z.index()
	if err != nil {
		return nil, fmt.Errorf("data: archive %s: %w: give an intact zip file", z.name, cause(err))
	}
	return z.listing(), nil
}

func (z *zipFile) index() error {
	f, err := os.Open(z.name)
	if err != nil {
		return err
	}
	z.f = f
	info, err := f.Stat()
	if err != nil {
		return err
	}
	r, err := zip.NewReader(f, info.Size())
	if err != nil {
		return err
	}
	for _, file := range r.File {
		if file.Mode().IsDir() {
			continue
		}
		before := len(z.all)
		size := int64(min(file.UncompressedSize64, maxFile+1)) // larger sizes overflow int64 and are skipped anyway
		if err := z.add(file.Name, 0, size, file.Mode().IsRegular()); err != nil {
			return err
		}
		if len(z.all) > before {
			z.files = append(z.files, file)
		}
	}
	return nil
}

func (z *zipFile) fetch(i int) (func() (Image, error), error) {
	return func() (Image, error) {
		e := z.all[i]
		if e.why != nil {
			return Image{}, e.why
		}
		r, err := z.files[i].Open()
		if err != nil {
			return Image{}, err
		}
		defer r.Close()
		b, err := readBounded(r, e.size)
		if err != nil {
			return Image{}, err
		}
		return decode.Decode(b, z.side)
	}, nil
}
