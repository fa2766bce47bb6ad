package views

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
)

// testdata/rows.json holds what torchvision's get_params make of the same draws; testdata/rows.py says how. Boxes, flips and
// orders are integers and must be equal; factors pass through float32 on our side (6e-8 relative) and nothing else.
func TestRowsAreTorchvisionsOnTheSameDraws(t *testing.T) {
	raw, err := os.ReadFile("testdata/rows.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Rows []struct {
			H, W               int
			Scale              [2]float64
			Seed               uint64
			Epoch, Image, View uint32
			Row                [8]float64
		}
	}
	if err := json.Unmarshal(raw, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Rows) < 90 {
		t.Fatalf("%d golden rows, want 90 or more", len(golden.Rows))
	}
	for i, g := range golden.Rows {
		s := Spec{Size: 32, Crop: Crop{Scale: g.Scale}, Flip: 0.5, Jitter: Jitter{P: 0.8, Brightness: 0.4, Contrast: 0.3}}
		row := make([]float32, Width)
		s.Row(row, g.Seed, g.Epoch, g.Image, g.View, g.H, g.W)
		for k, want := range g.Row {
			if got := float64(row[Top+k]); math.Abs(got-want) > 1e-7*math.Abs(want) {
				t.Errorf("row %d (%d × %d), column %d: %v, want %v", i, g.H, g.W, Top+k, got, want)
			}
		}
	}
}

func simclr() Spec { return SimCLR(Input{Size: 32, Channels: 1, Frames: 1})[0] }

func row(s Spec, seed uint64, epoch, image, view uint32, h, w int) []float32 {
	dst := make([]float32, Width)
	s.Row(dst, seed, epoch, image, view, h, w)
	return dst
}

func TestRowDependsOnEveryPartOfItsKeyAndOnNothingElse(t *testing.T) {
	s := simclr()
	first := row(s, 1, 2, 3, 4, 200, 200)
	dirty := slices.Repeat([]float32{7}, Width+1)
	s.Row(dirty, 1, 2, 3, 4, 200, 200)
	if !slices.Equal(dirty[Top:Width], first[Top:]) || dirty[Source] != 7 || dirty[Width] != 7 {
		t.Errorf("the same row written over other values is %v, want %v with column Source and the next row untouched", dirty, first)
	}
	for name, other := range map[string][]float32{
		"seed": row(s, 9, 2, 3, 4, 200, 200), "epoch": row(s, 1, 9, 3, 4, 200, 200),
		"image": row(s, 1, 2, 9, 4, 200, 200), "view": row(s, 1, 2, 3, 9, 200, 200),
		"high half of the seed": row(s, 1+1<<32, 2, 3, 4, 200, 200),
	} {
		if slices.Equal(first[Top:Flip], other[Top:Flip]) {
			t.Errorf("another %s drew the same crop %v", name, other[Top:Flip])
		}
	}
}

func TestDroppingAnOpLeavesTheDrawsOfTheOthers(t *testing.T) {
	s := simclr()
	for image := range uint32(50) {
		want := row(s, 1, 0, image, 0, 32, 32)
		plain := s
		plain.Crop, plain.Flip = Crop{}, 0
		if got := row(plain, 1, 0, image, 0, 32, 32); !slices.Equal(got[Brightness:], want[Brightness:]) {
			t.Fatalf("image %d: jitter %v without crop and flip, %v with them", image, got[Brightness:], want[Brightness:])
		}
		plain = s
		plain.Jitter.Contrast = 0
		if got := row(plain, 1, 0, image, 0, 32, 32); got[Brightness] != want[Brightness] || got[Contrast] != 1 {
			t.Fatalf("image %d: factors %v without contrast, %v with it", image, got[Brightness:], want[Brightness:])
		}
	}
}

// moments of n draws of f, as mean and variance.
func moments(n int, f func(image uint32) float64) (mean, variance float64) {
	for i := range n {
		v := f(uint32(i))
		mean += v / float64(n)
		variance += v * v / float64(n)
	}
	return mean, variance - mean*mean
}

