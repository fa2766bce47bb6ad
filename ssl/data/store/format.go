package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/marr-ssl/marr/ssl/data/decode"
)

const (
	fileMagic  = "marrsets"
	endMagic   = "marr end"
	version    = 1
	headerSize = 56
	recordHead = 24
	footerSize = 32
	maxReason  = 1 << 12 // bytes; longer reasons are truncated
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Key is a hash of everything that a set's bytes depend on.
type Key [32]byte

// errPartial marks an incomplete record, as at the end of the file of a build that was killed.
var errPartial = errors.New("partial record")

// header returns the header of a file with this key.
func header(key Key) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(fileMagic), version)
	b = append(binary.LittleEndian.AppendUint32(b, 0), key[:]...)
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli)), 0)
}

// Record is one item of a source, encoded.
type Record struct {
	bytes  [2][]byte // head and payload
	place  Location  // relative to the start of the record
	sums   Sums
	digest [32]byte
	bad    Skipped
}

// NewRecord encodes the image of an item; it keeps the pixels. It is safe for concurrent use.
func NewRecord(item int, img decode.Image) Record {
	r := Record{bytes: encode(item, img.H, img.W, img.C, img.Pix), place: Location{recordHead, int32(img.H), int32(img.W), uint8(img.C)}}
	r.sums.Add(img)
	r.digest = Digest(img)
	return r
}

// NewSkipped encodes the reason why an item was skipped.
func NewSkipped(item int, b Skipped) Record {
	text := b.text()
	text = text[:min(len(text), maxReason)]
	return Record{bytes: encode(item, 0, 0, 0, []byte(text)), bad: b}
}

func encode(item, h, w, c int, payload []byte) [2][]byte {
	b := make([]byte, 0, recordHead)
	for _, v := range []int{item, h, w, c, len(payload)} {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	b = binary.LittleEndian.AppendUint32(b, crc32.Update(crc32.Checksum(b, castagnoli), castagnoli, payload))
	return [2][]byte{b, payload}
}

// readRecord reads the record of an item from a reader with left more bytes. It returns errPartial if the record is not complete and valid.
func readRecord(r io.Reader, item int, left int64) (Record, error) {
	if left < recordHead {
		return Record{}, errPartial
	}
	b := make([]byte, recordHead)
	if _, err := io.ReadFull(r, b); err != nil {
		return Record{}, fmt.Errorf("read record %d: %w", item, err)
	}
	word := func(i int) int { return int(binary.LittleEndian.Uint32(b[4*i:])) }
	h, w, c, n := word(1), word(2), word(3), word(4)
	if word(0) != item || int64(n) > left-recordHead || !validSizes(h, w, c, n) {
		return Record{}, errPartial
	}
	payload := make([]byte, n)
	if _, err := io.ReadFull(r, payload); err != nil {
		return Record{}, fmt.Errorf("read record %d: %w", item, err)
	}
	if crc32.Update(crc32.Checksum(b[:recordHead-4], castagnoli), castagnoli, payload) != uint32(word(5)) {
		return Record{}, errPartial
	}
	if c == 0 {
		return NewSkipped(item, parseSkipped("", string(payload))), nil
	}
	return NewRecord(item, decode.Image{H: h, W: w, C: c, Pix: payload}), nil
}

// validSizes reports whether a record may have these sizes: an image of n bytes, or a reason.
func validSizes(h, w, c, n int) bool {
	if c == 0 {
		return h == 0 && w == 0 && 0 <= n && n <= maxReason // int may have 32 bits
	}
	return (c == 1 || c == 3) && 0 < h && 0 < w && int64(h)*int64(w) <= 1<<31 && int64(h)*int64(w)*int64(c) == int64(n)
}
