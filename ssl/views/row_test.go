package views

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"math/bits"
	"os"
	"slices"
	"testing"
)

// testdata/rows.json holds the results of torchvision's get_params on the same random numbers (testdata/rows.py). Boxes, offsets, flips
// and orders are integers and must be equal; factors are rounded to float32 on our side only (6e-8 relative).
func TestRowsEqualTorchvisionsOnTheSameDraws(t *testing.T) {
	raw, err := os.ReadFile("testdata/rows.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Rows []struct {
			H, W int
			Draw Draw
			Spec Spec
			Row  [Columns]float64
		}
	}
	if err := json.Unmarshal(raw, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Rows) < 150 {
		t.Fatalf("%d golden rows, want 150 or more", len(golden.Rows))
	}
	for i, g := range golden.Rows {
		if err := g.Spec.Check(); err != nil {
			t.Fatalf("row %d: %v", i, err)
		}
		got, target := row(g.Spec, g.Draw, g.H, g.W)
		if target != -1 {
			t.Errorf("row %d: target %d, want none", i, target)
		}
		for k, want := range g.Row {
			if math.Abs(float64(got[k])-want) > 1e-7*math.Abs(want) {
				t.Errorf("row %d (%d × %d, %+v), column %d: %v, want %v", i, g.H, g.W, g.Draw, k, got[k], want)
			}
		}
	}
}

func row(s Spec, d Draw, h, w int) ([]float32, int32) {
	dst := make([]float32, s.RowWidth())
	target := s.Row(dst, d, h, w)
	return dst, target
}

func preset(t testing.TB, name string, size int) []Spec {
	t.Helper()
	specs, err := Preset(name, Input{Size: size, Channels: 3, Frames: 4})
	if err != nil {
		t.Fatal(err)
	}
	return specs
}

// The hash was made by this package; it is the same on amd64 and with 386's software floats. If it changes, draws have changed and
// runs cannot be resumed.
func TestTheTableOfAStepIsTheSameBytesEverywhere(t *testing.T) {
	sum := sha256.New()
	for _, name := range Presets() {
		for _, size := range []int{32, 96, 224} {
			for v, s := range append(preset(t, name, size), Eval(Input{Size: size})[0]) {
				s.VerticalFlip, s.RandomErasing = 0.5, opDefaults.RandomErasing // few presets have them
				for sample := range uint32(16) {
					r, target := row(s, Draw{1 << 40, 3, sample, uint32(v)}, 100+int(sample)*7, 180)
					binary.Write(sum, binary.LittleEndian, r)
					binary.Write(sum, binary.LittleEndian, target)
				}
			}
		}
	}
	const want = "e44647eb6db798ae090f68d13a243b575638afc97529c1585a8a6cb7b8b05100"
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		t.Errorf("SHA-256 %s, want %s", got, want)
	}
}

func TestRowDependsOnlyOnItsArguments(t *testing.T) {
	s := preset(t, "simclr", 32)[0]
	first, _ := row(s, Draw{1, 2, 3, 4}, 200, 200)
	dirty := slices.Repeat([]float32{7}, Columns+1)
	s.Row(dirty, Draw{1, 2, 3, 4}, 200, 200)
	if !slices.Equal(dirty[:Columns], first) || dirty[Columns] != 7 {
		t.Errorf("the same row written over other values is %v, want %v and the next row untouched", dirty, first)
	}
	for name, d := range map[string]Draw{"seed": {9, 2, 3, 4}, "epoch": {1, 9, 3, 4}, "sample": {1, 2, 9, 4}, "view": {1, 2, 3, 9},
		"high half of the seed": {1 + 1<<32, 2, 3, 4}} {
		if other, _ := row(s, d, 200, 200); slices.Equal(first[:SourceWidth], other[:SourceWidth]) {
			t.Errorf("another %s drew the same crop %v", name, other[:SourceWidth])
		}
	}
}

