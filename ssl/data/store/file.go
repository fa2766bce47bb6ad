package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"

	"github.com/marr-ssl/marr/vk/filesys"
)

// ErrDamaged is wrapped by the error of Open for a file that exists but is not a complete set of the key.
var ErrDamaged = errors.New("damaged cache file")

// File is a complete set, mapped into memory.
type File struct {
	Index
	Bytes []byte // the whole file; Locations are offsets in it

	heap bool // Bytes are a copy
}

// Open maps the set at path, which must have this key. The error wraps fs.ErrNotExist if the file is missing, ErrDamaged if it is damaged.
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
	b, err := filesys.Map(f, int(info.Size()))
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	index, err := parse(b, key)
	if err != nil {
		filesys.Unmap(b)
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return &File{Index: *index, Bytes: b}, nil
}

// parse checks the file without its pixels, and returns its index.
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

// Close unmaps the file: its bytes must not be used afterwards.
func (f *File) Close() error {
	b := f.Bytes
	f.Bytes, f.Locations = nil, nil
	if b == nil || f.heap {
		return nil
	}
	return filesys.Unmap(b)
}

// ToHeap copies the bytes to the heap and unmaps the file, which may then be removed on every system.
func (f *File) ToHeap() error {
	if f.heap {
		return nil
	}
	mapped := f.Bytes
	f.Bytes, f.heap = bytes.Clone(mapped), true
	return filesys.Unmap(mapped)
}
