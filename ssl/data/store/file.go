package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
)

// ErrDamaged is what Open returns, wrapped, for a file that is there but is not a whole set of its key.
var ErrDamaged = errors.New("damaged cache file")

// File is a whole set, mapped.
type File struct {
	Index
	Bytes []byte // all of the file; Places count from its start
}

// Open maps the set at path; it must be of this key. Where the file is missing the error wraps fs.ErrNotExist, where it is damaged ErrDamaged.
func Open(path string, key Key) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() < headerSize+footerSize || int64(int(info.Size())) != info.Size() {
		return nil, fmt.Errorf("%w: %d bytes", ErrDamaged, info.Size())
	}
	b, err := mapFile(f, int(info.Size()))
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	index, err := parse(b, key)
	if err != nil {
		unmapFile(b)
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return &File{*index, b}, nil
}

// parse checks all of a file but the pixels.
func parse(b []byte, key Key) (*Index, error) {
	if !bytes.Equal(b[:headerSize], header(key)) {
		return nil, errors.New("its header is not that of this set")
	}
	tail := b[len(b)-footerSize:]
	if string(tail[20:]) != "\x00\x00\x00\x00"+endMagic {
		return nil, errors.New("it is cut off")
	}
	at, n, end := binary.LittleEndian.Uint64(tail), binary.LittleEndian.Uint64(tail[8:]), uint64(len(b)-footerSize)
	if at < headerSize || at > end || n != end-at {
		return nil, errIndex
	}
	if crc32.Checksum(b[at:len(b)-16], castagnoli) != binary.LittleEndian.Uint32(tail[16:]) {
		return nil, errIndex
	}
	return decodeIndex(b[at:end], int64(at))
}

// Close unmaps the file: its bytes must not be touched any more.
func (f *File) Close() error {
	b := f.Bytes
	f.Bytes, f.Locations = nil, nil
	if b == nil {
		return nil
	}
	return unmapFile(b)
}
