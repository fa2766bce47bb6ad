package data

import (
	"bytes"
	"image/color"
	"math"
	"slices"
	"testing"
)

// tiny is a set of three 1×2 RGB images.
func tiny() *Set {
	s := newHeapSet("tiny", 1, 2, 3, []byte{0, 10, 255, 0, 20, 255, 0, 30, 255, 0, 40, 255, 0, 50, 255, 255, 60, 255}, []int32{2, -1, 0}, []string{"a", "b", "c"})
	s.Files = []string{"a", "b", "c"}
	return s
}

// pixels returns the pixels of all images.
func pixels(s *Set) []byte {
	var all []byte
	for i := range s.Len() {
		all = append(all, s.Image(i).Pix...)
	}
	return all
}

func TestStatsAreMeanAndPopulationDeviationOfEachChannel(t *testing.T) {
	mean, std := tiny().Stats()
	// In gray levels: channel 0 is five zeros and a 255; channel 1 is 10 … 60, variance (60/6)²·35/12; channel 2 is constant.
	wantMean := []float64{255.0 / 6, 35, 255}
	wantStd := []float64{math.Sqrt(255*255/6.0 - 42.5*42.5), math.Sqrt(100 * 35 / 12.0), 1}
	for c := range 3 {
		// Double precision on numbers below 2¹⁶: 1e-12 leaves two digits to spare.
		if math.Abs(mean[c]*255-wantMean[c]) > 1e-12*255 || math.Abs(std[c]*255-wantStd[c]) > 1e-12*255 {
			t.Errorf("channel %d: mean %v, deviation %v, want %v, %v", c, mean[c]*255, std[c]*255, wantMean[c], wantStd[c])
		}
	}
}

func TestFingerprintDependsOnSizesPixelsAndLabelsOnly(t *testing.T) {
	base := tiny().Fingerprint()
	same := tiny()
	same.Name, same.Files, same.Classes, same.Skipped = "elsewhere", nil, []string{"x"}, []SkippedFile{{"p", "r"}}
	if same.Fingerprint() != base {
		t.Error("names changed the fingerprint")
	}
	for what, change := range map[string]func(*Set){
		"a pixel":       func(s *Set) { s.Image(2).Pix[5]++ },
		"a label":       func(s *Set) { s.Labels[1] = 1 },
		"no labels":     func(s *Set) { s.Labels = nil },
		"height, width": func(s *Set) { s.locations[1].H, s.locations[1].W = 2, 1 },
		"channels":      func(s *Set) { s.locations[1].C, s.locations[1].W = 1, 6 },
		"clips":         func(s *Set) { s.Clips = []Clip{{First: 0, N: 2}} },
		"another clip":  func(s *Set) { s.Clips = []Clip{{First: 0, N: 3}} },
		"order":         func(s *Set) { s.locations[0], s.locations[1] = s.locations[1], s.locations[0] },
		"fewer images":  func(s *Set) { *s = *s.Limit(2) },
	} {
		s := tiny()
		change(s)
		if s.Fingerprint() == base {
			t.Errorf("%s: fingerprint unchanged", what)
		}
	}
}

// The grays are those of Pillow 9.4: Image.new("RGB", (1, 1), color).convert("L").
func TestColorConvertsToGrayAsInPillow(t *testing.T) {
	color := []byte{255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 200, 77, 255, 255, 255, 1, 2, 3}
	want := []byte{76, 150, 29, 129, 255, 2}
	s := FromImages("mixed", []Image{{H: 2, W: 3, C: 3, Pix: color}, {H: 1, W: 1, C: 1, Pix: []byte{9}}}, []int32{0, 1})
	g := s.ToGray()
	same := FromImages("gray", []Image{{H: 2, W: 3, C: 1, Pix: want}, {H: 1, W: 1, C: 1, Pix: []byte{9}}}, []int32{0, 1})
	if !bytes.Equal(pixels(g), pixels(same)) || g.C != 1 || g.Fingerprint() != same.Fingerprint() || s.C != 3 || s.Image(0).C != 3 {
		t.Errorf("%v, %d channels, want %v", pixels(g), g.C, want)
	}
	for i, set := range []*Set{g.Subset([]int{1, 0}), same.Subset([]int{1, 0}), same.ToGray()} {
		mean, std := set.Stats()
		if m, d := same.Stats(); !slices.Equal(mean, m) || !slices.Equal(std, d) {
			t.Errorf("%d: mean %v, deviation %v, want %v, %v", i, mean, std, m, d)
		}
	}
}

func TestSharedImagesHaveTheSamePixels(t *testing.T) {
	image := func(h, w, c int, change ...int) Image {
		img := Image{H: h, W: w, C: c, Pix: make([]byte, h*w*c)}
		for _, at := range change {
			img.Pix[at]++
		}
		return img
	}
	a := FromImages("a", []Image{image(40, 30, 1), image(40, 30, 1, 7), image(40, 30, 3, 1), image(2, 2, 1)}, nil)
	for i, c := range []struct {
		image Image
		want  int
	}{
		{image(40, 30, 1), 1}, {image(40, 30, 1, 7), 1}, {image(40, 30, 1, 8), 0}, {image(30, 40, 1), 0}, {image(40, 30, 3), 0}, {image(2, 2, 1), 1}, {image(2, 2, 1, 3), 0},
	} {
		if got := NumShared(a, FromImages("b", []Image{c.image, c.image}, nil)); got != 2*c.want {
			t.Errorf("%d: %d of two equal images are shared, want %d", i, got, 2*c.want)
		}
	}
}

