package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"math"

	"github.com/marr-ssl/marr/ssl/data/decode"
)

// Sums holds sums over pixels. They are integers, hence exact in any order, and separate for gray and color images, because gray pixels
// are three equal channels only if the set has color images.
type Sums struct {
	Pixels      [2]uint64 // number in gray, in color images
	Gray        [2]uint64 // sums of values and of squares of gray images
	Sum, Square [3]uint64 // the same per channel of color images
}

// Add adds the pixels of an image.
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

// Merge adds the sums t.
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

// Stats returns the mean and the population standard deviation of each of 1 or 3 channels, for pixels scaled to 0..1. With 3 channels a
// gray image has three equal channels. A deviation is at least 1/255 (one gray level), so that it can be divided by.
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

// Hash computes a fingerprint: the SHA-256 of the digests of all images (SHA-256 of height, width, channels as u32, and pixels), the
// number of labels (u64), the labels (i32) and, only if there are clips, their number, and First and N of each (u64).
type Hash struct{ sum hash.Hash }

// NewHash returns the hash of no images.
func NewHash() Hash {
	h := Hash{sha256.New()}
	h.sum.Write([]byte("marr data set 2\n"))
	return h
}

// Digest returns the digest of an image for Add. It is safe for concurrent use.
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

// Sum returns the fingerprint in hexadecimal.
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
