package net

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Blob is a named tensor of a safetensors file.
type Blob struct {
	Name  string
	DType string // F32, U8, I32, U32 or I64
	Shape []int  // row-major; an empty shape is a scalar, a 0 in it an empty tensor
	Data  []byte // little-endian elements, len = product of Shape × bytes per element
}

// blobHeader is a blob's entry in the JSON header; the field order is the order in the file.
type blobHeader struct {
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets []int  `json:"data_offsets"` // [begin, end) in bytes from the end of the header
}

const (
	metadataKey = "__metadata__"
	// maxHeader is the largest header that readers accept, in bytes: MAX_HEADER_SIZE of the reference implementation.
	maxHeader = 100_000_000
)

// dtypeSize is the size of an element of each supported type, in bytes.
var dtypeSize = map[string]int{"F32": 4, "U8": 1, "I32": 4, "U32": 4, "I64": 8}

// FromFloat32s returns an F32 blob with a copy of v.
func FromFloat32s(name string, shape []int, v []float32) Blob {
	data := make([]byte, 0, 4*len(v))
	for _, x := range v {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
	}
	return Blob{Name: name, DType: "F32", Shape: slices.Clone(shape), Data: data}
}

// Float32s returns a copy of the elements of an F32 blob; any other type is an error.
func Float32s(b Blob) ([]float32, error) {
	if b.DType != "F32" {
		return nil, fmt.Errorf("net: tensor %q: type %s: expected F32", b.Name, b.DType)
	}
	if err := b.check(); err != nil {
		return nil, err
	}
	v := make([]float32, len(b.Data)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b.Data[4*i:]))
	}
	return v, nil
}

// check verifies that length = product of shape × bytes per element, without overflow.
func (b Blob) check() error {
	size, ok := dtypeSize[b.DType]
	if !ok {
		return fmt.Errorf("net: tensor %q: type %q: supported are F32, U8, I32, U32, I64", b.Name, b.DType)
	}
	if len(b.Data) == 0 && len(b.Shape) > 0 && slices.Min(b.Shape) == 0 { // the other dimensions may overflow
		return nil
	}
	for _, d := range b.Shape {
		if d < 0 || (d > 0 && size > math.MaxInt/d) {
			return fmt.Errorf("net: tensor %q: shape %v: no dimension may be negative, and their product must be a size that fits an int", b.Name, b.Shape)
		}
		size *= d
	}
	if size != len(b.Data) {
		return fmt.Errorf("net: tensor %q: %d bytes: %s %v takes %d", b.Name, len(b.Data), b.DType, b.Shape, size)
	}
	return nil
}

// EncodeSafetensors writes blobs and metadata as one safetensors file
// (https://github.com/huggingface/safetensors, section Format):
//
//	header length (8 bytes, little-endian) | JSON header, padded with spaces to a multiple of 8 | data
//
// The bytes depend only on the arguments. Metadata is sorted by key. Blobs keep their order, except that types with
// wider elements come first: readers in PyTorch require that every tensor starts at a multiple of its element size. Errors, before
// anything is written: an empty, repeated or reserved name, text that is not UTF-8, a length that does not match the shape, an unknown
// type.
func EncodeSafetensors(w io.Writer, blobs []Blob, meta map[string]string) error {
	blobs = slices.Clone(blobs)
	slices.SortStableFunc(blobs, func(a, b Blob) int { return dtypeSize[b.DType] - dtypeSize[a.DType] })
	header, err := encodeHeader(blobs, meta)
	if err != nil {
		return err
	}
	if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))); err != nil {
		return fmt.Errorf("net: write safetensors: %w", err)
	}
	if _, err := w.Write(header); err != nil {
		return fmt.Errorf("net: write safetensors: %w", err)
	}
	for _, b := range blobs {
		if _, err := w.Write(b.Data); err != nil {
			return fmt.Errorf("net: write safetensors: tensor %q: %w", b.Name, err)
		}
	}
	return nil
}

func encodeHeader(blobs []Blob, meta map[string]string) ([]byte, error) {
	for k, v := range meta {
		if !utf8.ValidString(k) || !utf8.ValidString(v) {
			return nil, fmt.Errorf("net: safetensors metadata %q: not UTF-8", k)
		}
	}
	h := []byte{'{'}
	if len(meta) > 0 {
		text, err := json.Marshal(meta) // encoding/json sorts the keys of a map
		if err != nil {
			return nil, fmt.Errorf("net: safetensors metadata: %w", err)
		}
		h = append(h, `"`+metadataKey+`":`...)
		h = append(h, text...)
	}
	seen, at := map[string]bool{metadataKey: true, "": true}, 0
	for _, b := range blobs {
		if !utf8.ValidString(b.Name) || seen[b.Name] {
			return nil, fmt.Errorf("net: tensor name %q: empty, reserved, repeated or not UTF-8", b.Name)
		}
		seen[b.Name] = true
		if err := b.check(); err != nil {
			return nil, err
		}
		name, err := json.Marshal(b.Name)
		if err != nil {
			return nil, fmt.Errorf("net: tensor %q: %w", b.Name, err)
		}
		shape := append([]int{}, b.Shape...) // a nil shape must read [], not null
		entry, err := json.Marshal(blobHeader{b.DType, shape, []int{at, at + len(b.Data)}})
		if err != nil {
			return nil, fmt.Errorf("net: tensor %q: %w", b.Name, err)
		}
		if len(h) > 1 {
			h = append(h, ',')
		}
		h = append(append(append(h, name...), ':'), entry...)
		at += len(b.Data)
	}
	h = append(h, '}')
	h = append(h, strings.Repeat(" ", (8-len(h)%8)%8)...)
	if len(h) > maxHeader {
		return nil, fmt.Errorf("net: safetensors header: %d bytes: readers accept at most %d", len(h), maxHeader)
	}
	return h, nil
}

