package kernels_test

import (
	"fmt"
	"math"
	"testing"

	"marr/kernels"
	"marr/kernels/optest"
	"marr/kernels/ref"
	"marr/kernels/ref/golden"
	"marr/kernels/rng"
)

// Columns of a view table, as shaders/views.glsl has them.
const (
	colSource = iota
	colTop
	colLeft
	colHeight
	colWidth
	colFlip
	colBrightness
	colContrast
	colContrastFirst
)

// picture returns the bytes of an image, padded as Views wants them, and what they mean on the scale 0 … 1.
func picture(v []float32, p kernels.Pictures) (raw []byte, exact *ref.Tensor) {
	raw, exact = make([]byte, p.Bytes()), ref.New(p.H, p.W, p.C)
	for i, x := range v {
		raw[i] = byte(math.RoundToEven(float64(x) * 255))
		exact.Data[i] = float64(raw[i]) / 255
	}
	return raw, exact
}

// paint is a row of a view table in the words of package ref.
func paint(img *ref.Tensor, row []float32, p kernels.Pictures, size int) *ref.Tensor {
	at := func(i int) int { return int(row[i]) }
	y := ref.ResizedCrop(img, ref.Box{Top: at(colTop), Left: at(colLeft), Height: at(colHeight), Width: at(colWidth)}, size, size)
	if row[colFlip] != 0 {
		y = ref.FlipHorizontal(y)
	}
	if row[colContrastFirst] != 0 {
		y = ref.Contrast(y, float64(row[colContrast]))
	}
	y = ref.Brightness(y, float64(row[colBrightness]))
	if row[colContrastFirst] == 0 {
		y = ref.Contrast(y, float64(row[colContrast]))
	}
	return ref.Normalize(y, p.Mean, p.Std)
}

func gray(h, w int) kernels.Pictures {
	return kernels.Pictures{H: h, W: w, C: 1, Mean: []float64{0.3}, Std: []float64{0.25}}
}

func rgb(h, w int) kernels.Pictures {
	return kernels.Pictures{H: h, W: w, C: 3, Mean: []float64{0.485, 0.456, 0.406}, Std: []float64{0.229, 0.224, 0.225}}
}

func TestViewsMatchTheirReference(t *testing.T) {
	var cases []optest.Case
	for _, k := range []struct {
		p                  kernels.Pictures
		images, rows, size int
		split              bool
	}{
		{gray(1, 1), 1, 1, 1, false}, {gray(28, 28), 3, 5, 8, false}, {rgb(7, 11), 2, 3, 9, false}, {rgb(5, 5), 1, 2, 17, false}, {gray(9, 13), 2, 37, 5, true},
	} {
		s := rng.New(21, uint32(k.size))
		var raw []byte
		var exact []*ref.Tensor
		for range k.images {
			v := make([]float32, k.p.H*k.p.W*k.p.C)
			s.Uniform(v, 0, 1)
			bytes, img := picture(v, k.p)
			raw, exact = append(raw, bytes...), append(exact, img)
		}
		table := make([]float32, k.rows*kernels.ViewRow)
		for r := range k.rows {
			row := table[r*kernels.ViewRow : (r+1)*kernels.ViewRow]
			h, w := 1+s.Intn(k.p.H), 1+s.Intn(k.p.W)
			row[colSource] = float32(s.Intn(k.images))
			row[colHeight], row[colWidth] = float32(h), float32(w)
			row[colTop], row[colLeft] = float32(s.Intn(k.p.H-h+1)), float32(s.Intn(k.p.W-w+1))
			row[colFlip], row[colContrastFirst] = float32(s.Intn(2)), float32(s.Intn(2))
			row[colBrightness], row[colContrast] = float32(s.Range(0.6, 1.4)), float32(s.Range(0.6, 1.4))
		}
		cases = append(cases, optest.Case{
			Name: fmt.Sprintf("%dx%dx%d_to_%d", k.p.H, k.p.W, k.p.C, k.size), Split: k.split,
			Inputs: []optest.Input{{Name: "images", Kind: optest.Bytes, Type: kernels.U8, Shape: []int{len(raw)}, Raw: raw},
				{Name: "table", Kind: optest.Constant, Shape: []int{k.rows, kernels.ViewRow}, Values: table}},
			Op: func(in optest.In) *kernels.Tensor { return kernels.Views(in.T("images"), in.T("table"), k.p, k.size) },
			Ref: func(in optest.Values) *ref.Tensor {
				var all []*ref.Tensor
				for r := range k.rows {
					row := table[r*kernels.ViewRow : (r+1)*kernels.ViewRow]
					y := paint(exact[int(row[colSource])], row, k.p, k.size)
					all = append(all, ref.From(y.Data, 1, k.size, k.size, k.p.C))
				}
				return ref.Concat(all...)
			},
			Forward: 1e-5, // positions of taps are rounded to float32: 1e-6 of a pixel and of its weight
		})
	}
	bench.Run(t, cases...)
}

