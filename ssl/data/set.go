package data

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
)

// Set is a decoded data set: N images of equal size, uint8, rows H, columns W, channels C (1 gray, 3 RGB) interleaved.
type Set struct {
	Name    string // as given to Open
	H, W, C int
	Pixels  []byte    // [N H W C]
	Labels  []int32   // [N], -1 = none; nil when the set has no labels
	Classes []string  // names by label; nil when unknown
	Files   []string  // folder sets: each image's path below the folder, with slashes; nil for others
	Bad     []BadFile // folder sets: what could not be read, sorted by path
}

// BadFile is an image file, or a sub-folder, that could not be read and was left out.
type BadFile struct {
	Path   string // the folder as given, joined with the path below it
	Reason string
}

// Len returns N.
func (s *Set) Len() int { return len(s.Pixels) / (s.H * s.W * s.C) }

// Image returns image i [H W C]: a view of Pixels, not a copy.
func (s *Set) Image(i int) []byte {
	n := s.H * s.W * s.C
	return s.Pixels[i*n : (i+1)*n : (i+1)*n]
}

// NumClasses returns how many classes the labels tell apart: the number of names where these are known, otherwise the largest
// label + 1; 0 without labels.
func (s *Set) NumClasses() int {
	if s.Classes != nil {
		return len(s.Classes)
	}
	k := int32(-1)
	for _, l := range s.Labels {
		k = max(k, l)
	}
	return int(k) + 1
}

// Stats returns mean and population standard deviation of each channel [C] over the whole set, of pixels scaled to 0..1. Sums are
// integers, hence exact in any order. A deviation is at least 1/255 (one grey level), so that dividing by it is always allowed.
func (s *Set) Stats() (mean, std []float64) {
	sum, square := make([]uint64, s.C), make([]uint64, s.C)
	for i, p := range s.Pixels {
		sum[i%s.C] += uint64(p)
		square[i%s.C] += uint64(p) * uint64(p)
	}
	mean, std = make([]float64, s.C), make([]float64, s.C)
	n := float64(len(s.Pixels) / s.C)
	for c := range s.C {
		m := float64(sum[c]) / n
		variance := max(0, float64(square[c])/n-float64(m*m)) // the conversion forbids a fused multiply-add: same bits on every processor
		mean[c], std[c] = m/255, max(1, math.Sqrt(variance))/255
	}
	return mean, std
}

// Fingerprint returns the SHA-256 (hex) of sizes, pixels and labels: what a run depends on. Name, class names and file names do not
// count, so a folder may be moved between a run and its resumption.
func (s *Set) Fingerprint() string {
	h := sha256.New()
	head := []byte("marr data set 1\n")
	for _, v := range []int{s.Len(), s.H, s.W, s.C, len(s.Labels)} {
		head = binary.LittleEndian.AppendUint64(head, uint64(v))
	}
	h.Write(head)
	h.Write(s.Pixels)
	labels := make([]byte, 0, 4*len(s.Labels))
	for _, l := range s.Labels {
		labels = binary.LittleEndian.AppendUint32(labels, uint32(l))
	}
	h.Write(labels)
	return hex.EncodeToString(h.Sum(nil))
}

// Subset returns a new set of the images idx in that order, repeats allowed; its pixels are a copy. An index outside 0..Len()-1 panics.
func (s *Set) Subset(idx []int) *Set {
	t := *s
	t.Pixels = make([]byte, 0, len(idx)*s.H*s.W*s.C)
	t.Labels, t.Files = pick(s.Labels, idx), pick(s.Files, idx)
	for _, i := range idx {
		t.Pixels = append(t.Pixels, s.Image(i)...)
	}
	return &t
}

// Limit returns the set of the first n images, or all of them where there are fewer; it shares its pixels with s. A negative n panics.
func (s *Set) Limit(n int) *Set {
	n = min(n, s.Len())
	t := *s
	t.Pixels = s.Pixels[:n*s.H*s.W*s.C]
	if s.Labels != nil {
		t.Labels = s.Labels[:n]
	}
	if s.Files != nil {
		t.Files = s.Files[:n]
	}
	return &t
}

// pick returns the elements idx of from, nil for nil.
func pick[T any](from []T, idx []int) []T {
	if from == nil {
		return nil
	}
	out := make([]T, len(idx))
	for k, i := range idx {
		out[k] = from[i]
	}
	return out
}

// each calls f(0) … f(n−1), several at a time; f(i) may write only to places that belong to i, so order decides nothing.
func each(n int, f func(i int)) {
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wait.Wait()
}
