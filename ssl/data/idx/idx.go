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
	var head [4]byte
	if n, err := io.ReadFull(r, head[:]); err != nil {
		return Array{}, readError("header", int64(n), 4, err)
	}
	if head[0] != 0 || head[1] != 0 || head[2] != typeByte {
		return Array{}, fmt.Errorf("bad magic number % x: expected 00 00 08 and the number of dimensions (unsigned bytes)", head)
	}
	rank := int(head[3])
	if rank < 1 || rank > maxDims {
		return Array{}, fmt.Errorf("bad magic number % x: %d dimensions: expected 1 to %d", head, rank, maxDims)
	}
	raw := make([]byte, 4*rank)
	if n, err := io.ReadFull(r, raw); err != nil {
		return Array{}, readError("header", int64(4+n), int64(4+len(raw)), err)
	}
	a, want := Array{Dims: make([]int, rank)}, int64(1)
	for i := range a.Dims {
		d := int64(binary.BigEndian.Uint32(raw[4*i:]))
		a.Dims[i] = int(d)
		if d == 0 {
			return Array{}, fmt.Errorf("bad dimensions: dimension %d is 0", i)
		}
		if want > maxBytes/d {
			return Array{}, fmt.Errorf("bad dimensions: dimension %d is %d: more than %d bytes in all", i, d, int64(maxBytes))
		}
		want *= d
	}
	var buf bytes.Buffer
	buf.Grow(int(min(want, ahead)))
	header := int64(4 + len(raw))
	if n, err := io.CopyN(&buf, r, want); err != nil {
		return Array{}, readError("data", header+n, header+want, err)
	}
	a.Data = buf.Bytes()
	return a, nil
}

// readError returns the error of a stream that ended or failed in its header or data after got of want bytes.
func readError(part string, got, want int64, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("truncated in its %s: ends at byte %d of %d", part, got, want)
	}
	return fmt.Errorf("unreadable in its %s at byte %d of %d: %w", part, got, want, err)
}

// ReadFile decodes the file at path, gzip-compressed or not (detected by its first two bytes), which must hold exactly one array. Errors
// of the file system are *fs.PathError and name the path; errors of the format do not.
func ReadFile(path string) (Array, error) {
	f, err := os.Open(path)
	if err != nil {
		return Array{}, err
	}
	defer f.Close()
	var r io.Reader = bufio.NewReaderSize(f, 1<<16)
	if head, _ := r.(*bufio.Reader).Peek(2); len(head) == 2 && head[0] == 0x1f && head[1] == 0x8b {
		if r, err = gzip.NewReader(r); err != nil {
			return Array{}, fmt.Errorf("bad gzip header: %w", err)
		}
	}
	a, err := Read(r)
	if err != nil {
		return Array{}, err
	}
	// gzip compares its checksum at the end of the stream.
	switch n, err := io.CopyN(io.Discard, r, 1); {
	case n > 0:
		return Array{}, fmt.Errorf("trailing bytes: more than the %d bytes of data that dimensions %v announce", len(a.Data), a.Dims)
	case err != io.EOF:
		return Array{}, fmt.Errorf("unreadable after its data: %w", err)
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
