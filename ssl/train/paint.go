package train

import (
	"image"
	"image/color"
	"math"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/views"
	"github.com/marr-ssl/marr/vk"
)

// Painted is one view as the network receives it, converted back to the colors of its image.
type Painted struct {
	Image  *image.RGBA // the tiles of a jigsaw are arranged in rows with gaps
	Source data.Image  // image that the view shows
	Target int32       // the drawn target, such as a rotation or a permutation; −1: none
}

// Paint returns the views of n evenly spaced samples of a set, as a run with this seed paints them in its first epoch: [sample][view].
func Paint(dev *vk.Device, set *data.Set, specs []views.Spec, n int, seed uint64) ([][]Painted, error) {
	n = min(n, max(set.Len(), 1))
	st := kernels.NewStore(dev)
	defer st.Free()
	mean, std := set.Stats()
	p, err := NewPainter(st, ViewConfig{Set: set, Mean: mean, Std: std, Specs: specs, N: n, Seed: seed}, OutputViews)
	if err != nil {
		return nil, err
	}
	defer p.Free()
	b := p.batch
	samples := spaced(n, b.samples())
	r, err := p.Fill(set, samples, 0)
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
		pixels := r.Output(ViewOutput(v))
		stride := len(pixels) / n
		for slot := range samples {
			out[slot][v].Image = develop(pixels[slot*stride:(slot+1)*stride], b.pictures, s)
		}
	}
	return out, nil
}

// OutputViews makes the views outputs of the program. Pass it to NewPainter to read the views back.
func OutputViews(g *kernels.Graph, views []*kernels.Tensor) {
	for v, y := range views {
		g.Output(ViewOutput(v), y)
	}
}

// ViewOutput returns the name of the output of view v.
func ViewOutput(v int) string { return tableName(v) }

// tileGap is the width of the gaps between the tiles of a jigsaw, in pixels.
const tileGap = 2

// develop converts the padded pixels of a view, or of its tiles one after the other, back to colors.
func develop(pixels []float32, p kernels.ImageFormat, s views.Spec) *image.RGBA {
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
				v[c] = uint8(math.RoundToEven(255 * min(max(float64(float64(px[k])*p.Std[k])+p.Mean[k], 0), 1)))
			}
			img.SetRGBA(tile%grid*pitch+i%side, tile/grid*pitch+i/side, color.RGBA{v[0], v[1], v[2], 255})
		}
	}
	return img
}
