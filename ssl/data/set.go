package data

import (
	"slices"
	"strings"

	"github.com/marr-ssl/marr/ssl/data/decode"
	"github.com/marr-ssl/marr/ssl/data/store"
	"github.com/marr-ssl/marr/ssl/parallel"
)

// Image is one image, [H W C] of uint8 with C 1 (gray) or 3 (RGB).
type Image = decode.Image

// Clip is a video whose frames, in order, are the images First … First+N−1.
type Clip = store.Clip

// Set is a decoded data set of N images, which may differ in size and number of channels. A set that Open returned maps its pixels from
// the cache file (built-ins: on the heap); sets made from it share them.
type Set struct {
	Name    string        // as given to Open, but Printable
	C       int           // 3 if any image is in color, otherwise 1
	Labels  []int32       // [N], indices of Classes, −1: none; nil if the set has no labels
	Classes []string      // names, which identify classes among sets (MatchClasses); nil if the set has no labels
	Files   []string      // folders, lists and archives: each image's path within, with slashes; otherwise nil
	Skipped []SkippedFile // unreadable files, sorted by path
	Clips   []Clip        // frames only

	bytes     []byte
	locations []store.Location
	gray      bool        // Image converts color images
	file      *store.File // the mapped file; nil for built-ins and for sets made from others
}

// SkippedFile is an image file, or a sub-folder, that could not be read.
type SkippedFile struct {
	Path   string `json:"path"` // folder or archive as given, joined with the path within; Printable, as is Reason
	Reason string `json:"reason"`
}

// newSet returns the set of a mapped file.
func newSet(name, root string, f *store.File) *Set {
	s := &Set{Name: Printable(name), Labels: f.Labels, Classes: f.Classes, Files: f.Files, Clips: f.Clips, bytes: f.Bytes, locations: f.Locations, file: f}
	for _, b := range f.Skipped {
		s.Skipped = append(s.Skipped, SkippedFile{Printable(skippedPath(root, b.Name)), Printable(strings.TrimPrefix(b.Reason, "decode: "))})
	}
	s.setChannels()
	return s
}

// newHeapSet returns a set of pixels [N H W C].
func newHeapSet(name string, h, w, c int, pixels []byte, labels []int32, classes []string) *Set {
	s := &Set{Name: name, C: c, Labels: labels, Classes: classes, bytes: pixels}
	for at := 0; at < len(pixels); at += h * w * c {
		s.locations = append(s.locations, store.Location{Offset: int64(at), H: int32(h), W: int32(w), C: uint8(c)})
	}
	return s
}

// FromImages returns a set with copies of images on the heap. The numbers of labels, which may be nil, are the names of the classes; −1 is
// an image without a label.
func FromImages(name string, images []Image, labels []int32) *Set {
	s := &Set{Name: name}
	s.Classes, s.Labels = occurring(nil, labels)
	for _, img := range images {
		s.locations = append(s.locations, store.Location{Offset: int64(len(s.bytes)), H: int32(img.H), W: int32(img.W), C: uint8(img.C)})
		s.bytes = append(s.bytes, img.Pix...)
	}
	s.setChannels()
	return s
}

func (s *Set) setChannels() {
	s.C = 1
	for _, p := range s.locations {
		s.C = max(s.C, int(p.C))
	}
}

// Close unmaps the pixels: no image of this set, or of a set made from it, may be used afterwards. On a set made from another it does
// nothing.
func (s *Set) Close() error {
	if s.file == nil {
		return nil
	}
	f := s.file
	s.bytes, s.locations, s.file = nil, nil, nil
	return f.Close()
}

// ToHeap copies the pixels of a set that Open returned to the heap and unmaps its cache file: Windows does not remove a mapped file. No set may have
// been made from this one yet. On other sets it does nothing.
func (s *Set) ToHeap() error {
	if s.file == nil {
		return nil
	}
	err := s.file.ToHeap()
	s.bytes = s.file.Bytes
	return err
}

// Len returns N.
func (s *Set) Len() int { return len(s.locations) }

// Image returns image i, which shares the set's pixels and must not be written to.
func (s *Set) Image(i int) Image {
	p := s.locations[i]
	end := p.Offset + p.Size()
	img := Image{H: int(p.H), W: int(p.W), C: int(p.C), Pix: s.bytes[p.Offset:end:end]}
	if s.gray && img.C == 3 {
		return toGray(img)
	}
	return img
}

