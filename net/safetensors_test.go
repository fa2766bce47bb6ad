package net

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
)

func encoded(t testing.TB, blobs []Blob, meta map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := EncodeSafetensors(&b, blobs, meta); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func someBlobs() []Blob {
	return []Blob{
		FromFloat32s("layer1.0.conv1.weight", []int{2, 3}, []float32{1, -2.5, 0, float32(math.Inf(1)), 1e-40, 3}),
		{"flags", "U8", []int{3}, []byte{1, 2, 3}},
		{"step", "I64", []int{}, binary.LittleEndian.AppendUint64(nil, 1<<40)},
		{"none \"<é>\"", "I32", []int{4, 0}, []byte{}},
		{"key", "U32", []int{1, 1}, []byte{1, 0, 0, 0}},
	}
}

// The expected bytes follow the description of the format, so any reader of safetensors accepts the file.
func TestSafetensorsBytesFollowTheFormat(t *testing.T) {
	got := encoded(t, []Blob{{"b", "U8", []int{2}, []byte{7, 8}}, FromFloat32s("a", []int{1}, []float32{1})}, map[string]string{"z": "1", "a": "é"})
	header := `{"__metadata__":{"a":"é","z":"1"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}}`
	for len(header)%8 != 0 {
		header += " "
	}
	want := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header+"\x00\x00\x80\x3f\x07\x08"...)
	if !bytes.Equal(got, want) {
		t.Fatalf("got\n%q, want\n%q", got, want)
	}
}

func TestSafetensorsRoundTrip(t *testing.T) {
	meta := map[string]string{"format": "marr", "state": `{"step": 3, "text": "line\nbreak"}`}
	file := encoded(t, someBlobs(), meta)
	blobs, gotMeta, err := DecodeSafetensors(file)
	if err != nil || !reflect.DeepEqual(gotMeta, meta) {
		t.Fatalf("%v %v", gotMeta, err)
	}
	byName := map[string]Blob{}
	for _, b := range blobs {
		byName[b.Name] = b
	}
	for _, want := range someBlobs() {
		if got := byName[want.Name]; !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	if again := encoded(t, blobs, gotMeta); !bytes.Equal(again, file) {
		t.Error("decoding and encoding changed the bytes")
	}
	values, err := Float32s(byName["layer1.0.conv1.weight"])
	if want := []float32{1, -2.5, 0, float32(math.Inf(1)), 1e-40, 3}; err != nil || !reflect.DeepEqual(values, want) {
		t.Errorf("%v %v, want %v", values, err, want)
	}
	if _, err := Float32s(byName["step"]); err == nil {
		t.Error("an I64 tensor was read as F32")
	}
	if blobs, meta, err := DecodeSafetensors(encoded(t, nil, nil)); err != nil || len(blobs) != 0 || meta == nil || len(meta) != 0 {
		t.Errorf("an empty file: %v %v %v", blobs, meta, err)
	}
}

func TestEveryTensorStartsAtAMultipleOfItsElementSize(t *testing.T) {
	file := encoded(t, someBlobs(), map[string]string{"odd": "x"})
	data := file[8+binary.LittleEndian.Uint64(file):]
	if (len(file)-len(data))%8 != 0 {
		t.Fatalf("the data starts at byte %d", len(file)-len(data))
	}
	blobs, _, err := DecodeSafetensors(file)
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, b := range blobs {
		if at%dtypeSize[b.DType] != 0 {
			t.Errorf("%s %s starts at byte %d", b.Name, b.DType, at)
		}
		at += len(b.Data)
	}
}

func TestHeaderIsPaddedToEightBytesAndNoFurther(t *testing.T) {
	for n := 1; n <= 8; n++ {
		file := encoded(t, []Blob{{strings.Repeat("a", n), "U8", []int{0}, nil}}, nil)
		header := file[8:]
		if pad := len(header) - len(bytes.TrimRight(header, " ")); len(header)%8 != 0 || pad > 7 {
			t.Errorf("a name of %d: a header of %d bytes, %d of them padding", n, len(header), pad)
		}
	}
}

func TestEncodeRefusesWhatCannotBeReadBack(t *testing.T) {
	ok := Blob{"a", "U8", []int{1}, []byte{1}}
	for name, c := range map[string]struct {
		blobs []Blob
		meta  map[string]string
	}{
		"a name used twice":    {[]Blob{ok, ok}, nil},
		"no name":              {[]Blob{{"", "U8", []int{1}, []byte{1}}}, nil},
		"the reserved name":    {[]Blob{{"__metadata__", "U8", []int{1}, []byte{1}}}, nil},
		"a name not in UTF-8":  {[]Blob{{"\xff", "U8", []int{1}, []byte{1}}}, nil},
		"an unknown type":      {[]Blob{{"a", "F16", []int{1}, []byte{1, 2}}}, nil},
		"too few bytes":        {[]Blob{{"a", "F32", []int{2}, []byte{1, 2, 3, 4}}}, nil},
		"a negative dimension": {[]Blob{{"a", "U8", []int{-1, -1}, []byte{1}}}, nil},
		"an overflowing shape": {[]Blob{{"a", "F32", []int{math.MaxInt>>1 + 1}, nil}}, nil},
		"metadata not in UTF8": {[]Blob{ok}, map[string]string{"a": "\xff"}},
	} {
		var b bytes.Buffer
		if err := EncodeSafetensors(&b, c.blobs, c.meta); err == nil || b.Len() > 0 {
			t.Errorf("%s: error %v after %d bytes", name, err, b.Len())
		}
	}
	if err := EncodeSafetensors(fullDisk{}, []Blob{ok}, nil); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("the writer's error came back as %v", err)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// file joins a header and data without changes.
func file(header, data string) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header+data...)
}

