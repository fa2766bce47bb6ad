package kernels_test

import (
	"slices"
	"testing"

	"github.com/marr-ssl/marr/kernels"
)

// The indices of a masked autoencoder: of the noise [.3 .9 .1 .5], shuffle = argsort(noise) = [2 0 3 1] and restore = argsort(shuffle) = [1 3 0 2]. The
// first two tokens of the shuffled order are kept, and restore puts them back: it names the place in the shuffled order, and those from 2 on were masked.
func TestGatherTokensPutsVisibleTokensBackBetweenMaskTokens(t *testing.T) {
	prog, _ := build(t, func(g *kernels.Graph) {
		x, mask := g.Input("x", kernels.F32, 1, 4, 1).Track(), g.Input("mask", kernels.F32, 1, 1, 1).Track()
		kept := kernels.GatherTokens(x, g.Input("keep", kernels.I32, 2), nil)
		y := kernels.GatherTokens(kept, g.Input("restore", kernels.I32, 4), mask)
		g.BackwardFrom(y, g.Input("dy", kernels.F32, 1, 4, 1))
		for name, v := range map[string]*kernels.Tensor{"kept": kept, "y": y, "dx": x.Grad(), "dmask": mask.Grad()} {
			g.Output(name, v)
		}
	})
	r := begin(t, prog.Segment("main"))
	kernels.Pack(r.Floats("x"), []float32{10, 11, 12, 13}, 1)
	kernels.Pack(r.Floats("dy"), []float32{1, 2, 4, 8}, 1)
	kernels.Pack(r.Floats("mask"), []float32{-5}, 1)
	copy(r.Ints("keep"), []int32{2, 0})
	copy(r.Ints("restore"), []int32{1, 3, 0, 2})
	wait(t, submit(t, r))
	for name, want := range map[string][]float32{"kept": {12, 10}, "y": {10, -5, 12, -5}, "dx": {1, 0, 4, 0}, "dmask": {10}} {
		got := make([]float32, len(want))
		kernels.Unpack(got, r.Output(name), 1)
		if !slices.Equal(got, want) {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
}
