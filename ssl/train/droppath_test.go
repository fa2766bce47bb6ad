package train

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data/datatest"
)

// embedded is SimCLR whose embeddings are an output.
type embedded struct{ *ssl.SimCLR }

func (m embedded) Embed(s *ssl.Step) *kernels.Tensor {
	z := m.SimCLR.Embed(s)
	s.Graph.Output("z", z)
	return z
}

// The two forward passes of a gradient cache omit the same branches: the gradient of the second is that of the loss on the embeddings of the first. Each
// step and each part omits others.
func TestForwardPassesOfAGradientCacheDropTheSamePaths(t *testing.T) {
	c := smallConfig()
	c.Arch, c.Accumulate = "vit-tiny", 2
	c.Backbone = map[string]any{"patch": 8, "embed-dim": 8, "depth": 2, "heads": 1, "drop-path": 0.5}
	x := trainer(t, c, embedded{&ssl.SimCLR{Temperature: 0.2, Out: 10}}, datatest.Noise(40, 16, 1))
	factors := map[string]bool{}
	for step := range 2 {
		if err := x.submit(context.Background(), func() error { return fmt.Errorf("the runs of step %d do not fit in flight", step) }); err != nil {
			t.Fatal(err)
		}
		z := map[string][]float32{}
		for _, w := range x.inFlight {
			if err := w.run.Wait(); err != nil {
				t.Fatal(err)
			}
			if w.views {
				z[fmt.Sprint(w.segment, w.part)] = slices.Clone(w.run.Output("z"))
				factors[fmt.Sprint(w.run.Floats("drop_path.blocks.1.attn"), w.run.Floats("drop_path.blocks.1.mlp"))] = true
			}
		}
		x.inFlight = nil
		for part := range 2 {
			if first, second := z[fmt.Sprint("embed", part)], z[fmt.Sprint("micro", part)]; len(first) == 0 || !slices.Equal(first, second) {
				t.Errorf("step %d, part %d: embeddings begin with %v, then with %v", step, part, first[:4], second[:4])
			}
		}
	}
	if len(factors) != 4 {
		t.Errorf("two steps in two parts have %d different draws, want 4", len(factors))
	}
}

// A weight decay does not change frozen patches either. All other parameters change.
func TestFrozenPatchesKeepTheirInitialValues(t *testing.T) {
	c := smallConfig()
	c.Arch, c.Optimizer, c.LR, c.Decay, c.Warmup = "vit-tiny", "sgd", 0.1, 0.1, 0
	c.Backbone = map[string]any{"patch": 8, "embed-dim": 8, "depth": 1, "heads": 1, "freeze-patches": true}
	x := trainer(t, c, &ssl.SimCLR{Temperature: 0.2, Out: 10}, datatest.Noise(40, 16, 1))
	before := map[string][]float32{}
	for _, p := range x.Store.Params() {
		before[p.Name] = must(t)(p.Read())
	}
	if err := x.Train(t.Context(), 2, func(StepResult) {}); err != nil {
		t.Fatal(err)
	}
	for _, p := range x.Store.Params() {
		frozen := strings.HasPrefix(p.Name, "backbone.patch_embed.")
		if same := slices.Equal(must(t)(p.Read()), before[p.Name]); same != frozen {
			t.Errorf("%s: unchanged: %t, want %t", p.Name, same, frozen)
		}
	}
}
