package main

import (
	"archive/tar"
	"archive/zip"
	"compress/flate"
	"compress/gzip"
	"errors"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// file is a file of an archive.
type file struct {
	data []byte
	mode int64
}

// writeArchive writes files into one folder of a .tar.gz or .zip archive. Its bytes depend on the arguments alone: names are sorted, every file has the
// same time, and none has an owner.
func writeArchive(to, folder string, files map[string]file, changed time.Time) (err error) {
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if strings.HasSuffix(to, ".zip") {
		return writeZip(f, folder, files, changed)
	}
	return writeTar(f, folder, files, changed)
}

func writeTar(to io.Writer, folder string, files map[string]file, changed time.Time) error {
	packed, err := gzip.NewWriterLevel(to, gzip.BestCompression)
	if err != nil {
		return err
	}
	w := tar.NewWriter(packed)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		h := &tar.Header{Name: path.Join(folder, name), Mode: files[name].mode, Size: int64(len(files[name].data)), ModTime: changed}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		if _, err := w.Write(files[name].data); err != nil {
			return err
		}
	}
	return errors.Join(w.Close(), packed.Close())
}

func writeZip(to io.Writer, folder string, files map[string]file, changed time.Time) error {
	w := zip.NewWriter(to)
	w.RegisterCompressor(zip.Deflate, func(to io.Writer) (io.WriteCloser, error) { return flate.NewWriter(to, flate.BestCompression) })
	for _, name := range slices.Sorted(maps.Keys(files)) {
		h := &zip.FileHeader{Name: path.Join(folder, name), Method: zip.Deflate, Modified: changed.UTC()}
		h.SetMode(os.FileMode(files[name].mode))
		entry, err := w.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := entry.Write(files[name].data); err != nil {
			return err
		}
	}
	return w.Close()
}
