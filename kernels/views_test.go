package kernels_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/optest/viewtable"
	"github.com/marr-ssl/marr/kernels/rng"
)

func TestViewsRejectMismatchedArguments(t *testing.T) {
	p, fine := viewtable.RGBFormat(64), kernels.ViewFormat{Size: 8}
	for _, c := range []struct {
		what   string
		p      kernels.ImageFormat
		v      kernels.ViewFormat
		images []int
		table  []int
	}{
		{"two channels", kernels.ImageFormat{Pixels: 64, C: 2, Mean: make([]float64, 2), Std: make([]float64, 2)}, fine, []int{2, 64}, []int{2, 24}},
		{"other bytes", p, fine, []int{2, 64}, []int{2, 24}},
		{"fewer images", p, fine, []int{1, 256}, []int{2, 24}},
		{"a size too large", p, kernels.ViewFormat{Size: 4096}, []int{2, 256}, []int{2, 24}},
		{"an even blur", p, kernels.ViewFormat{Size: 8, Blur: 4}, []int{2, 256}, []int{2, 24}},
		{"a blur that reflects twice", p, kernels.ViewFormat{Size: 8, Blur: 17}, []int{2, 256}, []int{2, 24}},
		{"tiles larger than the view", p, kernels.ViewFormat{Size: 8, Grid: 2, Tile: 9}, []int{2, 256}, []int{2, 28}},
		{"patches that do not divide", p, kernels.ViewFormat{Size: 8, Patch: 3}, []int{2, 256}, []int{2, 28}},
		{"no extras", p, kernels.ViewFormat{Size: 8, Patch: 2}, []int{2, 256}, []int{2, 24}},
		{"extras too few", p, kernels.ViewFormat{Size: 8, Grid: 3, Tile: 2}, []int{2, 256}, []int{2, 32}},
	} {
		_, err := kernels.TraceOps(kernels.NewStore(device), func(g *kernels.Graph) {
			kernels.Views(g.Input("images", kernels.U8, c.images...), g.Input("table", kernels.F32, c.table...), c.p, c.v)
		})
		if err == nil {
			t.Errorf("%s: no error", c.what)
		}
	}
}

// maxDifference returns the largest difference of any two elements.
func maxDifference(got []float32, want []float64) float64 {
	most := 0.0
	for i, v := range want {
		if d := math.Abs(float64(got[i]) - v); !(d <= most) {
			most = d
		}
	}
	return most
}

// The size and other settings are specialization constants, so two formats are two pipelines of one kernel.
func TestViewFormatsOfOneProgramStaySeparate(t *testing.T) {
	p, sizes := viewtable.GrayFormat(6*7), []int{5, 8}
	prog, _ := build(t, func(g *kernels.Graph) {
		images, table := g.Input("images", kernels.U8, 1, p.Bytes()), g.Input("table", kernels.F32, 1, kernels.ViewRow)
		for _, n := range sizes {
			g.Output(fmt.Sprint(n), kernels.Views(images, table, p, kernels.ViewFormat{Size: n}))
		}
	})
	u, row := make([]float32, p.Pixels), make([]float32, kernels.ViewRow)
	s := rng.New(22)
	s.Uniform(u, 0, 1)
	raw, exact := viewtable.Slot(u, 6, 7, p)
	viewtable.Draw(row, s, 6, 7, kernels.ViewFormat{Size: 5})
	r := begin(t, prog.Segment("main"))
	copy(r.Bytes("images"), raw)
	copy(r.Floats("table"), row)
	wait(t, submit(t, r))
	for _, n := range sizes {
		got, want := make([]float32, n*n), viewtable.Paint(exact, row, p, kernels.ViewFormat{Size: n})
		kernels.Unpack(got, r.Output(fmt.Sprint(n)), 1)
		if d := maxDifference(got, want.Data); !(d <= viewTolerance) {
			t.Errorf("size %d: %.2g from the reference, want at most %g", n, d, viewTolerance)
		}
	}
}
