package data

import (
	"bytes"
	"math"
	"testing"

	"github.com/marr-ssl/marr/kernels/rng"
)

// placements returns the published test images and the placement of each.
func placements(t *testing.T) (*Set, []placement) {
	t.Helper()
	s := open(t, "builtin:fashion:test")
	p := make([]placement, s.Len())
	for i := range p {
		p[i] = drawPlacement(s.Image(i).Pix, rng.New(placeKey, partTest, uint32(i)))
	}
	return s, p
}

// toFrame returns the position in the frame of the center of published pixel i, by the formula of placement.
func (p placement) toFrame(i int) (x, y float64) {
	dx, dy := float64(i%garment)+0.5-garment/2, float64(i/garment)+0.5-garment/2
	return p.x + p.k*(p.cos*dx-p.sin*dy), p.y + p.k*(p.sin*dx+p.cos*dy)
}

func TestPlacedGarmentsAreWhole(t *testing.T) {
	s, ps := placements(t)
	for i, p := range ps {
		half := p.k * (math.Abs(p.cos) + math.Abs(p.sin)) / 2 // of one turned pixel
		for j, v := range s.Image(i).Pix {
			if v < ink {
				continue
			}
			// 1e-9: rounding in double precision of numbers below 64.
			if x, y := p.toFrame(j); x < half-1e-9 || y < half-1e-9 || x > frame-half+1e-9 || y > frame-half+1e-9 {
				t.Fatalf("image %d: pixel (%d, %d) lies at (%.2f, %.2f)", i, j%garment, j/garment, x, y)
			}
		}
	}
}

func TestPlacementsFillTheDeclaredRanges(t *testing.T) {
	_, ps := placements(t)
	var turn, scale, x [2]float64
	scale[0], x[0] = 9, 99
	for i, p := range ps {
		a, s := math.Atan2(p.sin, p.cos), p.k*garment/frame
		if math.Abs(a) > maxTurn || s < minScale-1e-12 || s > maxScale+1e-12 {
			t.Fatalf("image %d: turned by %v, scaled to %v", i, a, s)
		}
		turn[0], turn[1] = min(turn[0], a), max(turn[1], a)
		scale[0], scale[1] = min(scale[0], s), max(scale[1], s)
		x[0], x[1] = min(x[0], p.x), max(x[1], p.x)
	}
	// 2,000 uniform draws miss the outer 2 % of a range with probability 0.98^2000 = 3e-18. Large scales are rarer (the cap), and centers
	// reach 0.3·32 = 9.6 and 22.4 only at the smallest scale, hence the wider margins there.
	if turn[0] > -0.336 || turn[1] < 0.336 || scale[0] > 0.607 || scale[1] < 0.93 || x[0] > 11 || x[1] < 21 {
		t.Errorf("turns %.3f, scales %.3f, centers %.2f", turn, scale, x)
	}
}

// slow renders a frame in double precision from the definition: the bilinear weight of every published pixel for each sample.
func (p placement) slow(src []byte) []float64 {
	out := make([]float64, frame*frame)
	for i := range 4 * frame * frame {
		col, row := i%(2*frame), i/(2*frame)
		dx, dy := (float64(col)/2+0.25-p.x)/p.k, (float64(row)/2+0.25-p.y)/p.k
		u, v := p.cos*dx+p.sin*dy+garment/2, -p.sin*dx+p.cos*dy+garment/2
		for j, value := range src {
			w := max(0, 1-math.Abs(u-float64(j%garment)-0.5)) * max(0, 1-math.Abs(v-float64(j/garment)-0.5))
			out[row/2*frame+col/2] += float64(value) * w / 4
		}
	}
	return out
}

func TestPaintAgreesWithTheDefinitionInDoublePrecision(t *testing.T) {
	s, ps := placements(t)
	dst := make([]byte, frame*frame)
	for i := range 12 {
		ps[i].paint(dst, s.Image(i).Pix)
		for j, want := range ps[i].slow(s.Image(i).Pix) {
			// Half a level for rounding. Weights of 8 bits are truncated by up to 1/256 per axis, which changes a value by up to 255/256
			// per axis: at most one level each.
			if math.Abs(float64(dst[j])-want) > 2.5 {
				t.Fatalf("image %d, pixel (%d, %d): %d, want %.2f", i, j%frame, j/frame, dst[j], want)
			}
		}
	}
}

func TestPaintKeepsTheMassOfTheImage(t *testing.T) {
	s, ps := placements(t)
	dst := make([]byte, frame*frame)
	for i, p := range ps[:500] {
		p.paint(dst, s.Image(i).Pix)
		var in, out float64
		for _, v := range s.Image(i).Pix {
			in += float64(v) * p.k * p.k // area grows by k²
		}
		for _, v := range dst {
			out += float64(v)
		}
		// Sampling preserves mass only on average: within 0.9 %, measured over the set. A scale wrong by 1 % changes it by 2 %.
		if math.Abs(out/in-1) > 0.015 {
			t.Errorf("image %d: mass %.0f, want %.0f (%.1f %%)", i, out, in, 100*(out/in-1))
		}
	}
}

func TestPositiveAnglesTurnClockwise(t *testing.T) {
	src := make([]byte, garment*garment)
	src[14*garment+24] = 255 // right of the center
	p := placement{cos: math.Cos(0.35), sin: math.Sin(0.35), k: 1, x: 16, y: 16}
	dst := make([]byte, frame*frame)
	p.paint(dst, src)
	best := bytes.IndexByte(dst, bytesMax(dst))
	// (dx, dy) = (10.5, 0.5) is rotated to (9.69, 4.07): pixel (25, 20), below the center's row, since y points down.
	if best%frame != 25 || best/frame != 20 {
		t.Errorf("brightest at (%d, %d), want (25, 20)", best%frame, best/frame)
	}
}

func bytesMax(b []byte) byte {
	m := b[0]
	for _, v := range b {
		m = max(m, v)
	}
	return m
}

func TestImageWithoutInkStaysBlack(t *testing.T) {
	for _, v := range place(make([]byte, garment*garment), partTrain) {
		if v != 0 {
			t.Fatalf("a pixel of %d out of nothing", v)
		}
	}
}

func TestEachImageHasItsOwnStream(t *testing.T) {
	s := open(t, "builtin:fashion:test")
	two := append(bytes.Clone(s.Image(5).Pix), s.Image(5).Pix...)
	placed := place(two, partTest)
	if bytes.Equal(placed[:frame*frame], placed[frame*frame:]) {
		t.Error("the same garment was placed the same twice")
	}
	if !bytes.Equal(placed, place(append(two, s.Image(6).Pix...), partTest)[:2*frame*frame]) {
		t.Error("a third image moved the first two")
	}
	if bytes.Equal(placed, place(two, partTrain)) {
		t.Error("training and test part share their streams")
	}
}
