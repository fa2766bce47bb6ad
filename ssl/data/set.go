package data

import (
	"slices"
	"strings"

	"marr/ssl/data/decode"
	"marr/ssl/data/store"
	"marr/ssl/parallel"
)

// Image is one image, [H W C] of uint8 with C 1 (gray) or 3 (RGB).
type Image = decode.Image

// Clip is a run of images that are the frames of a video, in their order: images First … First+N−1.
type Clip = store.Clip

// Set is a decoded data set: N images, each of its own size and number of channels. A set that Open returned holds its pixels mapped from the
// cache (built-ins: on the heap), and sets made from it share them.
type Set struct {
	Name    string        // as given to Open
	C       int           // 3 where any image has color, otherwise 1
	Labels  []int32       // [N], -1 = none; nil when the set has no labels
	Classes []string      // names by label; nil when unknown
	Files   []string      // folders, lists and archives: each image's path within, with slashes; nil for others
	Skipped []SkippedFile // what could not be read, sorted by path
	Clips   []Clip        // frames only

	bytes  []byte
	places []store.Location
	file   *store.File // what is known of the whole; nil for others
}

// SkippedFile is an image file, or a sub-folder, that could not be read and was left out.
type SkippedFile struct {
	Path   string // the folder or archive as given, joined with the path within; in quotes where it has characters that cannot be shown
	Reason string
}

// newSet makes a set of a mapped file.
func newSet(name, root string, f *store.File) *Set {
	s := &Set{Name: name, Labels: f.Labels, Classes: f.Classes, Files: f.Files, Clips: f.Clips, bytes: f.Bytes, places: f.Locations, file: f}
	for _, b := range f.Skipped {
		s.Skipped = append(s.Skipped, SkippedFile{visible(badPath(root, b.Name)), strings.TrimPrefix(b.Reason, "decode: ")})
	}
	s.setChannels()
	return s
}

// newHeapSet makes a set of pixels [N H W C].
func newHeapSet(name string, h, w, c int, pixels []byte, labels []int32, classes []string) *Set {
	s := &Set{Name: name, C: c, Labels: labels, Classes: classes, bytes: pixels}
	for at := 0; at < len(pixels); at += h * w * c {
		s.places = append(s.places, store.Location{Offset: int64(at), H: int32(h), W: int32(w), C: uint8(c)})
	}
	return s
}

// FromImages makes a set on the heap of images that it keeps; labels may be nil.
func FromImages(name string, images []Image, labels []int32) *Set {
	s := &Set{Name: name, Labels: labels}
	for _, img := range images {
		s.places = append(s.places, store.Location{Offset: int64(len(s.bytes)), H: int32(img.H), W: int32(img.W), C: uint8(img.C)})
		s.bytes = append(s.bytes, img.Pix...)
	}
	s.setChannels()
	return s
}

func (s *Set) setChannels() {
	s.C = 1
	for _, p := range s.places {
		s.C = max(s.C, int(p.C))
	}
}

// Close gives the mapping back. No image of this set, nor of a set made from it, may be touched any more. A set made from another has nothing
// to give back.
func (s *Set) Close() error {
	if s.file == nil {
		return nil
	}
	f := s.file
	s.bytes, s.places, s.file = nil, nil, nil
	return f.Close()
}

// Len returns N.
func (s *Set) Len() int { return len(s.places) }

// Image returns image i: a view, not a copy, which must not be written to.
func (s *Set) Image(i int) Image {
	p := s.places[i]
	end := p.Offset + p.Size()
	return Image{H: int(p.H), W: int(p.W), C: int(p.C), Pix: s.bytes[p.Offset:end:end]}
}

// Size returns the largest height and the largest width in pixels, and whether all images have these.
func (s *Set) Size() (h, w int, uniform bool) {
	for _, p := range s.places {
		h, w = max(h, int(p.H)), max(w, int(p.W))
	}
	return h, w, !slices.ContainsFunc(s.places, func(p store.Location) bool { return int(p.H) != h || int(p.W) != w })
}

// MaxPixels returns H·W of the image that has most.
func (s *Set) MaxPixels() int {
	most := 0
	for _, p := range s.places {
		most = max(most, int(p.H)*int(p.W))
	}
	return most
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

// Stats returns mean and population standard deviation of each channel [C] over all pixels of the set, scaled to 0..1: see
// store.Sums.Stats. For a set that Open returned they are in the cache; others are read through.
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

// Fingerprint returns the SHA-256 (hex) of sizes, pixels, labels and clips: what a run depends on (store.Hash). Name, class names and file
// names do not count, so a folder may be moved between a run and its resumption. It is in the cache, or read, as for Stats.
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

// Subset returns the set of the images idx in that order, repeats allowed; it shares its pixels with s and has as many channels. Clips stay whose frames all follow one
// another in it. An index outside 0..Len()-1 panics.
func (s *Set) Subset(idx []int) *Set {
	t := *s
	t.file = nil
	t.places, t.Labels, t.Files = pick(s.places, idx), pick(s.Labels, idx), pick(s.Files, idx)
	t.Clips = pickClips(s.Clips, idx)
	return &t
}

// Limit returns the set of the first n images, or s where there are no more; it shares its pixels with s. A negative n panics.
func (s *Set) Limit(n int) *Set {
	if n >= s.Len() {
		return s
	}
	idx := make([]int, n)
	for i := range idx {
		idx[i] = i
	}
	return s.Subset(idx)
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

// pickClips returns the clips that idx holds whole and in order, in the order of idx.
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