// damaged lists files that must be refused, with a part of the error.
var damaged = []struct {
	file []byte
	want string
}{
	{nil, "length"},
	{[]byte{1, 2, 3}, "length"},
	{[]byte{255, 255, 255, 255, 255, 255, 255, 255, '{', '}'}, "header of"},
	{[]byte{3, 0, 0, 0, 0, 0, 0, 0, '{', '}'}, "header of"},
	{file("", ""), "JSON"},
	{file(" {}", ""), "first byte"},
	{file("[]", ""), "JSON"},
	{file("{", ""), "header"},
	{file("{} x", ""), "after the JSON object"},
	{file("{}{}", ""), "after the JSON object"},
	{file("{\"\xff\":1}", ""), "UTF-8"},
	{file("{}", "x"), "1 bytes of data"},
	{file(`{"__metadata__":{"a":1}}`, ""), "__metadata__"},
	{file(`{"__metadata__":null}`, ""), "__metadata__"},
	{file(`{"__metadata__":{},"__metadata__":{}}`, ""), "twice"},
	{file(`{"a":3}`, ""), `"a"`},
	{file(`{"a":null}`, ""), "expected dtype"},
	{file(`{"a":{"dtype":"U8","shape":[1]}}`, "x"), "data_offsets"},
	{file(`{"a":{"dtype":"U8","data_offsets":[0,1]}}`, "x"), "shape"},
	{file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}`, "x"), "data_offsets"},
	{file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"more":1}}`, "x"), "more"},
	{file(`{"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}}`, "x"), "1.5"},
	{file(`{"a":{"dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,1]}}`, "x"), "99999999999999999999"},
	{file(`{"a":{"dtype":"F9","shape":[1],"data_offsets":[0,1]}}`, "x"), "F9"},
	{file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,1]}}`, "x"), "takes 2"},
	{file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,1]}}`, "x"), "takes 4"},
	{file(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,1]}}`, "x"), "takes 0"},
	{file(`{"a":{"dtype":"U8","shape":[-1,-1],"data_offsets":[0,1]}}`, "x"), "negative"},
	{file(`{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, ""), "fits an int"},
	{file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, "x"), "truncated file"},
	{file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}`, "x"), "offsets"},
	{file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}}`, "x"), "offsets"},
	{file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, "xy"), "gap"},
	{file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, "xyz"), "overlap"},
	{file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, "xy"), "twice"},
}

func TestDecodeRefusesDamagedFiles(t *testing.T) {
	for i, c := range damaged {
		if blobs, _, err := DecodeSafetensors(c.file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d: %q gave %v, error %v, want %q", i, c.file, blobs, err, c.want)
		}
	}
	whole := encoded(t, someBlobs(), nil)
	for n := range whole {
		if _, _, err := DecodeSafetensors(whole[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes were accepted", n, len(whole))
		}
	}
}

// An accepted file is valid and has the same tensors after it is encoded again.
func FuzzDecodeSafetensors(f *testing.F) {
	f.Add(encoded(f, someBlobs(), map[string]string{"a": "b"}))
	f.Add(file(`{"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}  `, "xy"))
	for _, c := range damaged {
		f.Add(c.file)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		blobs, meta, err := DecodeSafetensors(b)
		if err != nil {
			return
		}
		total := 0
		for _, blob := range blobs {
			if err := blob.check(); err != nil {
				t.Fatal(err)
			}
			total += len(blob.Data)
		}
		if rest := len(b) - 8 - int(binary.LittleEndian.Uint64(b)); total != rest {
			t.Fatalf("%d bytes of tensors, %d of data", total, rest)
		}
		var again bytes.Buffer
		if err := EncodeSafetensors(&again, blobs, meta); err != nil {
			if strings.Contains(err.Error(), `""`) { // the format allows an empty name, we do not write one
				return
			}
			t.Fatal(err)
		}
		blobs2, meta2, err := DecodeSafetensors(again.Bytes())
		if err != nil || len(blobs2) != len(blobs) || !reflect.DeepEqual(meta2, meta) {
			t.Fatalf("second reading: %v, metadata %v, was %v", err, meta2, meta)
		}
	})
}

func ExampleEncodeSafetensors() {
	var file bytes.Buffer
	weight := FromFloat32s("fc.weight", []int{1, 2}, []float32{0.5, -1})
	if err := EncodeSafetensors(&file, []Blob{weight}, map[string]string{"arch": "resnet10"}); err != nil {
		fmt.Println(err)
		return
	}
	blobs, meta, err := DecodeSafetensors(file.Bytes())
	if err != nil {
		fmt.Println(err)
		return
	}
	values, err := Float32s(blobs[0])
	fmt.Println(blobs[0].Name, blobs[0].Shape, values, meta["arch"], err)
	// Output: fc.weight [1 2] [0.5 -1] resnet10 <nil>
}
