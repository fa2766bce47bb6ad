package views

import (
	"math"
	"testing"
)

// zoomCrops returns the crops of a sample's frames in order of time: top, left, side.
func zoomCrops(t *testing.T, d Draw, a ZoomSequence, h, w int) [][3]float64 {
	t.Helper()
	var out [][3]float64
	for f := range a.Frames {
		s := Spec{Size: 24, Frame: f, ZoomSequence: &a}
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		d.View = uint32(f)
		row := make([]float32, s.RowWidth())
		if target := s.Row(row, d, h, w); target != -1 {
			t.Fatalf("target %d of a view that draws none", target)
		}
		if row[CropHeight] != row[CropWidth] || row[SourceWidth] != float32(w) || row[ResizedH] != 24 || row[ResizedW] != 24 {
			t.Fatalf("row %v", row)
		}
		out = append(out, [3]float64{float64(row[CropTop]), float64(row[CropLeft]), float64(row[CropHeight])})
	}
	return out
}

// Within half a pixel of side and position: crops lie in the image, the last in the first; each is smaller than the one before by the
// same factor; centers are equally spaced on a line.
func TestZoomSequenceHasAConstantRateAndSpeed(t *testing.T) {
	a := ZoomSequence{Frames: 4, Start: [2]float64{0.7, 1}, Zoom: [2]float64{1.2, 1.5}}
	const h, w = 300, 411
	for sample := range uint32(500) {
		v := zoomCrops(t, Draw{Seed: 7, Sample: sample}, a, h, w)
		first, last := v[0], v[3]
		for f, x := range v {
			if x[0] < 0 || x[1] < 0 || x[0]+x[2] > h || x[1]+x[2] > w {
				t.Fatalf("sample %d, frame %d: window %v is not in the image", sample, f, x)
			}
			share := float64(f) / 3
			if side := first[2] * math.Pow(last[2]/first[2], share); math.Abs(x[2]-side) > 1.5 {
				t.Errorf("sample %d, frame %d: side %g, want %g", sample, f, x[2], side)
			}
			for axis := range 2 {
				center := func(x [3]float64) float64 { return x[axis] + x[2]/2 }
				if want := center(first) + share*(center(last)-center(first)); math.Abs(center(x)-want) > 1.5 {
					t.Errorf("sample %d, frame %d: center %g, want %g", sample, f, center(x), want)
				}
			}
		}
		for axis := range 2 {
			if last[axis] < first[axis]-1 || last[axis]+last[2] > first[axis]+first[2]+1 {
				t.Errorf("sample %d: the last window %v is not in the first %v", sample, last, first)
			}
		}
	}
}

// Start, zoom and drift are uniform: means over 4000 samples within five deviations.
func TestZoomSequencesAreUniform(t *testing.T) {
	a := ZoomSequence{Frames: 2, Start: [2]float64{0.6, 1}, Zoom: [2]float64{1.25, 1.75}}
	const n, side = 4000, 2000
	var start, zoom, up, left float64
	for sample := range uint32(n) {
		v := zoomCrops(t, Draw{Seed: 3, Sample: sample, Epoch: sample % 3}, a, side, side)
		start += v[0][2] / side / n
		zoom += v[0][2] / v[1][2] / n
		slack := v[0][2] - v[1][2]
		up, left = up+(v[1][0]-v[0][0])/slack/n, left+(v[1][1]-v[0][1])/slack/n
	}
	for _, c := range []struct {
		name             string
		got, want, width float64
	}{{"start", start, 0.8, 0.4}, {"zoom", zoom, 1.5, 0.5}, {"drift down", up, 0.5, 1}, {"drift to the right", left, 0.5, 1}} {
		if most := 5 * c.width / math.Sqrt(12*n); math.Abs(c.got-c.want) > most {
			t.Errorf("mean %s %g, want %g ± %g", c.name, c.got, c.want, most)
		}
	}
}

// The views of a sample show its frames in the order of the target's permutation, at every image size.
func TestFramesOfAZoomSequenceAreOrderedByTheirTarget(t *testing.T) {
	specs, err := Preset("order", Input{Size: 24, Channels: 1, Frames: 1})
	if err != nil || len(specs) != 3 {
		t.Fatalf("%d views, %v", len(specs), err)
	}
	seen := map[int32]int{}
	for sample := range uint32(300) {
		d := Draw{Seed: 5, Sample: sample}
		want := zoomCrops(t, d, *specs[0].ZoomSequence, 32, 40)
		for f, s := range specs {
			if s.FrameIndex(d) != 0 || s.MinFrames() != 1 || !s.SameImage(specs[0]) {
				t.Fatalf("view %d shows image %d of %d", f, s.FrameIndex(d), s.MinFrames())
			}
			d.View = uint32(f)
			row := make([]float32, s.RowWidth())
			target := s.Row(row, d, 32, 40)
			if f == 0 {
				seen[target]++
			}
			moment := permutations(3, 6)[target].at(f)
			if got := [3]float64{float64(row[CropTop]), float64(row[CropLeft]), float64(row[CropHeight])}; got != want[moment] {
				t.Errorf("sample %d, view %d, target %d: window %v, want %v", sample, f, target, got, want[moment])
			}
		}
		if !(want[0][2] > want[1][2] && want[1][2] > want[2][2]) {
			t.Errorf("sample %d: windows %v do not shrink", sample, want)
		}
	}
	if len(seen) != 6 {
		t.Errorf("targets %v, want all 6", seen)
	}
}
