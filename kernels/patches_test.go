package kernels_test

import (
	"slices"
	"testing"

	"github.com/marr-ssl/marr/kernels"
)

// patchesOf returns patches [count side²·channels] of one image.
func patchesOf(t *testing.T, image []float32, h, w, channels int, index []int32, side int, normalize bool) []float32 {
	t.Helper()
	prog, _ := build(t, func(g *kernels.Graph) {
		x := g.Input("x", kernels.F32, 1, h, w, channels)
		g.Output("y", kernels.Patches(x, g.Input("index", kernels.I32, len(index)), side, normalize))
	})
	r := begin(t, prog.Segment("main"))
	kernels.Pack(r.Floats("x"), image, channels)
	copy(r.Ints("index"), index)
	wait(t, submit(t, r))
	y := make([]float32, len(index)*side*side*channels)
	kernels.Unpack(y, r.Output("y"), side*side*channels)
	return y
}

// The image is arange(2·4·4) as [2 4 4] in PyTorch's layout, of MAE's patchify: the numbers are in the order of rows, columns and channels.
func TestNumbersOfPatchesAreInTheOrderOfMAE(t *testing.T) {
	var image []float32
	for pixel := range 16 {
		image = append(image, float32(pixel), float32(16+pixel))
	}
	want := []float32{2, 18, 3, 19, 6, 22, 7, 23, 8, 24, 9, 25, 12, 28, 13, 29}
	if got := patchesOf(t, image, 4, 4, 2, []int32{1, 2}, 2, false); !slices.Equal(got, want) {
		t.Errorf("patches 1 and 2 are %v, want %v", got, want)
	}
}

// The patches are [0 1 2 3], [1 1 1 1] and [0 0 0 4]. The variance is unbiased.
func TestNormalizedPatchesHaveTheValuesOfAnExample(t *testing.T) {
	image := []float32{0, 1, 1, 1, 0, 0, 2, 3, 1, 1, 0, 4}
	want := []float32{-1.161895, -0.387298, 0.387298, 1.161895, 0, 0, 0, 0, -0.5, -0.5, -0.5, 1.5}
	for i, got := range patchesOf(t, image, 2, 6, 1, []int32{0, 1, 2}, 2, true) {
		if d := got - want[i]; !(d < 2e-6 && d > -2e-6) {
			t.Errorf("number %d is %v, want %v", i, got, want[i])
		}
	}
}
