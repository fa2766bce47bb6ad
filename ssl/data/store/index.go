package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"strings"
)

// Location is the position and the size of an image in the file.
type Location struct {
	Offset int64 // of the pixels [H W C]
	H, W   int32
	C      uint8
}

// Size returns the size in bytes.
func (p Location) Size() int64 { return int64(p.H) * int64(p.W) * int64(p.C) }

// Skipped is an item that could not be read.
type Skipped struct {
	Name, Reason string
	Retry        bool // the error came from the file system, not from the content: the item may be readable later
}

// text returns the reason as stored in files.
func (b Skipped) text() string {
	if b.Retry {
		return "\x00" + b.Reason
	}
	return b.Reason
}

// parseSkipped is the inverse of text.
func parseSkipped(name, text string) Skipped {
	reason, retry := strings.CutPrefix(text, "\x00")
	return Skipped{name, reason, retry}
}

// Clip is a video: a range of images in temporal order.
type Clip struct {
	Name     string
	First, N int
}

// Index is everything in a set besides pixels. The index section holds the fingerprint, the sums, then the fields in order. A number is
// u64. A list is its length, then its elements. A list of strings is its length, the total length, each length, then the bytes.
type Index struct {
	Locations   []Location
	Labels      []int32
	Files       []string
	Classes     []string
	Skipped     []Skipped
	Clips       []Clip
	Sums        Sums
	Fingerprint string
}

var errIndex = errors.New("its index is damaged")

// encoder appends numbers and lists.
type encoder []byte

func (e *encoder) num(v ...uint64) {
	for _, v := range v {
		*e = binary.LittleEndian.AppendUint64(*e, v)
	}
}

func (e *encoder) strings(list []string) {
	total := 0
	for _, s := range list {
		total += len(s)
	}
	e.num(uint64(len(list)), uint64(total))
	for _, s := range list {
		e.num(uint64(len(s)))
	}
	for _, s := range list {
		*e = append(*e, s...)
	}
}

func (x *Index) encode() []byte {
	var e encoder
	e.strings([]string{x.Fingerprint})
	e, _ = binary.Append(e, binary.LittleEndian, x.Sums)
	e.num(uint64(len(x.Locations)))
	for _, p := range x.Locations {
		e.num(uint64(p.Offset), uint64(p.H)<<32|uint64(p.W)<<2|uint64(p.C))
	}
	e.num(uint64(len(x.Labels)))
	for _, l := range x.Labels {
		e.num(uint64(int64(l)))
	}
	e.strings(x.Files)
	e.strings(x.Classes)
	names, reasons := make([]string, len(x.Skipped)), make([]string, len(x.Skipped))
	for i, b := range x.Skipped {
		names[i], reasons[i] = b.Name, b.text()
	}
	e.strings(names)
	e.strings(reasons)
	clips := make([]string, len(x.Clips))
	for i, c := range x.Clips {
		clips[i] = c.Name
	}
	e.strings(clips)
	for _, c := range x.Clips {
		e.num(uint64(c.First), uint64(c.N))
	}
	return e
}

// decoder reads numbers and lists; after the first invalid one, bad is true and all further reads return zeros.
type decoder struct {
	left []byte
	bad  bool
}

func (d *decoder) take(n uint64) []byte {
	if d.bad || n > uint64(len(d.left)) {
		d.bad = true
		return nil
	}
	b := d.left[:n]
	d.left = d.left[n:]
	return b
}

func (d *decoder) num() uint64 {
	if b := d.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// count reads the length of a list whose elements have at least size bytes each.
func (d *decoder) count(size int) int {
	n := d.num()
	if n > uint64(len(d.left)/size) {
		d.bad = true
		return 0
	}
	return int(n)
}

func (d *decoder) strings() []string {
	n := d.num()
	total := d.num()
	if n > uint64(len(d.left)/8) {
		d.bad = true
		return nil
	}
	lengths := d.take(8 * n)
	all := string(d.take(total)) // one allocation for all strings
	if d.bad || n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		l := binary.LittleEndian.Uint64(lengths[8*i:])
		if l > uint64(len(all)) {
			d.bad = true
			return nil
		}
		list[i], all = all[:l], all[l:]
	}
	return list
}

// decodeIndex is the inverse of encode; all images must end at or before byte end.
func decodeIndex(section []byte, end int64) (*Index, error) {
	d, x := decoder{left: section}, &Index{}
	if s := d.strings(); len(s) == 1 {
		x.Fingerprint = s[0]
	}
	if n, err := binary.Decode(d.left, binary.LittleEndian, &x.Sums); err != nil {
		d.bad = true
	} else {
		d.take(uint64(n))
	}
	x.Locations = make([]Location, d.count(16))
	for i := range x.Locations {
		at, size := d.num(), d.num()
		p := Location{Offset: int64(at), H: int32(size >> 32), W: int32(size << 32 >> 34), C: uint8(size & 3)}
		if !validSizes(int(p.H), int(p.W), int(p.C), int(p.Size())) || p.C == 0 || p.Offset < headerSize || p.Offset > end || p.Size() > end-p.Offset {
			return nil, fmt.Errorf("%w: image %d does not lie within the file", errIndex, i)
		}
		x.Locations[i] = p
	}
	if n := d.count(8); n > 0 {
		x.Labels = make([]int32, n)
	}
	for i := range x.Labels {
		x.Labels[i] = int32(d.num())
	}
	x.Files, x.Classes = d.strings(), d.strings()
	x.decodeSkipped(&d)
	for _, name := range d.strings() {
		first, n := d.num(), d.num()
		if first > uint64(len(x.Locations)) || n > uint64(len(x.Locations))-first {
			return nil, fmt.Errorf("%w: clip %s does not lie within the set", errIndex, name)
		}
		x.Clips = append(x.Clips, Clip{name, int(first), int(n)})
	}
	if d.bad || len(d.left) > 0 || !x.consistent() {
		return nil, errIndex
	}
	return x, nil
}

// decodeSkipped reads the names and reasons of skipped items.
func (x *Index) decodeSkipped(d *decoder) {
	names, reasons := d.strings(), d.strings()
	if len(names) != len(reasons) {
		d.bad = true
		return
	}
	for i, r := range reasons {
		x.Skipped = append(x.Skipped, parseSkipped(names[i], r))
	}
}

// consistent reports whether lists by image have one element per image, and every label is −1 or a class.
func (x *Index) consistent() bool {
	n := len(x.Locations)
	if x.Labels != nil && len(x.Labels) != n || x.Files != nil && len(x.Files) != n {
		return false
	}
	classes := int32(math.MaxInt32)
	if x.Classes != nil {
		classes = int32(len(x.Classes))
	}
	for _, l := range x.Labels {
		if l < -1 || l >= classes {
			return false
		}
	}
	return true
}

// footer returns the footer of a file whose index begins at byte at.
func footer(index []byte, at int64) []byte {
	var e encoder
	e.num(uint64(at), uint64(len(index)))
	sum := crc32.Update(crc32.Checksum(index, castagnoli), castagnoli, e)
	return append(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(e, sum), 0), endMagic...)
}
