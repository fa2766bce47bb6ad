package ssl

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/net"
)

// The image has the patches [0 1 2 3], [1 1 1 1] and [0 0 0 4]. The first and the last are removed. The prediction of the second does not matter.
func TestMAELossHasTheValuesOfExamples(t *testing.T) {
	three := []float32{0, 1, 1, 1, 0, 0, 2, 3, 1, 1, 0, 4}
	large := make([]float32, 16*16*3)
	rng.New(1).Uniform(large, -2, 2)
	flat := slices.Repeat([]float32{0.7}, 12)
	for _, x := range []struct {
		name          string
		m             MAE
		image         []float32
		h, w, c, side int
		removed       []int32
		predicted     float32
		want          float64
	}{
		{"normalized", MAE{NormPixels: true}, three, 2, 6, 1, 2, []int32{0, 2}, 0, 0.75},
		{"normalized, in another order", MAE{NormPixels: true}, three, 2, 6, 1, 2, []int32{2, 0}, 0, 0.75},
		{"normalized, predicted as 0.5", MAE{NormPixels: true}, three, 2, 6, 1, 2, []int32{0, 2}, 0.5, 1},
		{"plain", MAE{}, three, 2, 6, 1, 2, []int32{0, 2}, 0, 3.75},
		{"768 numbers", MAE{NormPixels: true}, large, 16, 16, 3, 16, []int32{0}, 0, 767. / 768},
		{"equal numbers", MAE{NormPixels: true}, flat, 2, 6, 1, 2, []int32{0, 1, 2}, 0, 0},
	} {
		st := kernels.NewStore(device)
		prog, err := kernels.Build(device, st, func(g *kernels.Graph) {
			view := g.Input("view", kernels.F32, 1, x.h, x.w, x.c)
			predicted := g.Input("predicted", kernels.F32, 1, len(x.removed), x.side*x.side*x.c)
			g.Output("loss", x.m.distance(predicted, view, g.Input("removed", kernels.I32, len(x.removed)), x.side))
		})
		if err != nil {
			t.Fatal(err)
		}
		r := begin(t, prog.Segment("main"))
		kernels.Pack(r.Floats("view"), x.image, x.c)
		copy(r.Ints("removed"), x.removed)
		for i := range r.Floats("predicted") {
			r.Floats("predicted")[i] = x.predicted
		}
		finish(t, r)
		if got := float64(r.Output("loss")[0]); !(math.Abs(got-x.want) <= tolerance) {
			t.Errorf("%s: loss %.7g, want %.7g", x.name, got, x.want)
		}
		prog.Free()
		st.Free()
	}
}

// The order is argsort of the noise [.3 .9 .1 .5], whose own argsort, of all patches, is [1 3 0 2].
func TestMaskKeepsTheFirstPatchesOfAnOrder(t *testing.T) {
	k := newMask(1, 4, 0.5)
	kept, restored, removed := make([]int32, 3), make([]int32, 5), make([]int32, 2)
	k.fill(argsort([]float32{0.3, 0.9, 0.1, 0.5}), kept, restored, removed)
	if !slices.Equal(kept, []int32{0, 3, 1}) || !slices.Equal(restored, []int32{0, 2, -1, 1, -1}) || !slices.Equal(removed, []int32{3, 1}) {
		t.Errorf("kept tokens %v, restored %v, removed patches %v", kept, restored, removed)
	}
	for patches, want := range map[int]int{64: 16, 196: 49, 15: 3, 4: 1} {
		if got := newMask(1, patches, 0.75).visible; got != want {
			t.Errorf("%d of %d patches are visible, want %d", got, patches, want)
		}
	}
}

func argsort(v []float32) []int {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return int(math.Copysign(1, float64(v[a]-v[b]))) })
	return order
}

// maeStep is the program of a step of MAE on two gray images of 8 × 8 pixels, in patches of 2.
func maeStep(t *testing.T, build func(s *Step) *kernels.Tensor) (*kernels.Program, *kernels.Store) {
	t.Helper()
	st := kernels.NewStore(device)
	settings := map[string]any{"patch": 2, "embed-dim": 16, "depth": 1, "heads": 2, "grid": 4, "positions": "sincos"}
	network, err := net.NewConfig("vit-tiny", settings, "", 1)
	if err != nil {
		t.Fatal(err)
	}
	backbone, err := network.New(st, 1)
	if err != nil {
		t.Fatal(err)
	}
	prog, err := kernels.Build(device, st, func(g *kernels.Graph) {
		s := &Step{Graph: g, Backbone: backbone, Heads: net.Scope{Store: st, Seed: 1}, N: 2, Views: []*kernels.Tensor{g.Input("view", kernels.F32, 2, 8, 8, 1)}}
		g.Output("loss", build(s))
		g.Output("embeddings", s.Requests.Embeddings)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		prog.Free()
		st.Free()
	})
	return prog, st
}

