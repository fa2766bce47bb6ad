package report

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Events is an event file of TensorBoard: records of serialized Event messages (tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto
// and tensorflow/core/lib/io/record_writer.cc of tensorflow/tensorflow). Each record is written at once, so that TensorBoard can follow a run.
type Events struct {
	f   *os.File
	now func() time.Time
}

// Field numbers of the messages that are written.
const (
	eventWallTime, eventStep, eventFileVersion, eventSummary, eventSessionLog = 1, 2, 3, 5, 7
	sessionStatus, sessionStart                                               = 1, 1
	summaryValue                                                              = 1
	valueTag, valueSimple, valueImage                                         = 1, 2, 4
	imageHeight, imageWidth, imageColorspace, imageEncoded                    = 1, 2, 3, 4
	colorspaceRGBA                                                            = 4
)

// CreateEvents creates an event file in a folder for a run that goes on from a step. TensorBoard reads all event files of a folder, ordered by their names,
// which begin with the time, and drops the values of earlier files from that step on: those that a killed run wrote after its last checkpoint.
func CreateEvents(dir string, step int) (*Events, error) {
	e := &Events{now: time.Now}
	name := fmt.Sprintf("events.out.tfevents.%010d.%d.marr", e.now().Unix(), os.Getpid())
	var err error
	if e.f, err = os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666); err != nil {
		return nil, fmt.Errorf("report: event file: %w", err)
	}
	version := protowire.AppendString(protowire.AppendTag(nil, eventFileVersion, protowire.BytesType), "brain.Event:2")
	if err := e.write(0, version); err != nil {
		return nil, err
	}
	return e, e.Restart(step)
}

// Restart drops the values of a step and later ones.
func (e *Events) Restart(step int) error {
	log := protowire.AppendVarint(protowire.AppendTag(nil, sessionStatus, protowire.VarintType), sessionStart)
	return e.write(step, appendMessage(nil, eventSessionLog, log))
}

// Scalars writes values of a step by their tags, as float32.
func (e *Events) Scalars(step int, values map[string]float64) error {
	var summary []byte
	for _, tag := range slices.Sorted(maps.Keys(values)) {
		v := appendMessage(nil, valueTag, []byte(tag))
		v = protowire.AppendFixed32(protowire.AppendTag(v, valueSimple, protowire.Fixed32Type), math.Float32bits(float32(values[tag])))
		summary = appendMessage(summary, summaryValue, v)
	}
	return e.write(step, appendMessage(nil, eventSummary, summary))
}

// Image writes an image of a step as PNG.
func (e *Events) Image(step int, tag string, img image.Image) error {
	var encoded bytes.Buffer
	if err := png.Encode(&encoded, img); err != nil {
		return fmt.Errorf("report: event file: image %s: %w", tag, err)
	}
	var message []byte
	for _, x := range []struct {
		field protowire.Number
		value int
	}{{imageHeight, img.Bounds().Dy()}, {imageWidth, img.Bounds().Dx()}, {imageColorspace, colorspaceRGBA}} {
		message = protowire.AppendVarint(protowire.AppendTag(message, x.field, protowire.VarintType), uint64(x.value))
	}
	message = appendMessage(message, imageEncoded, encoded.Bytes())
	value := appendMessage(appendMessage(nil, valueTag, []byte(tag)), valueImage, message)
	return e.write(step, appendMessage(nil, eventSummary, appendMessage(nil, summaryValue, value)))
}

// Close closes the file.
func (e *Events) Close() error { return e.f.Close() }

func appendMessage(b []byte, field protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), message)
}

// write writes an event with the current time.
func (e *Events) write(step int, what []byte) error {
	seconds := float64(e.now().UnixNano()) / 1e9
	event := protowire.AppendFixed64(protowire.AppendTag(nil, eventWallTime, protowire.Fixed64Type), math.Float64bits(seconds))
	event = protowire.AppendVarint(protowire.AppendTag(event, eventStep, protowire.VarintType), uint64(step))
	if _, err := e.f.Write(record(append(event, what...))); err != nil {
		return fmt.Errorf("report: event file: %w", err)
	}
	return nil
}

// record frames data as a TFRecord: its length (uint64, little endian), the masked CRC of these 8 bytes, the data, and the masked CRC of the data.
func record(data []byte) []byte {
	b := binary.LittleEndian.AppendUint64(make([]byte, 0, len(data)+16), uint64(len(data)))
	b = binary.LittleEndian.AppendUint32(b, maskedCRC(b))
	b = append(b, data...)
	return binary.LittleEndian.AppendUint32(b, maskedCRC(data))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maskedCRC returns the CRC-32C of data, rotated and shifted so that the CRC of data that contains CRCs is not weak (tensorflow/core/lib/hash/crc32c.h).
func maskedCRC(data []byte) uint32 {
	crc := crc32.Checksum(data, castagnoli)
	return (crc>>15 | crc<<17) + 0xa282ead8
}
