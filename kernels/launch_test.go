package kernels_test

import (
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/vk"
)

// A product of 1.5 times the device's budget is sliced in two. Its bits cannot differ, since each element is one sum.
func TestWorkAboveTheBudgetIsSplit(t *testing.T) {
	const side = 4096
	steps := func(rows int) int {
		p, err := kernels.Build(device, store(t), func(g *kernels.Graph) {
			kernels.MatMul(g.Input("a", kernels.F32, rows, side), g.Input("b", kernels.F32, side, side), false, false)
		})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Free()
		return p.Steps()
	}
	if one, two := steps(64), steps(int(1.5*device.OpBudget()/(2*side*side))); two != one+1 {
		t.Errorf("%d steps for a small product, %d for one of 1.5 times the budget, want one more", one, two)
	}
}

// Images of an odd number of vectors do not begin at aligned offsets, so a launch over them stays one dispatch, however much work it is.
func TestImagesThatCannotBeSlicedAreOneDispatch(t *testing.T) {
	narrow, err := vk.Open("", vk.Options{StorageRange: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer narrow.Close()
	st := kernels.NewStore(narrow)
	defer st.Free()
	w := st.Param("w", func() []float32 { return ramp(4 * 45 * 45 * 4) }, 4, 45, 45, 4)
	p, err := kernels.Build(narrow, st, func(g *kernels.Graph) { // twice the work budget of a CPU device
		kernels.Conv2D(g.Input("x", kernels.F32, 4, 201, 201, 4), w, 1, 22)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Free()
	if p.Steps() != 2 { // the weights' transpose, the convolution
		t.Errorf("%d steps, want 2", p.Steps())
	}
}
