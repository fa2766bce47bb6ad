// Package idx reads and writes IDX, the format of MNIST and similar sets, for arrays of unsigned bytes: two zero bytes, the type 0x08, the
// number of dimensions, each dimension as a big-endian uint32, then the elements, last axis fastest
// (Y. LeCun, C. Cortes, C. Burges, "The MNIST database", section "The IDX file format").
package idx

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/marr-ssl/marr/net"
)

const (
	typeByte = 0x08    // element type "unsigned byte", the only one in image sets
	maxDims  = 8       // a header with more is damaged
	maxBytes = 1 << 36 // 64 GiB of elements: far above any published set, and safe from overflow
	ahead    = 1 << 26 // bytes allocated before any element is read, whatever the header says
)

// Array is an array of bytes: Data has the product of Dims elements, last axis fastest.
type Array struct {
	Dims []int
	Data []byte
}

// Read decodes one array from r. It reads no byte beyond the array, so that a stream may hold several. Errors name the byte.
func Read(r io.Reader) (Array, error) {
	dims, err := readHeader(r)
	if err != nil {
		return Array{}, err
	}
	header, want := sizes(dims)
	var buf bytes.Buffer
	buf.Grow(int(min(want, ahead)))
	if n, err := io.CopyN(&buf, r, want); err != nil {
		return Array{}, readError("data", header+n, header+want, err)
	}
	return Array{Dims: dims, Data: buf.Bytes()}, nil
}

// sizes returns the bytes of header and data.
func sizes(dims []int) (header, data int64) {
	data = 1
	for _, d := range dims {
		data *= int64(d)
	}
	return int64(4 + 4*len(dims)), data
}

// readHeader reads the dimensions, whose product is at most maxBytes.
func readHeader(r io.Reader) ([]int, error) {
	var head [4]byte
	if n, err := io.ReadFull(r, head[:]); err != nil {
		return nil, readError("header", int64(n), 4, err)
	}
	if head[0] != 0 || head[1] != 0 || head[2] != typeByte {
		return nil, fmt.Errorf("bad magic number % x: expected 00 00 08 and the number of dimensions (unsigned bytes)", head)
	}
	rank := int(head[3])
	if rank < 1 || rank > maxDims {
		return nil, fmt.Errorf("bad magic number % x: %d dimensions: expected 1 to %d", head, rank, maxDims)
	}
	raw := make([]byte, 4*rank)
	if n, err := io.ReadFull(r, raw); err != nil {
		return nil, readError("header", int64(4+n), int64(4+len(raw)), err)
	}
	dims, want := make([]int, rank), int64(1)
	for i := range dims {
		d := int64(binary.BigEndian.Uint32(raw[4*i:]))
		dims[i] = int(d)
		if d == 0 {
			return nil, fmt.Errorf("bad dimensions: dimension %d is 0", i)
		}
		if want > maxBytes/d {
			return nil, fmt.Errorf("bad dimensions: dimension %d is %d: more than %d bytes in all", i, d, int64(maxBytes))
		}
		want *= d
	}
	return dims, nil
}

// readError returns the error of a stream that ended or failed in its header or data after got of want bytes.
func readError(part string, got, want int64, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("truncated in its %s: ends at byte %d of %d", part, got, want)
	}
	return fmt.Errorf("unreadable in its %s at byte %d of %d: %w", part, got, want, err)
}

// File reads the array of a file in order, in parts: a compressed file of any size in the memory of one part.
type File struct {
	Dims []int

	file *os.File
	r    io.Reader
	at   int64 // bytes read of the data
}

// Open opens the regular file at path, gzip-compressed or not (detected by its first two bytes), which must hold exactly one array, and
// reads the dimensions. Errors of the file system are *fs.PathError and name the path; errors of the format do not.
func Open(path string) (*File, error) {
	file, err := net.OpenRegular(path)
	if err != nil {
		return nil, err
	}
	f := &File{file: file}
	if err := f.start(); err != nil {
		file.Close()
		return nil, err
	}
	return f, nil
}

// start reads the header. The size of a file that is not compressed is compared at once.
func (f *File) start() error {
	b := bufio.NewReaderSize(f.file, 1<<16)
	f.r = b
	head, _ := b.Peek(2)
	zipped := bytes.Equal(head, []byte{0x1f, 0x8b})
	if zipped {
		z, err := gzip.NewReader(b)
		if err != nil {
			return fmt.Errorf("bad gzip header: %w", err)
		}
		f.r = z
	}
	var err error
	if f.Dims, err = readHeader(f.r); err != nil || zipped {
		return err
	}
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	switch header, want := sizes(f.Dims); {
	case info.Size() < header+want:
		return readError("data", info.Size(), header+want, io.ErrUnexpectedEOF)
	case info.Size() > header+want:
		return f.trailing()
	}
	return nil
}

func (f *File) trailing() error {
	_, want := sizes(f.Dims)
	return fmt.Errorf("trailing bytes: more than the %d bytes of data that dimensions %v announce", want, f.Dims)
}

// Next returns the next n bytes of the data. With the last ones it checks the end of the file, where gzip has its checksum.
func (f *File) Next(n int) ([]byte, error) {
	b := make([]byte, n)
	header, want := sizes(f.Dims)
	got, err := io.ReadFull(f.r, b)
	f.at += int64(got)
	if err != nil {
		return nil, readError("data", header+f.at, header+want, err)
	}
	if f.at < want {
		return b, nil
	}
	switch n, err := io.CopyN(io.Discard, f.r, 1); {
	case n > 0:
		return nil, f.trailing()
	case err != io.EOF:
		return nil, fmt.Errorf("unreadable after its data: %w", err)
	}
	return b, nil
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }

// ReadFile returns the array of a file (see Open).
func ReadFile(path string) (Array, error) {
	f, err := Open(path)
	if err != nil {
		return Array{}, err
	}
	defer f.Close()
	a := Array{Dims: f.Dims}
	for _, want := sizes(f.Dims); f.at < want; { // memory grows with what is read, not with what the header says
		b, err := f.Next(int(min(ahead, want-f.at)))
		if err != nil {
			return Array{}, err
		}
		a.Data = append(a.Data, b...)
	}
	return a, nil
}

// Write encodes a to w. len(a.Data) must be the product of a.Dims.
func Write(w io.Writer, a Array) error {
	size := 1
	head := []byte{0, 0, typeByte, byte(len(a.Dims))}
	for _, d := range a.Dims {
		size *= d
		head = binary.BigEndian.AppendUint32(head, uint32(d))
	}
	if len(a.Dims) < 1 || len(a.Dims) > maxDims || size != len(a.Data) {
		return fmt.Errorf("idx: write dimensions %v: %d bytes of data: expected their product, and 1 to %d dimensions", a.Dims, len(a.Data), maxDims)
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	_, err := w.Write(a.Data)
	return err
}