// Every op but one is removed; the columns of that one do not change.
func TestRemovingOpsKeepsTheDrawsOfTheOthers(t *testing.T) {
	full := preset(t, "byol", 96)[1]
	full.VerticalFlip, full.Rotation, full.RandomErasing = 0.5, &Rotation{[]int{0, 1, 2, 3}}, &RandomErasing{0.7, [2]float64{0.02, 0.33}, [2]float64{0.3, 3.3}}
	full.PatchMask = &PatchMask{8, 0.5}
	for name, c := range map[string]struct {
		only   Spec
		lo, hi int
	}{
		"crop":   {Spec{Size: 96, RandomResizedCrop: full.RandomResizedCrop}, CropTop, Orientation},
		"jitter": {Spec{Size: 96, ColorJitter: full.ColorJitter}, JitterOrder, Gray},
		"turns":  {Spec{Size: 96, HorizontalFlip: full.HorizontalFlip, VerticalFlip: full.VerticalFlip, Rotation: full.Rotation}, Orientation, JitterOrder},
		"gray":   {Spec{Size: 96, Grayscale: full.Grayscale}, Gray, BlurSigma},
		"blur":   {Spec{Size: 96, GaussianBlur: full.GaussianBlur}, BlurSigma, SolarizeThreshold},
		"invert": {Spec{Size: 96, Solarize: full.Solarize}, SolarizeThreshold, EraseTop},
		"erase":  {Spec{Size: 96, RandomErasing: full.RandomErasing}, EraseTop, EraseWidth + 1},
		"mask":   {Spec{Size: 96, PatchMask: full.PatchMask}, Columns, Columns + 8},
	} {
		for sample := range uint32(100) {
			d := Draw{1, 0, sample, 1}
			want, _ := row(full, d, 120, 100)
			if got, _ := row(c.only, d, 120, 100); !slices.Equal(got[c.lo:c.hi], want[c.lo:c.hi]) {
				t.Fatalf("%s of sample %d: %v alone, %v with all", name, sample, got[c.lo:c.hi], want[c.lo:c.hi])
			}
		}
	}
}

func TestBoxesLieInsideTheImage(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {1, 50}, {50, 1}, {3, 2}, {28, 28}, {40, 300}} {
		for _, ratio := range [][2]float64{{0.75, 4.0 / 3}, {4, 4}, {0.1, 0.2}} {
			s := Spec{Size: 8, RandomResizedCrop: &RandomResizedCrop{Scale: [2]float64{0.08, 1}, Ratio: ratio}}
			for sample := range uint32(300) {
				r, _ := row(s, Draw{Seed: 3, Sample: sample}, size[0], size[1])
				if r[CropTop] < 0 || r[CropLeft] < 0 || r[CropHeight] < 1 || r[CropWidth] < 1 ||
					int(r[CropTop]+r[CropHeight]) > size[0] || int(r[CropLeft]+r[CropWidth]) > size[1] {
					t.Fatalf("image of %v, ratio %v: box %v", size, ratio, r[:SourceWidth])
				}
			}
		}
	}
}

// The whole area never fits at a ratio of 10, so ten tries fail and the widest centered box of ratio 4/3 remains:
// width round(10 · 4/3) = 13, left (100 − 13) / 2 = 43.
func TestCropFallsBackToTheCenter(t *testing.T) {
	s := Spec{Size: 8, RandomResizedCrop: &RandomResizedCrop{Scale: [2]float64{1, 1}, Ratio: [2]float64{0.75, 4.0 / 3}}}
	for _, c := range []struct {
		h, w int
		want []float32
	}{{10, 100, []float32{0, 43, 10, 13, 100, 8, 8, 0, 0}}, {100, 10, []float32{43, 0, 13, 10, 10, 8, 8, 0, 0}}} {
		if r, _ := row(s, Draw{Seed: 1}, c.h, c.w); !slices.Equal(r[:Orientation], c.want) {
			t.Errorf("%d × %d: %v, want %v", c.h, c.w, r[:Orientation], c.want)
		}
	}
}

func TestASpecWithoutOpsIsACenterCrop(t *testing.T) {
	want := []float32{0, 0, 28, 57, 57, 32, 65, 0, 16, 0, 0, 1, 1, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0} // (65 − 32)/2 = 16.5, to even
	for _, s := range []Spec{{Size: 32}, {Size: 32, CenterCrop: &CenterCrop{}}, {Size: 32, CenterCrop: &CenterCrop{Resize: 32}}} {
		if got, target := row(s, Draw{5, 6, 7, 8}, 28, 57); !slices.Equal(got, want) || target != -1 {
			t.Errorf("row %v, target %d, want %v, −1", got, target, want)
		}
	}
}

func TestTargetOfRotationIsTheQuarterTurn(t *testing.T) {
	s, seen := preset(t, "rotation", 32)[0], [4]int{}
	for sample := range uint32(4000) {
		r, target := row(s, Draw{Seed: 2, Sample: sample}, 32, 32)
		if int32(r[Orientation])>>2 != target {
			t.Fatalf("column Turn %v, target %d", r[Orientation], target)
		}
		seen[target]++
	}
	for turn, n := range seen { // 1000 ± 5 standard deviations of √(4000·¼·¾) = 27.4
		if n < 863 || n > 1137 {
			t.Errorf("turn %d in %d of 4000 views", turn, n)
		}
	}
	s.Rotation.Turns = []int{2}
	if r, target := row(s, Draw{}, 32, 32); target != -1 || s.TargetClasses() != 0 || int(r[Orientation])>>2 != 2 {
		t.Errorf("a single turn: column Orientation %v, target %d of %d, want a half turn and no target", r[Orientation], target, s.TargetClasses())
	}
}