func TestSubsetKeepsTheOrderOfItsIndices(t *testing.T) {
	s := tiny()
	u := s.Subset([]int{2, 0, 2})
	if u.Len() != 3 || !slices.Equal(u.Labels, []int32{0, 2, 0}) || !slices.Equal(u.Files, []string{"c", "a", "c"}) {
		t.Fatalf("got %d images, labels %v, files %v", u.Len(), u.Labels, u.Files)
	}
	for i, j := range []int{2, 0, 2} {
		if &u.Image(i).Pix[0] != &s.Image(j).Pix[0] {
			t.Errorf("image %d is not image %d itself", i, j)
		}
	}
	if cap(u.Image(0).Pix) != 6 {
		t.Error("to append to an image would write to the next")
	}
}

func clip(name string, first, n int) Clip { return Clip{Name: name, First: first, N: n} }

func TestSubsetKeepsWholeClips(t *testing.T) {
	s := newHeapSet("clips", 1, 1, 1, make([]byte, 9), nil, nil)
	s.Clips = []Clip{clip("a", 0, 3), clip("b", 3, 2), clip("c", 5, 4)}
	for _, c := range []struct {
		idx  []int
		want []Clip
	}{
		{[]int{3, 4, 0, 1, 2}, []Clip{clip("b", 0, 2), clip("a", 2, 3)}},
		{[]int{0, 2, 1, 5, 6, 7}, nil},
		{[]int{8, 3, 4, 3, 4}, []Clip{clip("b", 1, 2), clip("b", 3, 2)}},
	} {
		if got := s.Subset(c.idx).Clips; !slices.Equal(got, c.want) {
			t.Errorf("%v: clips %v, want %v", c.idx, got, c.want)
		}
	}
	if got := s.Limit(7).Clips; !slices.Equal(got, s.Clips[:2]) {
		t.Errorf("limited to 7: %v", got)
	}
}

func TestLimitReturnsTheFirstImages(t *testing.T) {
	s := tiny()
	for _, c := range [][2]int{{0, 0}, {2, 2}, {3, 3}, {9, 3}} {
		u := s.Limit(c[0])
		if u.Len() != c[1] || len(u.Labels) != c[1] || len(u.Files) != c[1] || !bytes.Equal(pixels(u), pixels(s)[:6*c[1]]) {
			t.Errorf("Limit(%d): %d images, %d labels, want %d", c[0], u.Len(), len(u.Labels), c[1])
		}
	}
	s.Labels, s.Files = nil, nil
	if u := s.Limit(1); u.Labels != nil || u.Files != nil {
		t.Error("Limit invented labels or files")
	}
}

func TestContactSheetShowsImagesRowByRow(t *testing.T) {
	s := tiny()
	sheet := s.ContactSheet(2, 2)
	if b := sheet.Bounds(); b.Dx() != 2*3+1 || b.Dy() != 2*2+1 {
		t.Fatalf("sheet is %v", b)
	}
	gray := color.RGBA{0x80, 0x80, 0x80, 0xff}
	for _, c := range []struct {
		x, y int
		want color.RGBA
	}{
		{0, 0, gray}, {1, 1, color.RGBA{0, 10, 255, 255}}, {2, 1, color.RGBA{0, 20, 255, 255}}, {3, 1, gray},
		{4, 1, color.RGBA{0, 30, 255, 255}}, {2, 3, color.RGBA{255, 60, 255, 255}}, {4, 3, gray},
	} {
		if got := sheet.At(c.x, c.y); got != c.want {
			t.Errorf("pixel (%d, %d) is %v, want %v", c.x, c.y, got, c.want)
		}
	}
}

func TestContactSheetScalesImagesOfDifferentSizesIntoTheirCells(t *testing.T) {
	dir := t.TempDir()
	write(t, pngOf(t, gray(40, 20, 255)), dir, "a.png")
	write(t, pngOf(t, gray(30, 30, 0)), dir, "b.png")
	sheet := openSize(t, dir, 64).ContactSheet(2, 1)
	if b := sheet.Bounds(); b.Dx() != 2*161+1 || b.Dy() != 162 {
		t.Fatalf("sheet is %v", b)
	}
	at := func(x, y int) uint32 { r, _, _, _ := sheet.At(x, y).RGBA(); return r >> 8 }
	if at(1, 81) != 255 || at(160, 45) != 255 || at(80, 20) != 0x80 || at(80, 140) != 0x80 || at(162, 1) != 0 || at(321, 160) != 0 {
		t.Error("images do not lie in the middle of their cells")
	}
}
