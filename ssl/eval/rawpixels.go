package eval

import (
	"context"
	"fmt"

	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/data/decode"
)

// RawPixels returns the pixels of a set as features, a baseline that any pre-training has to beat: the center square of each image, resized to
// px × px if it has another size, as (pixel/255 − mean_c)/std_c, flattened to D = px·px·C, rows first, channels last. mean and std are
// those of the train set (Set.Stats), for the test set too. They are not L2-normalized: KNN and Linear do that for all features. Labels are
// shared with the set. It returns ctx.Err() once ctx is done. RawPixels panics if mean or std do not have one number per channel.
func RawPixels(ctx context.Context, s *data.Set, px int, mean, std []float64) (*Features, error) {
	if len(mean) != s.C || len(std) != s.C {
		panic(fmt.Sprintf("eval: RawPixels: set %s has %d channels, mean has %d, std %d", s.Name, s.C, len(mean), len(std)))
	}
	dim := px * px * s.C
	f := &Features{Name: s.Name, N: s.Len(), D: dim, X: make([]float32, s.Len()*dim), Labels: s.Labels}
	for i := range f.N {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("eval: pixels of %s: %w", s.Name, err)
		}
		img := centerSquare(s.Image(i), px)
		for k := range dim {
			c := k % s.C
			v := img.Pix[k/s.C*img.C+min(c, img.C-1)]
			f.X[i*dim+k] = float32((float64(v)/255 - mean[c]) / std[c])
		}
	}
	return f, nil
}

// centerSquare returns the center square of an image, resized to px × px.
func centerSquare(img data.Image, px int) data.Image {
	side := min(img.H, img.W)
	if img.H != img.W {
		top, left := (img.H-side)/2, (img.W-side)/2
		pix := make([]byte, 0, side*side*img.C)
		for y := top; y < top+side; y++ {
			pix = append(pix, img.Pix[(y*img.W+left)*img.C:][:side*img.C]...)
		}
		img = data.Image{H: side, W: side, C: img.C, Pix: pix}
	}
	if side == px {
		return img
	}
	return decode.Resize(img, px, px)
}