// DecodeSafetensors reads a safetensors file. The blobs are in the order of their data and share memory with b; the metadata is never
// nil. As in the reference implementation, the tensors must cover the data without overlaps, gaps or a remainder. Any other input is
// an error, never a panic: a length beyond the file, a header that is not one JSON object, a repeated name, an unknown type, a
// shape that does not match the offsets.
func DecodeSafetensors(b []byte) ([]Blob, map[string]string, error) {
	fail := func(format string, a ...any) ([]Blob, map[string]string, error) {
		return nil, nil, fmt.Errorf("net: not a valid safetensors file: "+format, a...)
	}
	if len(b) < 8 {
		return fail("%d bytes: expected a length of 8 bytes first", len(b))
	}
	n := binary.LittleEndian.Uint64(b)
	if n > maxHeader || n > uint64(len(b)-8) {
		return fail("header of %d bytes: the file holds %d after the length, and %d are the most allowed", n, len(b)-8, maxHeader)
	}
	header, data := b[8:8+n], b[8+n:]
	entries, meta, err := decodeHeader(header)
	if err != nil {
		return fail("header: %w", err)
	}
	// By begin, then by end: an empty tensor shares its begin with the next one.
	slices.SortStableFunc(entries, func(x, y namedHeader) int { return slices.Compare(x.Offsets, y.Offsets) })
	blobs, at := make([]Blob, 0, len(entries)), 0
	for _, e := range entries {
		begin, end := e.Offsets[0], e.Offsets[1]
		if begin != at || end < begin || end > len(data) {
			return fail("tensor %q: offsets [%d %d]: expected a begin of %d and an end of at most %d: overlap, gap or truncated file",
				e.name, begin, end, at, len(data))
		}
		blob := Blob{Name: e.name, DType: e.DType, Shape: e.Shape, Data: data[begin:end:end]}
		if err := blob.check(); err != nil {
			return fail("%w", err)
		}
		blobs, at = append(blobs, blob), end
	}
	if at != len(data) {
		return fail("%d bytes of data: the tensors cover %d", len(data), at)
	}
	return blobs, meta, nil
}

type namedHeader struct {
	name string
	blobHeader
}

// decodeHeader reads the JSON object token by token: decoding into a map would hide a repeated name.
func decodeHeader(header []byte) (entries []namedHeader, meta map[string]string, err error) {
	if !utf8.Valid(header) || len(header) == 0 || header[0] != '{' {
		return nil, nil, errors.New("expected one JSON object in UTF-8 at the first byte")
	}
	dec, seen := json.NewDecoder(bytes.NewReader(header)), map[string]bool{}
	dec.DisallowUnknownFields()
	meta = map[string]string{}
	if _, err := dec.Token(); err != nil {
		return nil, nil, err
	}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, nil, err
		}
		name, _ := token.(string) // a key is always a string: anything else is a syntax error of Token
		if seen[name] {
			return nil, nil, fmt.Errorf("tensor %q: name used twice", name)
		}
		seen[name] = true
		if name == metadataKey {
			if err := dec.Decode(&meta); err != nil {
				return nil, nil, fmt.Errorf("%s: %w", metadataKey, err)
			}
			continue
		}
		e := namedHeader{name: name}
		if err := dec.Decode(&e.blobHeader); err != nil {
			return nil, nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		if e.Shape == nil || len(e.Offsets) != 2 {
			return nil, nil, fmt.Errorf("tensor %q: expected dtype, shape and two data_offsets", name)
		}
		entries = append(entries, e)
	}
	if _, err := dec.Token(); err != nil {
		return nil, nil, err
	}
	if rest := bytes.TrimRight(header[dec.InputOffset():], " "); len(rest) > 0 {
		return nil, nil, fmt.Errorf("%d bytes after the JSON object", len(rest))
	}
	if meta == nil {
		return nil, nil, fmt.Errorf("%s: expected an object of strings", metadataKey)
	}
	return entries, meta, nil
}
