package data

import (
	"archive/zip"
	"compress/bzip2"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
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
	if errors.Is(err, errEncrypted) {
		return nil, fmt.Errorf("data: archive %s: %w", z.name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("data: archive %s: %w: give an intact zip file", z.name, cause(err))
	}
	return z.listing(), nil
}

var errEncrypted = errors.New("encrypted: unpack it with its password, and give the folder")

// index lists the entries. An archive whose images are all encrypted is an error.
func (z *zipFile) index() error {
	var err error
	if z.f, err = openArchive(z.name); err != nil {
		return err
	}
	info, err := z.f.Stat()
	if err != nil {
		return err
	}
	r, err := zip.NewReader(z.f, info.Size())
	if err != nil {
		return err
	}
	r.RegisterDecompressor(methodBzip2, func(r io.Reader) io.ReadCloser { return io.NopCloser(bzip2.NewReader(r)) })
	names := zipNames(r.File)
	encrypted := 0
	for i, file := range r.File {
		if file.Mode().IsDir() || strings.HasSuffix(names[i], "/") {
			continue
		}
		size := int64(min(file.UncompressedSize64, maxFile+1)) // larger sizes overflow int64 and are skipped anyway
		added, err := z.add(entry{name: names[i], size: size}, file.Mode().IsRegular(), func() []byte { return zipHead(file) })
		switch {
		case err != nil:
			return err
		case !added:
			continue
		}
		z.files = append(z.files, file)
		last := &z.all[len(z.all)-1]
		if why := refuseZip(file); why != nil && last.why == nil {
			last.why = why
			if errors.Is(why, errEncrypted) {
				encrypted++
			}
		}
	}
	if encrypted > 0 && encrypted == len(z.all) {
		return errEncrypted
	}
	return nil
}

// zipHead reads the beginning of an entry; it is empty if the entry cannot be read.
func zipHead(file *zip.File) []byte {
	if refuseZip(file) != nil {
		return nil
	}
	r, err := file.Open()
	if err != nil {
		return nil
	}
	defer r.Close()
	return headOf(r)
}

// Methods of compression (PKWARE's APPNOTE.TXT, section 4.4.5).
const methodBzip2 = 12

var methods = map[uint16]string{1: "Shrink", 6: "Implode", 9: "Deflate64", 10: "PKWARE Implode", 14: "LZMA", 16: "IBM CMPSC", 18: "IBM TERSE", 19: "IBM LZ77",
	20: "Zstandard", 93: "Zstandard", 94: "MP3", 95: "xz", 96: "JPEG", 97: "WavPack", 98: "PPMd", 99: "AES encryption"}

// refuseZip returns the reason not to read an entry: encryption, or a method of compression.
func refuseZip(file *zip.File) error {
	name := methods[file.Method]
	switch known := file.Method == zip.Store || file.Method == zip.Deflate || file.Method == methodBzip2; {
	case file.Flags&1 != 0:
		return errEncrypted
	case known:
		return nil
	case name == "":
		name = fmt.Sprintf("method %d", file.Method)
	}
	return fmt.Errorf("compressed by %s, which is not read: unpack the archive, and give the folder", name)
}

// zipNames returns the names of entries as UTF-8 with slashes. Backslashes are separators in archives that have no slash.
func zipNames(files []*zip.File) []string {
	names, slashes, charset := make([]string, len(files)), false, charsetOf(files)
	for i, f := range files {
		names[i] = f.Name
		if !utf8.ValidString(f.Name) {
			names[i], _ = charset.NewDecoder().String(f.Name) // neither of the two has an error
		}
		slashes = slashes || strings.Contains(names[i], "/")
	}
	for i := range names {
		if !slashes {
			names[i] = strings.ReplaceAll(names[i], `\`, "/")
		}
	}
	return names
}

// charsetOf returns the character set of names that are not UTF-8, which an archive does not record: Shift JIS if all such names can be and
// one has two Japanese letters in a row, otherwise code page 437, which the format prescribes and in which every byte is a letter.
func charsetOf(files []*zip.File) encoding.Encoding {
	word := false
	for _, f := range files {
		if utf8.ValidString(f.Name) {
			continue
		}
		text, err := japanese.ShiftJIS.NewDecoder().String(f.Name)
		if err != nil || strings.ContainsRune(text, utf8.RuneError) {
			return charmap.CodePage437
		}
		word = word || hasJapaneseWord(text)
	}
	if word {
		return japanese.ShiftJIS
	}
	return charmap.CodePage437
}

// hasJapaneseWord reports whether two Japanese letters follow one another.
func hasJapaneseWord(s string) bool {
	before := false
	for _, r := range s {
		is := unicode.In(r, unicode.Hiragana, unicode.Katakana, unicode.Han)
		if is && before {
			return true
		}
		before = is
	}
	return false
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
		return decodeEntry(e.name, b, z.side)
	}, nil
}