// On an image of 4000 × 4000 pixels rounding is negligible, and at scale 0.2–0.5 nearly every first try fits, so the draws
// have the moments of their uniform distributions. n = 20,000; tolerances are five standard errors, 5σ/√n of the mean and
// 5σ²·√(0.8/n) of the variance (kurtosis of the uniform is 1.8).
func TestDrawsHaveTheDistributionsOfTorchvision(t *testing.T) {
	const n, side = 20000, 4000
	s := simclr()
	s.Crop.Scale = [2]float64{0.2, 0.5}
	rows := make([][]float32, n)
	for i := range rows {
		rows[i] = row(s, 11, 3, uint32(i), 1, side, side)
	}
	jittered := func(f func(r []float32) float64, otherwise float64) func(uint32) float64 {
		return func(i uint32) float64 {
			if r := rows[i]; r[Brightness] != 1 || r[Contrast] != 1 {
				return f(r)
			}
			return otherwise
		}
	}
	uniform := func(lo, hi float64) [2]float64 { return [2]float64{(lo + hi) / 2, (hi - lo) * (hi - lo) / 12} }
	coin := func(p float64) [2]float64 { return [2]float64{p, p * (1 - p)} }
	change := 0.8 * 0.8 / 12 // variance of a factor in 0.6 … 1.4, with the fifth that is 1 counting nothing
	for name, c := range map[string]struct {
		f    func(uint32) float64
		want [2]float64
	}{
		"area":           {func(i uint32) float64 { return float64(rows[i][Height]) * float64(rows[i][BoxWidth]) / side / side }, uniform(0.2, 0.5)},
		"ratio":          {func(i uint32) float64 { return math.Log(float64(rows[i][BoxWidth] / rows[i][Height])) }, uniform(-math.Log(4.0/3), math.Log(4.0/3))},
		"top":            {func(i uint32) float64 { return float64(rows[i][Top] / (side - rows[i][Height])) }, uniform(0, 1)},
		"left":           {func(i uint32) float64 { return float64(rows[i][Left] / (side - rows[i][BoxWidth])) }, uniform(0, 1)},
		"flip":           {func(i uint32) float64 { return float64(rows[i][Flip]) }, coin(0.5)},
		"jitter":         {jittered(func([]float32) float64 { return 1 }, 0), coin(0.8)},
		"brightness":     {jittered(func(r []float32) float64 { return float64(r[Brightness]) }, 1), [2]float64{1, 0.8 * change}},
		"contrast":       {jittered(func(r []float32) float64 { return float64(r[Contrast]) }, 1), [2]float64{1, 0.8 * change}},
		"contrast first": {jittered(func(r []float32) float64 { return float64(r[ContrastFirst]) }, 0), coin(0.4)},
	} {
		mean, variance := moments(n, c.f)
		sigma2 := c.want[1]
		if math.Abs(mean-c.want[0]) > 5*math.Sqrt(sigma2/n) || math.Abs(variance-sigma2) > 5*sigma2*math.Sqrt(1.3/n) {
			t.Errorf("%s: mean %.5f, variance %.5f, want %.5f, %.5f", name, mean, variance, c.want[0], sigma2)
		}
	}
}

func TestBoxesLieInsideTheImage(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {1, 50}, {50, 1}, {3, 2}, {28, 28}, {40, 300}} {
		for _, ratio := range [][2]float64{{}, {4, 4}, {0.1, 0.2}} {
			c := Spec{Size: 8, Crop: Crop{Scale: [2]float64{0.08, 1}, Ratio: ratio}}
			for image := range uint32(300) {
				r := row(c, 3, 0, image, 0, size[0], size[1])
				if r[Top] < 0 || r[Left] < 0 || r[Height] < 1 || r[BoxWidth] < 1 ||
					int(r[Top]+r[Height]) > size[0] || int(r[Left]+r[BoxWidth]) > size[1] {
					t.Fatalf("image of %v, ratio %v: box %v", size, ratio, r[Top:Flip])
				}
			}
		}
	}
}

// The whole area never fits at a ratio of 10, so ten tries fail and the widest centred box of ratio 4/3 remains:
// width round(10 · 4/3) = 13, left (100 − 13) / 2 = 43.
func TestCropFallsBackToTheCentre(t *testing.T) {
	whole := Spec{Size: 8, Crop: Crop{Scale: [2]float64{1, 1}}}
	if r := row(whole, 1, 0, 0, 0, 10, 100); !slices.Equal(r[Top:Flip], []float32{0, 43, 10, 13}) {
		t.Errorf("10 × 100: box %v, want 0 43 10 13", r[Top:Flip])
	}
	if r := row(whole, 1, 0, 0, 0, 100, 10); !slices.Equal(r[Top:Flip], []float32{43, 0, 13, 10}) {
		t.Errorf("100 × 10: box %v, want 43 0 13 10", r[Top:Flip])
	}
}

func TestIdentityTakesTheWholeImageUnchanged(t *testing.T) {
	want := []float32{0, 0, 0, 28, 30, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0}
	if got := row(Identity(Input{Size: 32})[0], 5, 6, 7, 8, 28, 30); !slices.Equal(got, want) {
		t.Errorf("row %v, want %v", got, want)
	}
}

func TestRecipesPassCheckAndFitTheInput(t *testing.T) {
	for name, c := range map[string]struct {
		specs []Spec
		views int
	}{
		"SimCLR":   {SimCLR(Input{Size: 33}), 2},
		"Finetune": {Finetune(Input{Size: 33}), 1},
		"Identity": {Identity(Input{Size: 33}), 1},
	} {
		if len(c.specs) != c.views {
			t.Errorf("%s: %d views, want %d", name, len(c.specs), c.views)
		}
		for _, s := range c.specs {
			if err := s.Check(); err != nil || s.Size != 33 {
				t.Errorf("%s: size %d, %v", name, s.Size, err)
			}
		}
	}
}

func TestCheckRefusesWhatCannotBeDrawn(t *testing.T) {
	for name, spoil := range map[string]func(s *Spec){
		"size":        func(s *Spec) { s.Size = 0 },
		"scale zero":  func(s *Spec) { s.Crop.Scale = [2]float64{0, 1} },
		"scale order": func(s *Spec) { s.Crop.Scale = [2]float64{0.5, 0.4} },
		"scale large": func(s *Spec) { s.Crop.Scale = [2]float64{0.5, 1.1} },
		"ratio":       func(s *Spec) { s.Crop.Ratio = [2]float64{2, 1} },
		"ratio NaN":   func(s *Spec) { s.Crop.Ratio = [2]float64{math.NaN(), 1} },
		"flip":        func(s *Spec) { s.Flip = 1.5 },
		"jitter":      func(s *Spec) { s.Jitter.P = math.NaN() },
		"brightness":  func(s *Spec) { s.Jitter.Brightness = -1 },
		"contrast":    func(s *Spec) { s.Jitter.Contrast = math.Inf(1) },
	} {
		s := simclr()
		spoil(&s)
		if s.Check() == nil {
			t.Errorf("%s: Check took %+v", name, s)
		}
	}
}
