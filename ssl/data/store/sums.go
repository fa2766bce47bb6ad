package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"math"

	"marr/ssl/data/decode"
)

// Sums are integers, hence exact in any order: of gray and of color images apart, since how gray counts depends on the other images.
type Sums struct {
	Pixels      [2]uint64 // of gray, of color images
	Gray        [2]uint64 // sums of values and of their squares
	Sum, Square [3]uint64 // the same of each color
}

// Add counts an image.
func (s *Sums) Add(img decode.Image) {
	if img.C == 1 {
		s.Pixels[0] += uint64(len(img.Pix))
		for _, v := range img.Pix {
			s.Gray[0] += uint64(v)
			s.Gray[1] += uint64(v) * uint64(v)
		}
		return
	}
	s.Pixels[1] += uint64(len(img.Pix) / 3)
	var sum, square [3]uint64
	for p := img.Pix; len(p) >= 3; p = p[3:] {
		r, g, b := uint64(p[0]), uint64(p[1]), uint64(p[2])
		sum[0], sum[1], sum[2] = sum[0]+r, sum[1]+g, sum[2]+b
		square[0], square[1], square[2] = square[0]+r*r, square[1]+g*g, square[2]+b*b
	}
	for c := range 3 {
		s.Sum[c] += sum[c]
		s.Square[c] += square[c]
	}
}

// Merge adds the sums of other images.
func (s *Sums) Merge(t Sums) {
	for i := range 2 {
		s.Pixels[i] += t.Pixels[i]
		s.Gray[i] += t.Gray[i]
	}
	for c := range 3 {
		s.Sum[c] += t.Sum[c]
		s.Square[c] += t.Square[c]
	}
}

// Stats returns mean and population standard deviation of each of the channels (1 or 3), of pixels scaled to 0..1; gray counts as three
// equal channels among three. A deviation is at least 1/255 (one gray level), so that dividing by it is always allowed.
func (s *Sums) Stats(channels int) (mean, std []float64) {
	mean, std = make([]float64, channels), make([]float64, channels)
	n := float64(max(1, s.Pixels[0]+s.Pixels[1]))
	for c := range channels {
		m := float64(s.Gray[0]+s.Sum[c]) / n
		variance := max(0, float64(s.Gray[1]+s.Square[c])/n-float64(m*m)) // the conversion forbids a fused multiply-add: same bits on every processor
		mean[c], std[c] = m/255, max(1, math.Sqrt(variance))/255
	}
	return mean, std
}

// Hash makes a fingerprint: SHA-256 of, for each image, the SHA-256 of its height, width, channels (u32) and pixels; then the number of
// labels (u64) and the labels (i32); then, only where there are any, the number of clips and first and length of each (u64).
type Hash struct{ sum hash.Hash }

// NewHash begins a fingerprint.
func NewHash() Hash {
	h := Hash{sha256.New()}
	h.sum.Write([]byte("marr data set 2\n"))
	return h
}

// Digest returns what Add takes for an image; several may be made side by side.
func Digest(img decode.Image) [32]byte {
	sum := sha256.New()
	var head []byte
	for _, v := range []int{img.H, img.W, img.C} {
		head = binary.LittleEndian.AppendUint32(head, uint32(v))
	}
	sum.Write(head)
	sum.Write(img.Pix)
	return [32]byte(sum.Sum(nil))
}

// Add appends the next image.
func (h Hash) Add(digest [32]byte) { h.sum.Write(digest[:]) }

// Sum ends the fingerprint and returns it in hexadecimal.
func (h Hash) Sum(labels []int32, clips []Clip) string {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(labels)))
	for _, l := range labels {
		b = binary.LittleEndian.AppendUint32(b, uint32(l))
	}
	if len(clips) > 0 {
		b = binary.LittleEndian.AppendUint64(b, uint64(len(clips)))
	}
	for _, c := range clips {
		b = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(b, uint64(c.First)), uint64(c.N))
	}
	h.sum.Write(b)
	return hex.EncodeToString(h.sum.Sum(nil))
}