// The pixels of removed patches change the loss, but not what the encoder computes. Those of a visible patch change both, and each run draws its own mask.
func TestEncoderOfMAEDoesNotSeeRemovedPatches(t *testing.T) {
	prog, _ := maeStep(t, (&MAE{MaskRatio: 0.75, NormPixels: true, Width: 8, Depth: 1}).Loss)
	image := normal(1, 2*8*8)
	var masks [][]int32
	run := func(at uint32, change func(visible bool) bool) (embeddings []float32, loss float32) {
		r := begin(t, prog.Segment("main"))
		r.Draw(1, at)
		pixels := slices.Clone(image)
		for i := range 2 {
			removed := r.Ints("mask" + removedPatches)[12*i:][:12]
			for p := range 64 {
				if change(!slices.Contains(removed, int32(p/16*4+p%8/2))) {
					pixels[64*i+p] += 1 + pixels[64*i+(p+9)%64]
				}
			}
		}
		masks = append(masks, slices.Clone(r.Ints("mask"+removedPatches)))
		kernels.Pack(r.Floats("view"), pixels, 1)
		finish(t, r)
		return slices.Clone(r.Output("embeddings")), r.Output("loss")[0]
	}
	before, loss := run(3, func(bool) bool { return false })
	hidden, hiddenLoss := run(3, func(visible bool) bool { return !visible })
	seen, seenLoss := run(3, func(visible bool) bool { return visible })
	if !slices.Equal(hidden, before) || hiddenLoss == loss {
		t.Errorf("other removed pixels: embeddings begin with %v, were %v; loss %g, was %g", hidden[:3], before[:3], hiddenLoss, loss)
	}
	if slices.Equal(seen, before) || seenLoss == loss {
		t.Errorf("other visible pixels: embeddings begin with %v, were %v; loss %g, was %g", seen[:3], before[:3], seenLoss, loss)
	}
	run(4, func(bool) bool { return false })
	if !slices.Equal(masks[0], masks[2]) || slices.Equal(masks[0], masks[3]) || slices.Equal(masks[0][:12], masks[0][12:]) {
		t.Errorf("removed patches %v: want the same for one number of a run, and others for each image and run", masks)
	}
}

func TestMAERefusesWhatItCannotMask(t *testing.T) {
	for _, x := range []struct {
		name     string
		arch     string
		settings map[string]any
		m        MAE
		want     string
	}{
		{"a ResNet", "resnet10", nil, MAE{MaskRatio: 0.75, Width: 8, Depth: 1}, "it needs a vision transformer"},
		{"a single patch", "vit-tiny", map[string]any{"patch": 8}, MAE{MaskRatio: 0.75, Width: 8, Depth: 1}, "leaves 0 of 1 patches visible"},
		{"all visible", "vit-tiny", map[string]any{"patch": 4}, MAE{MaskRatio: 0, Width: 8, Depth: 1}, "leaves 4 of 4 patches visible"},
		{"heads", "vit-tiny", map[string]any{"patch": 4}, MAE{MaskRatio: 0.75, Width: 12, Depth: 1, Heads: 2}, "a multiple of 8"},
	} {
		st := kernels.NewStore(device)
		network, err := net.NewConfig(x.arch, x.settings, "", 1)
		if err != nil {
			t.Fatal(err)
		}
		if x.arch == "vit-tiny" {
			network.Arch.(*net.ViT).EmbedDim, network.Arch.(*net.ViT).Depth = 8, 1
		}
		network.Arch.Resolve(8)
		backbone, err := network.New(st, 1)
		if err != nil {
			t.Fatal(err)
		}
		_, err = kernels.Build(device, st, func(g *kernels.Graph) {
			x.m.Loss(&Step{Graph: g, Backbone: backbone, Heads: net.Scope{Store: st, Seed: 1}, N: 2, Views: []*kernels.Tensor{g.Input("view", kernels.F32, 2, 8, 8, 1)}})
		})
		if err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v, want %q", x.name, err, x.want)
		}
		st.Free()
	}
}
