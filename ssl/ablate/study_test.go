package ablate

import (
	"bytes"
	"image/color"
	"image/png"
	"slices"
	"strings"
	"testing"
)

// pairs is a map of three augmentations with two seeds, whose scores differ by ±0.1 between the seeds.
func pairs() *Study {
	axis := Axis{"augmentation", []string{"crop", "color", "cutout"}}
	s := &Study{Augmentations: true, Axes: []Axis{axis, axis}, Seeds: []uint64{1, 2}, Score: Linear, TestImages: 400, Untrained: map[string]float64{Linear: 20, Rank: 3}}
	means := map[string]float64{"recipe": 50, "crop": 40, "color": 30, "cutout": 24, "crop+color": 52, "crop+cutout": 37, "color+cutout": 28}
	for _, c := range s.Cells() {
		v := means[c.Name] - 0.1
		if c.Seed == 2 {
			v += 0.2
		}
		s.Results = append(s.Results, Result{Cell: c, Scores: map[string]float64{Linear: v, Rank: 100 - v}})
	}
	return s
}

func TestCellsBeginWithWhatSaysMost(t *testing.T) {
	var got []string
	for _, c := range pairs().Cells() {
		got = append(got, c.Name)
	}
	seed := []string{"recipe", "crop", "color", "cutout", "crop+color", "crop+cutout", "color+cutout"}
	if !slices.Equal(got, slices.Concat(seed, seed)) {
		t.Errorf("got %v", got)
	}
	two := &Study{Axes: []Axis{{"temperature", []string{"0.1", "1"}}, {"batch", []string{"8", "16"}}}, Seeds: []uint64{1}}
	got = nil
	for _, c := range two.Cells() {
		got = append(got, c.Name)
	}
	if !slices.Equal(got, []string{"temperature=0.1,batch=8", "temperature=0.1,batch=16", "temperature=1,batch=8", "temperature=1,batch=16"}) {
		t.Errorf("got %v", got)
	}
}

func TestAPairIsOneCellShownTwiceAndTheRowMeanHasAll(t *testing.T) {
	s := pairs()
	a, b := s.At(Linear, 0, 1), s.At(Linear, 1, 0)
	if a != b || a.N != 2 || a.Mean < 51.99 || a.Mean > 52.01 || a.Std < 0.141 || a.Std > 0.142 {
		t.Errorf("crop and color: %v, %v", a, b)
	}
	if m := s.RowMean(Linear, 0); m.N != 3 || m.Mean < 42.99 || m.Mean > 43.01 { // (40 + 52 + 37)/3
		t.Errorf("mean of the row of crop: %v", m)
	}
	if r := s.At(Linear); r.N != 2 || r.Mean < 49.99 || r.Mean > 50.01 {
		t.Errorf("the recipe: %v", r)
	}
}

