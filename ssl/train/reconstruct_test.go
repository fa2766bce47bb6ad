package train

import (
	"image"
	"math"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data/datatest"
)

// The decoder's last layer is 0, so a removed patch is drawn in its mean color, which the view lends it: the mean over pixels and normalized channels. Without
// normalization it is drawn in the mean color of the set.
func TestReconstructionKeepsVisiblePatchesAndDrawsTheOthers(t *testing.T) {
	const px, side = 32, 4
	set := datatest.Noise(6, px, 3)
	mean, std := set.Stats()
	for _, normalized := range []bool{false, true} {
		m := &ssl.MAE{MaskRatio: 0.75, NormPixels: normalized, Width: 8, Depth: 1}
		c := configFor(m)
		c.Size = px
		c.Resolve(set)
		specs, err := m.Views(ViewInput(px, set))
		if err != nil {
			t.Fatal(err)
		}
		zero := func(st *kernels.Store) error {
			for _, p := range st.Params() {
				if v := must(t)(p.Read()); strings.HasPrefix(p.Name, "decoder_pred.") {
					if err := p.Write(make([]float32, len(v))); err != nil {
						return err
					}
				}
			}
			return nil
		}
		rows, err := Reconstruct(device, c, Job{Method: m, Set: set, Views: specs, Mean: mean, Std: std, Start: zero}, 3)
		if err != nil || len(rows) != 3 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		for i, row := range rows {
			view, hidden, drawn, removed := row[0].Image, row[1].Image, row[2].Image, 0
			for patch := range px * px / side / side {
				at := image.Rect(0, 0, side, side).Add(image.Pt(patch%(px/side)*side, patch/(px/side)*side))
				if samePixels(view, hidden, at) {
					if !samePixels(view, drawn, at) {
						t.Errorf("image %d: the visible patch %d changed", i, patch)
					}
					continue
				}
				removed++
				level := 0.0
				if normalized {
					level = meanLevel(view, at, mean, std)
				}
				for y := at.Min.Y; y < at.Max.Y; y++ {
					for x := at.Min.X; x < at.Max.X; x++ {
						r, g, b, _ := drawn.At(x, y).RGBA()
						for channel, got := range []uint32{r, g, b} {
							if want := 255 * min(max(level*std[channel]+mean[channel], 0), 1); math.Abs(float64(got>>8)-want) > 1.5 {
								t.Fatalf("image %d, patch %d, channel %d: %d, want %.1f", i, patch, channel, got>>8, want)
							}
						}
					}
				}
			}
			if removed != 48 {
				t.Errorf("image %d: %d patches are removed, want 48", i, removed)
			}
		}
	}
}

func samePixels(a, b *image.RGBA, in image.Rectangle) bool {
	for y := in.Min.Y; y < in.Max.Y; y++ {
		for x := in.Min.X; x < in.Max.X; x++ {
			if a.RGBAAt(x, y) != b.RGBAAt(x, y) {
				return false
			}
		}
	}
	return true
}

// meanLevel returns the mean of the normalized numbers of a patch.
func meanLevel(img *image.RGBA, in image.Rectangle, mean, std []float64) (sum float64) {
	for y := in.Min.Y; y < in.Max.Y; y++ {
		for x := in.Min.X; x < in.Max.X; x++ {
			c := img.RGBAAt(x, y)
			for channel, v := range []uint8{c.R, c.G, c.B} {
				sum += (float64(v)/255 - mean[channel]) / std[channel]
			}
		}
	}
	return sum / float64(3*in.Dx()*in.Dy())
}