// Tile t lies in the cell given by the target's permutation, and sometimes at each end of its range.
func TestJigsawTilesLieInTheirCells(t *testing.T) {
	for _, size := range []int{32, 64, 96, 224} {
		s := preset(t, "jigsaw", size)[0]
		grid, tile := s.Tiles()
		set, cell, ends := Permutations(grid*grid, s.TargetClasses()), size/grid, [2]bool{}
		for sample := range uint32(500) {
			r, target := row(s, Draw{Seed: 2, Sample: sample}, 256, 300)
			for i, at := range set[target] {
				y, x := int(r[Columns+i])/maxSize-at/grid*cell, int(r[Columns+i])%maxSize-at%grid*cell
				if y < 0 || x < 0 || y+tile > cell || x+tile > cell {
					t.Fatalf("%d px, tile %d: %d, %d in a cell of %d, tile of %d", size, i, y, x, cell, tile)
				}
				ends[0], ends[1] = ends[0] || x == 0, ends[1] || x+tile == cell
			}
		}
		if !ends[0] || !ends[1] || len(set) != s.TargetClasses() {
			t.Errorf("%d px: tiles reach the ends of their cells: %v", size, ends)
		}
	}
}

func TestMasksHaveExactlyTheirRatio(t *testing.T) {
	for _, c := range []struct{ size, patch, want int }{{32, 4, 48}, {224, 16, 147}, {40, 8, 19}} { // round(0.75·25 = 18.75)
		s, often := Spec{Size: c.size, PatchMask: &PatchMask{c.patch, 0.75}}, make([]int, c.size*c.size/c.patch/c.patch)
		for sample := range uint32(400) {
			r, _ := row(s, Draw{Seed: 2, Sample: sample}, 50, 50)
			n := 0
			for j, word := range r[Columns:] {
				n += bits.OnesCount32(uint32(word))
				for b := range maskBits {
					if uint32(word)>>b&1 == 1 {
						often[j*maskBits+b]++
					}
				}
			}
			if n != c.want {
				t.Fatalf("%d px, patches of %d: %d masked, want %d", c.size, c.patch, n, c.want)
			}
		}
		for i, n := range often { // 300 ± 5 standard deviations of √(400·¾·¼) = 8.7
			if n < 256 || n > 344 {
				t.Errorf("%d px: patch %d masked in %d of 400 views", c.size, i, n)
			}
		}
	}
}

func TestFrameOrderIsTheSameForAllViewsOfASample(t *testing.T) {
	specs := preset(t, "order", 32)
	set, seen := Permutations(4, specs[0].TargetClasses()), map[int32]bool{}
	for sample := range uint32(500) {
		var targets [4]int32
		for f, s := range specs {
			d := Draw{Seed: 4, Sample: sample, View: uint32(f)}
			_, targets[f] = row(s, d, 40, 50)
			if got := s.FrameIndex(d); got != set[targets[0]][f] {
				t.Fatalf("sample %d: view %d shows frame %d, want %d", sample, f, got, set[targets[0]][f])
			}
			if targets[f] != targets[0] {
				t.Fatalf("sample %d: targets %v", sample, targets)
			}
		}
		seen[targets[0]] = true
	}
	if len(seen) != 24 {
		t.Errorf("%d of 24 orders seen in 500 samples", len(seen))
	}
}

func TestSpecWithoutTheMaskShowsTheSameView(t *testing.T) {
	s := preset(t, "mae", 32)[0]
	twin := s
	twin.PatchMask = nil
	a, _ := row(s, Draw{1, 2, 3, 0}, 40, 40)
	if b, _ := row(twin, Draw{1, 2, 3, 0}, 40, 40); !slices.Equal(a[:Columns], b) || slices.Max(a[Columns:]) == 0 {
		t.Errorf("masked %v, twin %v", a, b)
	}
}

func BenchmarkRow(b *testing.B) {
	for _, name := range Presets() {
		s := preset(b, name, 96)[0]
		dst := make([]float32, s.RowWidth())
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				s.Row(dst, Draw{1, 2, uint32(i), 0}, 120, 160)
			}
		})
	}
}
