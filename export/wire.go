package export

import (
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

func appendInt(b []byte, num protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), uint64(v))
}

func appendFloat(b []byte, num protowire.Number, v float32) []byte {
	return protowire.AppendFixed32(protowire.AppendTag(b, num, protowire.Fixed32Type), math.Float32bits(v))
}

func appendString(b []byte, num protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), s)
}

func appendBytes(b []byte, num protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), v)
}

// field is one field of a protobuf message: its number, wire type and value. The value shares memory with the file.
type field struct {
	num  protowire.Number
	kind protowire.Type
	body []byte // the encoded varint or fixed word, or the content of a length-delimited field
}

// eachField calls f for every field of a message in order.
func eachField(b []byte, f func(field) error) error {
	for len(b) > 0 {
		num, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return fmt.Errorf("%w, %d bytes before the end of the message", protowire.ParseError(n), len(b))
		}
		b = b[n:]
		if n = protowire.ConsumeFieldValue(num, kind, b); n < 0 {
			return fmt.Errorf("field %d: %w, %d bytes before the end of the message", num, protowire.ParseError(n), len(b))
		}
		body := b[:n]
		b = b[n:]
		if kind == protowire.BytesType {
			body, _ = protowire.ConsumeBytes(body)
		}
		if err := f(field{num, kind, body}); err != nil {
			return err
		}
	}
	return nil
}

func (f field) want(kind protowire.Type) error {
	if f.kind != kind {
		return fmt.Errorf("field %d has wire type %d, want %d", f.num, f.kind, kind)
	}
	return nil
}

func (f field) message(each func(field) error) error {
	if err := f.want(protowire.BytesType); err != nil {
		return err
	}
	return eachField(f.body, each)
}

func (f field) bytes() ([]byte, error) { return f.body, f.want(protowire.BytesType) }
func (f field) text() (string, error)  { return string(f.body), f.want(protowire.BytesType) }

func (f field) int() (int64, error) {
	if err := f.want(protowire.VarintType); err != nil {
		return 0, err
	}
	v, _ := protowire.ConsumeVarint(f.body)
	return int64(v), nil
}

func (f field) float() (float32, error) {
	if err := f.want(protowire.Fixed32Type); err != nil {
		return 0, err
	}
	v, _ := protowire.ConsumeFixed32(f.body)
	return math.Float32frombits(v), nil
}

// ints appends one integer, or a packed list of them, to list.
func (f field) ints(list []int64) ([]int64, error) {
	if f.kind != protowire.BytesType {
		v, err := f.int()
		return append(list, v), err
	}
	for b := f.body; len(b) > 0; {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return nil, fmt.Errorf("field %d: %w", f.num, protowire.ParseError(n))
		}
		list, b = append(list, int64(v)), b[n:]
	}
	return list, nil
}

// floats appends one float, or a packed list of them, to list.
func (f field) floats(list []float32) ([]float32, error) {
	if f.kind != protowire.BytesType {
		v, err := f.float()
		return append(list, v), err
	}
	if len(f.body)%4 != 0 {
		return nil, fmt.Errorf("field %d: %d bytes are not a multiple of 4", f.num, len(f.body))
	}
	for b := f.body; len(b) > 0; b = b[4:] {
		list = append(list, math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return list, nil
}
