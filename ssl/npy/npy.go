// Package npy reads and writes the .npy files of NumPy (numpy.lib.format): a header in the syntax of Python, and the values of one array.
//
// The library github.com/sbinet/npyio takes whole arrays, and matrices of float64 alone. Features are float32, of two to four axes, and may not fit into
// memory: WriteHeader begins a file whose values follow batch by batch.
package npy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
)

const magic = "\x93NUMPY"

// Value is a type of values that Write supports.
type Value interface{ uint8 | int32 | float32 }

// typeName returns NumPy's name of a type.
func typeName[T Value]() string {
	switch any(T(0)).(type) {
	case float32:
		return "<f4"
	case int32:
		return "<i4"
	}
	return "|u1"
}

// Write writes row-major values of a shape as a file.
func Write[T Value](w io.Writer, values []T, shape ...int) error {
	if err := WriteHeader[T](w, shape...); err != nil {
		return err
	}
	return binary.Write(w, binary.LittleEndian, values)
}

// WriteHeader writes the beginning of a file of version 1.0. The values of the shape must follow, row-major, as little-endian binary.Write writes them. The
// header is padded to a multiple of 64 bytes, as NumPy does.
func WriteHeader[T Value](w io.Writer, shape ...int) error {
	dims := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(shape)), ", "), "[]")
	if len(shape) == 1 {
		dims += ","
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", typeName[T](), dims)
	const prefix = len(magic) + 4
	header += strings.Repeat(" ", 63-(prefix+len(header))%64) + "\n"
	start := append([]byte(magic), 1, 0, byte(len(header)), byte(len(header)>>8))
	_, err := w.Write(append(start, header...))
	return err
}

var (
	typeField  = regexp.MustCompile(`'descr': *'([^']*)'`)
	orderField = regexp.MustCompile(`'fortran_order': *True`)
	shapeField = regexp.MustCompile(`'shape': *\(([^)]*)\)`)
)

// Floats returns the values of a file of float32, row-major, and their shape. Errors say what the file holds in place of them.
func Floats(file []byte) (values []float32, shape []int, err error) {
	header, data, err := split(file)
	if err != nil {
		return nil, nil, err
	}
	kind, sizes := typeField.FindSubmatch(header), shapeField.FindSubmatch(header)
	switch {
	case kind == nil || sizes == nil:
		return nil, nil, errors.New("its header lacks the type or the shape: write it with numpy.save")
	case string(kind[1]) != "<f4":
		return nil, nil, fmt.Errorf("its values have the type %s: want float32 (<f4): convert them with .astype('float32')", kind[1])
	case orderField.Match(header):
		return nil, nil, errors.New("its values are in the order of columns: want that of rows: convert them with numpy.ascontiguousarray")
	}
	n := 1
	for text := range strings.SplitSeq(string(sizes[1]), ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		d, err := strconv.Atoi(text)
		if err != nil || d < 0 || d > 0 && n > math.MaxInt/4/d { // the length in bytes must be an int
			return nil, nil, fmt.Errorf("its shape is (%s): want whole numbers, and fewer values", sizes[1])
		}
		shape, n = append(shape, d), n*d
	}
	if len(data) != 4*n {
		return nil, nil, fmt.Errorf("its shape is %v, and it has %d bytes of values: want %d: the file is damaged", shape, len(data), 4*n)
	}
	values = make([]float32, n)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return values, shape, nil
}

// split returns the header and the values of a file.
func split(file []byte) (header, data []byte, err error) {
	rest, ok := bytes.CutPrefix(file, []byte(magic))
	if !ok || len(rest) < 4 {
		return nil, nil, errors.New("it is no .npy file: write one with numpy.save")
	}
	n, from := int64(binary.LittleEndian.Uint16(rest[2:])), 4
	if rest[0] > 1 { // since version 2 the length has four bytes
		if len(rest) < 6 {
			return nil, nil, errors.New("it ends in its header: the file is damaged")
		}
		n, from = int64(binary.LittleEndian.Uint32(rest[2:])), 6
	}
	if n > int64(len(rest)-from) {
		return nil, nil, errors.New("it ends in its header: the file is damaged")
	}
	return rest[from:][:n], rest[from:][n:], nil
}
