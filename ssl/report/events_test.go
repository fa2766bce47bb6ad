package report

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// eventProto is the part of tensorflow's event.proto and summary.proto that is read here: message, field, number, type.
const eventProto = `
Event wall_time 1 double
Event step 2 int64
Event file_version 3 string
Event summary 5 Summary
Event session_log 7 SessionLog
SessionLog status 1 int32
Summary value 1 Value*
Value tag 1 string
Value simple_value 2 float
Value image 4 Image
Image height 1 int32
Image width 2 int32
Image colorspace 3 int32
Image encoded_image_string 4 bytes`

// eventType returns the type of Event, compiled from eventProto.
func eventType(t *testing.T) protoreflect.MessageDescriptor {
	t.Helper()
	file := &descriptorpb.FileDescriptorProto{Name: proto.String("event.proto"), Syntax: proto.String("proto3"), Package: proto.String("t")}
	messages := map[string]*descriptorpb.DescriptorProto{}
	types := map[string]descriptorpb.FieldDescriptorProto_Type{"double": descriptorpb.FieldDescriptorProto_TYPE_DOUBLE, "int64": descriptorpb.FieldDescriptorProto_TYPE_INT64,
		"string": descriptorpb.FieldDescriptorProto_TYPE_STRING, "int32": descriptorpb.FieldDescriptorProto_TYPE_INT32, "float": descriptorpb.FieldDescriptorProto_TYPE_FLOAT,
		"bytes": descriptorpb.FieldDescriptorProto_TYPE_BYTES}
	for line := range strings.SplitSeq(strings.TrimSpace(eventProto), "\n") {
		var message, name, kind string
		var number int32
		if _, err := fmt.Sscan(line, &message, &name, &number, &kind); err != nil {
			t.Fatal(err)
		}
		if messages[message] == nil {
			messages[message] = &descriptorpb.DescriptorProto{Name: proto.String(message)}
			file.MessageType = append(file.MessageType, messages[message])
		}
		f := &descriptorpb.FieldDescriptorProto{Name: proto.String(name), Number: proto.Int32(number), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()}
		if scalar, ok := types[kind]; ok {
			f.Type = scalar.Enum()
		} else {
			f.Type, f.TypeName = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), proto.String(".t."+strings.TrimSuffix(kind, "*"))
		}
		if strings.HasSuffix(kind, "*") {
			f.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
		}
		messages[message].Field = append(messages[message].Field, f)
	}
	d, err := protodesc.NewFile(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d.Messages().ByName("Event")
}

// readRecords returns the data of the records of a TFRecord file. It undoes the mask of the checksums as TensorFlow's reader does.
func readRecords(t *testing.T, raw []byte) (out [][]byte) {
	t.Helper()
	checked := func(data []byte, masked uint32) {
		rotated := masked - 0xa282ead8
		if want := rotated>>17 | rotated<<15; crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)) != want {
			t.Errorf("record %d: checksum %08x of %q is wrong", len(out), want, data)
		}
	}
	for len(raw) > 0 {
		n := binary.LittleEndian.Uint64(raw)
		checked(raw[:8], binary.LittleEndian.Uint32(raw[8:]))
		data := raw[12 : 12+n]
		checked(data, binary.LittleEndian.Uint32(raw[12+n:]))
		out, raw = append(out, data), raw[16+n:]
	}
	return out
}

// plain returns a message as a map, with its default values left out.
func plain(m protoreflect.Message) map[string]any {
	out := map[string]any{}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsList():
			var all []any
			for i := range v.List().Len() {
				all = append(all, plain(v.List().Get(i).Message()))
			}
			out[string(f.Name())] = all
		case f.Message() != nil:
			out[string(f.Name())] = plain(v.Message())
		default:
			out[string(f.Name())] = v.Interface()
		}
		return true
	})
	if len(m.GetUnknown()) > 0 {
		out["unknown"] = m.GetUnknown()
	}
	return out
}

func TestEventFileIsReadByAnIndependentReader(t *testing.T) {
	dir := t.TempDir()
	e, err := CreateEvents(dir, 7)
	if err != nil {
		t.Fatal(err)
	}
	e.now = func() time.Time { return time.Unix(1700000000, 5e8) }
	picture := image.NewRGBA(image.Rect(0, 0, 3, 2))
	picture.Set(1, 1, color.RGBA{200, 100, 50, 255})
	for _, err := range []error{e.Image(6, "views", picture), e.Scalars(7, map[string]float64{"train/loss": 4.25, "train/accuracy": 0}), e.Restart(5), e.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	found, err := filepath.Glob(filepath.Join(dir, "events.out.tfevents.*")) // the names that TensorBoard reads
	if err != nil || len(found) != 1 {
		t.Fatalf("event files %v, %v", found, err)
	}
	raw, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	var events []map[string]any
	for _, data := range readRecords(t, raw) {
		m := dynamicpb.NewMessage(eventType(t))
		if err := proto.Unmarshal(data, m); err != nil {
			t.Fatal(err)
		}
		events = append(events, plain(m))
	}
	if len(events) != 5 {
		t.Fatalf("%d events, want 5: %v", len(events), events)
	}
	for _, x := range events[:2] {
		if wall, _ := x["wall_time"].(float64); time.Since(time.Unix(int64(wall), 0)).Abs() > time.Hour {
			t.Errorf("time %v", x["wall_time"])
		}
		delete(x, "wall_time")
	}
	img := events[2]["summary"].(map[string]any)["value"].([]any)[0].(map[string]any)["image"].(map[string]any)
	if got, err := png.Decode(bytes.NewReader(img["encoded_image_string"].([]byte))); err != nil || color.RGBAModel.Convert(got.At(1, 1)) != picture.At(1, 1) {
		t.Errorf("the picture was not read back: %v", err)
	}
	delete(img, "encoded_image_string")
	const wall = 1700000000.5
	want := []map[string]any{
		{"file_version": "brain.Event:2"},
		{"step": int64(7), "session_log": map[string]any{"status": int32(1)}},
		{"wall_time": wall, "step": int64(6), "summary": map[string]any{"value": []any{
			map[string]any{"tag": "views", "image": map[string]any{"height": int32(2), "width": int32(3), "colorspace": int32(4)}}}}},
		{"wall_time": wall, "step": int64(7), "summary": map[string]any{"value": []any{
			map[string]any{"tag": "train/accuracy"}, map[string]any{"tag": "train/loss", "simple_value": float32(4.25)}}}},
		{"wall_time": wall, "step": int64(5), "session_log": map[string]any{"status": int32(1)}},
	}
	if !reflect.DeepEqual(events, want) {
		t.Errorf("read %v, want %v", events, want)
	}
}