// TestViewsMatchTorchvision runs the golden cases whose result is square, as all views are. Our images have whole values on the scale to 255,
// which the cases' do not: rounding leaves up to half of 1/255, times brightness, contrast (1.4 each at most) and 1/std.
func TestViewsMatchTorchvision(t *testing.T) {
	file, err := golden.Load("testdata/views.json")
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, c := range file.Cases {
		want := c.Outputs[0]
		if want.Shape[0] != want.Shape[1] {
			continue
		}
		ran++
		t.Run(c.Name, func(t *testing.T) { viewCase(t, c, want) })
	}
	if ran < 6 {
		t.Errorf("only %d cases were run", ran)
	}
}

func viewCase(t *testing.T, c *golden.Case, want *golden.Result) {
	shape := c.Inputs[0].Shape
	p := kernels.Pictures{H: shape[0], W: shape[1], C: shape[2], Mean: make([]float64, shape[2]), Std: []float64{1, 1, 1}[:shape[2]]}
	row := make([]float32, kernels.ViewRow)
	row[colHeight], row[colWidth], row[colBrightness], row[colContrast] = float32(p.H), float32(p.W), 1, 1
	tolerance, brightened := 0.5/255, false
	for _, s := range c.Steps {
		switch s.Op {
		case "resized_crop":
			row[colTop], row[colLeft], row[colHeight], row[colWidth] = float32(s.Top), float32(s.Left), float32(s.Height), float32(s.Width)
		case "flip":
			row[colFlip] = 1
		case "brightness":
			row[colBrightness], brightened = float32(s.Factor), true
			tolerance *= max(s.Factor, 1)
		case "contrast":
			row[colContrast] = float32(s.Factor)
			if !brightened {
				row[colContrastFirst] = 1
			}
			tolerance *= max(s.Factor, 1)
		case "normalize":
			p.Mean, p.Std = s.Mean, s.Std
			tolerance /= s.Std[0]
		}
	}
	raw, _ := picture(c.Values(c.Inputs[0]), p)
	size := want.Shape[0]
	prog, _ := build(t, func(g *kernels.Graph) {
		g.Output("y", kernels.Views(g.Input("images", kernels.U8, p.Bytes()), g.Input("table", kernels.F32, 1, kernels.ViewRow), p, size))
	})
	r := begin(t, prog.Segment("main"))
	copy(r.Bytes("images"), raw)
	copy(r.Floats("table"), row)
	wait(t, submit(t, r))
	got := make([]float32, volume(want.Shape))
	kernels.Unpack(got, r.Output("y"), p.C)
	for i, v := range want.Data {
		if d := math.Abs(float64(got[i]) - v); !(d <= tolerance) {
			t.Fatalf("element %d is %v, want %v within %.2g", i, got[i], v, tolerance)
		}
	}
}
