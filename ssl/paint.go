package ssl

import (
	"image"
	"image/color"
	"math"

	"marr/kernels"
	"marr/ssl/data"
	"marr/ssl/views"
	"marr/vk"
)

// Painted is one view as the network sees it, in the colours of the image that it is made of.
type Painted struct {
	Image  *image.RGBA // a jigsaw's tiles stand in rows, a gap between them
	Source data.Image  // what it shows
	Target int32       // what was drawn to be told: a rotation, a permutation; −1: nothing
}

// Paint paints the views of n samples of a set, at even distances, as a run of this seed does in its first epoch: [sample][view].
func Paint(dev *vk.Device, set *data.Set, specs []views.Spec, n int, seed uint64) ([][]Painted, error) {
	n = min(n, max(set.Len(), 1))
	p, err := NewPainter(dev, set, specs, n, seed, true)
	if err != nil {
		return nil, err
	}
	defer p.Free()
	b := p.batch
	samples := make([]int, min(n, b.samples()))
	for i := range samples {
		samples[i] = i * b.samples() / len(samples)
	}
	r, err := p.Fill(samples, 0)
	if err != nil {
		return nil, err
	}
	out := make([][]Painted, len(samples))
	for slot, sample := range samples {
		for v, s := range specs {
			d := views.Draw{Seed: seed, Sample: uint32(sample), View: uint32(v)}
			p := Painted{Source: set.Image(b.image(d, s)), Target: -1}
			if s.TargetClasses() > 0 {
				p.Target = r.Ints(targetName(v))[slot]
			}
			out[slot] = append(out[slot], p)
		}
	}
	if err := r.Submit(); err != nil {
		return nil, err
	}
	if err := r.Wait(); err != nil {
		return nil, err
	}
	for v, s := range specs {
		pixels := r.Output(View(v))
		each := len(pixels) / n
		for slot := range samples {
			out[slot][v].Image = develop(pixels[slot*each:(slot+1)*each], b.pictures, s)
		}
	}
	return out, nil
}

// tileGap is the width in pixels of what is drawn between the tiles of a jigsaw.
const tileGap = 2

// develop turns the padded pixels of a view, or of its tiles one after the other, back into colours.
func develop(pixels []float32, p kernels.Pictures, s views.Spec) *image.RGBA {
	grid, side := s.Tiles()
	if grid == 0 {
		grid, side = 1, s.Size
	}
	pitch := side + tileGap
	img := image.NewRGBA(image.Rect(0, 0, grid*pitch-tileGap, grid*pitch-tileGap))
	for tile := range grid * grid {
		for i := range side * side {
			px := pixels[4*(tile*side*side+i):]
			var v [3]uint8
			for c := range v {
				k := min(c, p.C-1)
				v[c] = uint8(math.RoundToEven(255 * min(max(float64(px[k])*p.Std[k]+p.Mean[k], 0), 1)))
			}
			img.SetRGBA(tile%grid*pitch+i%side, tile/grid*pitch+i/side, color.RGBA{v[0], v[1], v[2], 255})
		}
	}
	return img
}
