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
	return &Set{Name: "tiny", H: 1, W: 2, C: 3, Labels: []int32{2, -1, 0}, Files: []string{"a", "b", "c"},
		Pixels: []byte{0, 10, 255, 0, 20, 255, 0, 30, 255, 0, 40, 255, 0, 50, 255, 255, 60, 255}}
}

func TestStatsAreMeanAndPopulationDeviationOfEachChannel(t *testing.T) {
	mean, std := tiny().Stats()
	// By hand, in grey levels: channel 0 is five zeros and a 255; channel 1 is 10 … 60, variance (60/6)²·35/12; channel 2 is constant.
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
	same.Name, same.Files, same.Classes, same.Bad = "elsewhere", nil, []string{"x"}, []BadFile{{"p", "r"}}
	if same.Fingerprint() != base {
		t.Error("names changed the fingerprint")
	}
	for what, change := range map[string]func(*Set){
		"a pixel":       func(s *Set) { s.Pixels[17]++ },
		"a label":       func(s *Set) { s.Labels[1] = 1 },
		"no labels":     func(s *Set) { s.Labels = nil },
		"height, width": func(s *Set) { s.H, s.W = 2, 1 },
		"channels":      func(s *Set) { s.C, s.W = 1, 6 },
		"fewer images":  func(s *Set) { *s = *s.Limit(2) },
	} {
		s := tiny()
		change(s)
		if s.Fingerprint() == base {
			t.Errorf("%s: fingerprint unchanged", what)
		}
	}
}

func TestSubsetTakesImagesLabelsAndFilesInTheOrderAsked(t *testing.T) {
	s := tiny()
	u := s.Subset([]int{2, 0, 2})
	if u.Len() != 3 || !slices.Equal(u.Labels, []int32{0, 2, 0}) || !slices.Equal(u.Files, []string{"c", "a", "c"}) {
		t.Fatalf("got %d images, labels %v, files %v", u.Len(), u.Labels, u.Files)
	}
	for i, j := range []int{2, 0, 2} {
		if !bytes.Equal(u.Image(i), s.Image(j)) {
			t.Errorf("image %d is %v, want %v", i, u.Image(i), s.Image(j))
		}
	}
	u.Pixels[0]++
	if s.Fingerprint() != tiny().Fingerprint() {
		t.Error("writing to a subset changed the set")
	}
}

func TestLimitTakesTheFirstImages(t *testing.T) {
	s := tiny()
	for _, c := range [][2]int{{0, 0}, {2, 2}, {3, 3}, {9, 3}} {
		u := s.Limit(c[0])
		if u.Len() != c[1] || len(u.Labels) != c[1] || len(u.Files) != c[1] || !bytes.Equal(u.Pixels, s.Pixels[:6*c[1]]) {
			t.Errorf("Limit(%d): %d images, %d labels, want %d", c[0], u.Len(), len(u.Labels), c[1])
		}
	}
	s.Labels, s.Files = nil, nil
	if u := s.Limit(1); u.Labels != nil || u.Files != nil {
		t.Error("Limit invented labels or files")
	}
}

func TestNumClassesCountsNamesOrElseLabels(t *testing.T) {
	s := tiny()
	if s.NumClasses() != 3 {
		t.Errorf("largest label 2: %d classes", s.NumClasses())
	}
	s.Classes = []string{"a", "b", "c", "never seen"}
	if s.NumClasses() != 4 {
		t.Errorf("four names: %d classes", s.NumClasses())
	}
	if n := (&Set{}).NumClasses(); n != 0 {
		t.Errorf("no labels: %d classes", n)
	}
}

func TestSheetShowsImagesRowByRow(t *testing.T) {
	s := tiny()
	sheet := s.Sheet(2, 2)
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
