package npy

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

// file returns a file of version 1.0, or of a later one.
func file(version byte, header string, data string) []byte {
	length := []byte{byte(len(header)), byte(len(header) >> 8)}
	if version > 1 {
		length = append(length, 0, 0)
	}
	return append(append([]byte(magic), version, 0), append(length, header+data...)...)
}

// NumPy writes these bytes (numpy 1.24: numpy.save of numpy.array([[1, 2], [3, 4], [5, 6]], numpy.uint8)).
func TestFileIsNumPys(t *testing.T) {
	var out bytes.Buffer
	if err := Write(&out, []byte{1, 2, 3, 4, 5, 6}, 3, 2); err != nil {
		t.Fatal(err)
	}
	const header = "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 2), }"
	want := "\x93NUMPY\x01\x00\x76\x00" + header + strings.Repeat(" ", 117-len(header)) + "\n\x01\x02\x03\x04\x05\x06"
	if out.String() != want || (out.Len()-6)%64 != 0 {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

func TestFloatsReadsWhatWriteAndNumPyWrite(t *testing.T) {
	for _, shape := range [][]int{{6}, {3, 2}, {1, 2, 3}} {
		values := []float32{0, 1.5, -2, 3e-40, 3e38, 5}
		var out bytes.Buffer
		if err := Write(&out, values, shape...); err != nil {
			t.Fatal(err)
		}
		got, dims, err := Floats(out.Bytes())
		if err != nil || !reflect.DeepEqual(got, values) || !reflect.DeepEqual(dims, shape) {
			t.Errorf("%v %v, %v, want %v %v", dims, got, err, shape, values)
		}
	}
	for version := byte(1); version <= 3; version++ {
		got, shape, err := Floats(file(version, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n", "\x00\x00\x80\x3f\x00\x00\x00\xc0"))
		if err != nil || !reflect.DeepEqual(got, []float32{1, -2}) || !reflect.DeepEqual(shape, []int{2}) {
			t.Errorf("version %d: %v %v, %v", version, shape, got, err)
		}
	}
}

func TestOtherFilesAreRefused(t *testing.T) {
	header := func(kind, order, shape string) string {
		return "{'descr': '" + kind + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n"
	}
	for want, raw := range map[string][]byte{
		"no .npy file": []byte("1.0, 2.0\n3.0, 4.0\n"),
		"the type <f8: want float32 (<f4): convert them with .astype('float32')": file(1, header("<f8", "False", "(1,)"), "12345678"),
		"the type >f4":            file(1, header(">f4", "False", "(1,)"), "1234"),
		"the order of columns":    file(1, header("<f4", "True", "(1, 1)"), "1234"),
		"it has 4 bytes of value": file(1, header("<f4", "False", "(3, 2)"), "1234"),
		"(-1,): want whole":       file(1, header("<f4", "False", "(-1,)"), ""),
		"and fewer values":        file(1, header("<f4", "False", "(9999999999, 9999999999)"), ""),
		"lacks the type":          file(1, "{'shape': (1,)}\n", "1234"),
		"ends in its header":      file(1, header("<f4", "False", "(1,)"), "")[:30],
	} {
		if _, _, err := Floats(raw); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want it to say %q", err, want)
		}
	}
	for n := range 12 {
		if _, _, err := Floats(file(2, "", "")[:n]); err == nil {
			t.Errorf("%d bytes are accepted", n)
		}
	}
}
