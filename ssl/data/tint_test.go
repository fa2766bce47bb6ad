package data

import "testing"

func TestTintKeepsShapesAndVariesColors(t *testing.T) {
	placed, tinted := open(t, "builtin:fashion-placed:test"), open(t, "builtin:fashion-tinted:test")
	var low, high [3]int
	for c := range 3 {
		low[c] = 255
	}
	for i := range placed.Len() {
		gray, color := placed.Image(i).Pix, tinted.Image(i).Pix
		for c := range 3 {
			// A brighter gray never gives a darker color, and the background is constant.
			var of [256]int
			for p, v := range gray {
				of[v] = int(color[3*p+c]) + 1
			}
			last := 0
			for _, v := range of {
				if v > 0 && v < last {
					t.Fatalf("image %d, channel %d: not monotone", i, c)
				}
				last = max(last, v)
			}
			if ground := of[0] - 1; ground > maxGround {
				t.Fatalf("image %d, channel %d: ground of %d", i, c, ground)
			}
			low[c], high[c] = min(low[c], of[0]-1), max(high[c], last-1)
		}
	}
	// 2,000 draws miss the outer 2 % of a range with probability 3e-18.
	for c := range 3 {
		if low[c] > 1 || high[c] < 250 {
			t.Errorf("channel %d spans %d to %d", c, low[c], high[c])
		}
	}
}

func TestTintFollowsItsFormula(t *testing.T) {
	gray := make([]byte, 2*frame*frame)
	gray[0], gray[1], gray[2] = 255, 128, 51
	out := tint(gray, partTrain)
	for c := range 3 {
		top, ground := float64(out[c]), float64(out[9+c])
		if top < minTint || ground > maxGround {
			t.Errorf("channel %d: tint %.0f on %.0f", c, top, ground)
		}
		for p, v := range []float64{255, 128, 51} {
			if want, got := ground+(top-ground)*v/255, float64(out[3*p+c]); got < want-0.5 || got > want+0.5 {
				t.Errorf("gray %.0f, channel %d: %.0f, want %.2f", v, c, got, want)
			}
		}
	}
	if second := out[3*frame*frame:]; second[0] == out[9] && second[1] == out[10] && second[2] == out[11] {
		t.Error("two images share their ground")
	}
}