func TestReadingFollowsFromTheNumbers(t *testing.T) {
	s := pairs()
	want := "By the linear probe, crop matters most: added to another augmentation it changes the score by +17.5 points on average; next is color with +8.0 points. " +
		"The best single augmentation is crop with 40.0 % (untrained network: 20.0 %). The best pair is crop+color with 52.0 %, 15.0 points above crop+cutout, which is more than chance. " +
		"All augmentations of the method together reach 50.0 %. Drop cutout (−2.5 points): added to others, the score falls on average. " +
		"Runs that differ in the seed alone have a standard deviation of 0.1 points: between two cells of 2 seeds, a difference below 0.3 points may be chance. " +
		"The choice of the 400 test images alone gives an accuracy a standard error of 2.5 points. " +
		"RankMe, which needs no labels, orders the runs with a rank correlation of -1.00."
	if got := s.Reading(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for i := range s.Results { // the same means, and a deviation of 14 points
		s.Results[i].Scores[Linear] += []float64{-9.9, 9.9}[i/7]
	}
	for _, part := range []string{"next is color with +8.0 points, and their order may be chance.", "15.0 points above crop+cutout, which may be chance.", "Perhaps drop cutout (−2.5 points)"} {
		if got := s.Reading(); !strings.Contains(got, part) {
			t.Errorf("with much noise, lacks %q: %s", part, got)
		}
	}
	s.Seeds, s.Results = s.Seeds[:1], s.Results[:5] // up to crop+color
	s.Results[4].Scores[Linear], s.Results[2].Alarms = 39, []string{"collapse"}
	for _, part := range []string{"The best pair is crop+color with 39.0 %.", "There is one seed", "1 of 7 runs raised an alarm", "2 of 7 runs are still to be trained"} {
		if got := s.Reading(); !strings.Contains(got, part) {
			t.Errorf("lacks %q: %s", part, got)
		}
	}
	if s.Untrained[Linear] = 35; !strings.Contains(s.Reading(), "3 of 5 runs are not above the untrained network.") {
		t.Errorf("three runs below the untrained network: %s", s.Reading())
	}
	if s.Untrained[Linear] = 60; !strings.Contains(s.Reading(), "No run is above the untrained network") {
		t.Errorf("all runs below the untrained network: %s", s.Reading())
	}
	if s.Results = nil; s.Reading() != "There are too few results to read." {
		t.Errorf("without results: %s", s.Reading())
	}
}

func TestReadingOfACurveNamesItsEnd(t *testing.T) {
	s := &Study{Axes: []Axis{{"temperature", []string{"0.1", "0.5", "1"}}}, Seeds: []uint64{1}, Score: Rank, Untrained: map[string]float64{Rank: 2}}
	for i, c := range s.Cells() {
		s.Results = append(s.Results, Result{Cell: c, Scores: map[string]float64{Rank: float64(9 - i)}})
	}
	got := s.Reading()
	for _, part := range []string{"the best setting is temperature=0.1 with 9, 1 above temperature=0.5.", "The worst is temperature=1 with 7 (untrained network: 2).",
		"That is an end of the values of temperature: try more beyond 0.1.", "is no accuracy"} {
		if !strings.Contains(got, part) {
			t.Errorf("lacks %q: %s", part, got)
		}
	}
}

// The picture has a tile for each cell, bright where the score is high, gray where there is none, and the mean of each row.
func TestPictureHasTheRightTiles(t *testing.T) {
	s := pairs()
	s.Results = slices.DeleteFunc(s.Results, func(r Result) bool { return r.Name == "color+cutout" })
	var b bytes.Buffer
	if err := s.WritePicture(&b, Linear); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	colors := map[color.Color]int{}
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			colors[img.At(x, y)]++
		}
	}
	ramp, err := ramp()
	if err != nil {
		t.Fatal(err)
	}
	pixels := func(of color.Color) (n int) {
		for c, k := range colors {
			if sameColor(c, of) {
				n += k
			}
		}
		return n
	}
	tile := pixels(ramp.Colors()[0]) // the lowest score is in one tile
	if tile < cellSide*cellSide {
		t.Errorf("the darkest tile has %d pixels", tile)
	}
	for name, c := range map[string]color.Color{"best": ramp.Colors()[254], "missing": color.Gray{0xdd}} { // each is a pair, in two tiles
		if tiles := float64(pixels(c)) / float64(tile); tiles < 1.8 || tiles > 2.2 {
			t.Errorf("%s: %.2f tiles, want 2", name, tiles)
		}
	}
}

func sameColor(a, b color.Color) bool {
	r1, g1, b1, _ := a.RGBA()
	r2, g2, b2, _ := b.RGBA()
	return r1>>8 == r2>>8 && g1>>8 == g2>>8 && b1>>8 == b2>>8
}

func TestTableAndCurveShowEveryValue(t *testing.T) {
	var b bytes.Buffer
	pairs().WriteTable(&b)
	for _, part := range []string{"linear probe", "52.0±0.1", "    43.0", "recipe", "50.0±0.1"} {
		if !strings.Contains(b.String(), part) {
			t.Errorf("lacks %q:\n%s", part, b.String())
		}
	}
	s := &Study{Axes: []Axis{{"batch", []string{"8", "16"}}}, Seeds: []uint64{1}, Score: Linear, Untrained: map[string]float64{Linear: 10, Rank: 2}}
	s.Results = []Result{{Cell: s.Cells()[0], Scores: map[string]float64{Linear: 12.5, Rank: 4}}}
	b.Reset()
	s.WriteTable(&b)
	if !strings.Contains(b.String(), "12.5") || !strings.Contains(b.String(), "RankMe") || !strings.Contains(b.String(), "–") {
		t.Errorf("the curve's table:\n%s", b.String())
	}
	b.Reset()
	if err := s.WritePicture(&b, Linear); err != nil {
		t.Error(err)
	}
	if _, err := png.Decode(&b); err != nil {
		t.Error(err)
	}
}