// ToGray returns the set with gray images: a color image becomes its luma, (19595·R + 38470·G + 7471·B)/65536, rounded to the nearest (ITU-R
// BT.601, and the same bits as Pillow's convert("L")). It is converted each time that Image returns it. The result is s if s has no color.
func (s *Set) ToGray() *Set {
	if s.C == 1 {
		return s
	}
	t := *s
	t.C, t.gray, t.file = 1, true, nil
	return &t
}

func toGray(img Image) Image {
	out := Image{H: img.H, W: img.W, C: 1, Pix: make([]byte, img.H*img.W)}
	for i := range out.Pix {
		p := img.Pix[3*i : 3*i+3]
		out.Pix[i] = byte((19595*uint32(p[0]) + 38470*uint32(p[1]) + 7471*uint32(p[2]) + 1<<15) >> 16)
	}
	return out
}

// Size returns the largest height and the largest width in pixels, and whether all images have that size.
func (s *Set) Size() (h, w int, uniform bool) {
	for _, p := range s.locations {
		h, w = max(h, int(p.H)), max(w, int(p.W))
	}
	return h, w, !slices.ContainsFunc(s.locations, func(p store.Location) bool { return int(p.H) != h || int(p.W) != w })
}

// MaxPixels returns the largest H·W of an image.
func (s *Set) MaxPixels() int {
	most := 0
	for _, p := range s.locations {
		most = max(most, int(p.H)*int(p.W))
	}
	return most
}

// NumClasses returns the number of classes, 0 without labels. Each has an image in a set that Open returned.
func (s *Set) NumClasses() int { return len(s.Classes) }

// Stats returns the mean and the population standard deviation of each channel [C] over all pixels, scaled to 0..1 (store.Sums.Stats).
// For a set that Open returned they are read from the cache; for others they are computed.
func (s *Set) Stats() (mean, std []float64) {
	if s.file != nil {
		return s.file.Sums.Stats(s.C)
	}
	sums := make([]store.Sums, s.Len())
	parallel.Each(len(sums), func(i int) { sums[i].Add(s.Image(i)) })
	var all store.Sums
	for _, x := range sums {
		all.Merge(x)
	}
	return all.Stats(s.C)
}

// Fingerprint returns the SHA-256 (hex) of sizes, pixels, labels and clips, on which a run depends (store.Hash). It does not cover the
// set's name, class names and file names, so that a folder may be moved before a run is resumed. It is cached as for Stats.
func (s *Set) Fingerprint() string {
	if s.file != nil {
		return s.file.Fingerprint
	}
	digests := make([][32]byte, s.Len())
	parallel.Each(len(digests), func(i int) { digests[i] = store.Digest(s.Image(i)) })
	h := store.NewHash()
	for _, d := range digests {
		h.Add(d)
	}
	return h.Sum(s.Labels, s.Clips)
}

// Subset returns the images idx, in that order and possibly repeated. It shares the pixels of s and has as many channels. It keeps the
// clips whose frames all follow one another in idx, and all classes, so that labels of subsets are comparable. It panics if an index is outside 0..Len()-1.
func (s *Set) Subset(idx []int) *Set {
	t := *s
	t.file = nil
	t.locations, t.Labels, t.Files = pick(s.locations, idx), pick(s.Labels, idx), pick(s.Files, idx)
	t.Clips = pickClips(s.Clips, idx)
	return &t
}

// Limit returns the first n images, or s if it has no more; the pixels are shared. It panics if n is negative.
func (s *Set) Limit(n int) *Set {
	if n >= s.Len() {
		return s
	}
	return s.Subset(span(n))
}

// pick returns the elements idx of from; nil if from is nil.
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

// pickClips returns the clips whose frames all follow one another in idx, in the order of idx.
func pickClips(clips []Clip, idx []int) []Clip {
	at := map[int]Clip{}
	for _, c := range clips {
		at[c.First] = c
	}
	var out []Clip
	for k, i := range idx {
		c, begins := at[i]
		if !begins || k+c.N > len(idx) {
			continue
		}
		whole := true
		for j := range c.N {
			whole = whole && idx[k+j] == i+j
		}
		if whole {
			out = append(out, Clip{Name: c.Name, First: k, N: c.N})
		}
	}
	return out
}
