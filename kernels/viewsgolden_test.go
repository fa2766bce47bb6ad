package kernels_test

import (
	"slices"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/optest/viewtable"
	"github.com/marr-ssl/marr/kernels/ref/golden"
)

// viewTolerance bounds the largest difference from torchvision, which was 1.6e-6 on lavapipe for values that 1/std scales by up to 4.4.
const viewTolerance = 1e-5

// TestViewsMatchTorchvision runs the golden cases whose result is square, as all views are, on the device.
func TestViewsMatchTorchvision(t *testing.T) {
	file, err := golden.Load("testdata/views.json")
	if err != nil {
		t.Fatal(err)
	}
	ran, worst := 0, 0.0
	for _, c := range file.Cases {
		want := c.Outputs[0]
		if n := len(want.Shape); want.Shape[n-3] != want.Shape[n-2] {
			continue
		}
		ran++
		t.Run(c.Name, func(t *testing.T) {
			d := maxDifference(rendered(t, c, want), want.Data)
			if worst = max(worst, d); !(d <= viewTolerance) {
				t.Errorf("%.2g away, want at most %g", d, viewTolerance)
			}
		})
	}
	t.Logf("%d cases, the worst %.2g away", ran, worst)
	if ran < 80 {
		t.Errorf("only %d cases ran", ran)
	}
}

// rendered runs a case as the single row of a table.
func rendered(t *testing.T, c *golden.Case, want *golden.Result) []float32 {
	shape := c.Inputs[0].Shape
	p := kernels.ImageFormat{Pixels: shape[0] * shape[1], C: shape[2], Mean: make([]float64, shape[2]), Std: []float64{1, 1, 1}[:shape[2]]}
	row, v := rowOf(c.Steps, shape[0], shape[1], &p)
	raw, _ := viewtable.Slot(c.Values(c.Inputs[0]), shape[0], shape[1], p)
	prog, _ := build(t, func(g *kernels.Graph) {
		g.Output("y", kernels.Views(g.Input("images", kernels.U8, 1, p.Bytes()), g.Input("table", kernels.F32, 1, len(row)), p, v))
	})
	r := begin(t, prog.Segment("main"))
	copy(r.Bytes("images"), raw)
	copy(r.Floats("table"), row)
	wait(t, submit(t, r))
	got := make([]float32, volume(want.Shape))
	kernels.Unpack(got, r.Output("y"), p.C)
	return got
}

// rowOf returns the row of a view table, and the format, for the given steps on an image of h × w.
func rowOf(steps []golden.Step, h, w int, p *kernels.ImageFormat) (row []float32, v kernels.ViewFormat) {
	row = make([]float32, kernels.ViewRow)
	set := func(column int, values ...int) {
		for i, x := range values {
			row[column+i] = float32(x)
		}
	}
	set(viewtable.CropTop, 0, 0, h, w, w, h, w)
	row[viewtable.SolarizeThreshold], v.Size = 2, h
	for i, s := range steps {
		switch s.Op {
		case "resized_crop":
			set(viewtable.CropTop, s.Top, s.Left, s.Height, s.Width, w, s.OutHeight, s.OutWidth)
			v.Size, v.Bicubic = s.OutHeight, s.Bicubic
		case "window":
			set(viewtable.OffsetY, s.Top, s.Left)
			v.Size = s.Side
		case "flip":
			row[viewtable.Orientation]++
		case "vflip":
			row[viewtable.Orientation] += 2
		case "rot90":
			row[viewtable.Orientation] += 4 * float32(s.Turns)
		case "gray":
			row[viewtable.Gray] = 1
		case "blur":
			row[viewtable.BlurSigma], v.Blur = float32(s.Sigma), s.Kernel
		case "solarize":
			row[viewtable.SolarizeThreshold] = float32(s.Factor)
		case "normalize":
			p.Mean, p.Std = s.Mean, s.Std
		case "erase":
			set(viewtable.EraseTop, s.Top, s.Left, s.Height, s.Width)
		case "mask":
			v.Patch = s.Side
			row = append(row, make([]float32, viewtable.RowWidth(v)-kernels.ViewRow)...)
			for _, at := range s.At {
				row[kernels.ViewRow+at/24] += float32(int(1) << (at % 24))
			}
		case "tiles":
			v.Tile = s.Side
			for v.Grid*v.Grid < len(s.At) {
				v.Grid++
			}
			row = append(row, make([]float32, viewtable.RowWidth(v)-kernels.ViewRow)...)
			set(kernels.ViewRow, s.At...)
		default:
			op := 1 + slices.Index(viewtable.JitterOps, s.Op)
			row[viewtable.JitterOrder] += float32(op << (3 * jitters(steps[:i])))
			row[viewtable.Brightness-1+op] = float32(s.Factor)
		}
	}
	return row, v
}

// jitters returns the number of jitter ops among steps.
func jitters(steps []golden.Step) (n int) {
	for _, s := range steps {
		if slices.Contains(viewtable.JitterOps, s.Op) {
			n++
		}
	}
	return n
}
