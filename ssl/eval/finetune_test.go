package eval_test

import (
	"context"
	"errors"
	"testing"

	"marr/kernels/rng"
	"marr/ssl/data"
	"marr/ssl/eval"
	"marr/ssl/train"
)

// flatColors returns n images of 16 × 16 pixels. The class is the color channel that is bright; every pixel has noise of ±30.
func flatColors(seed uint64, n int) *data.Set {
	src := rng.New(seed)
	images, labels := make([]data.Image, n), make([]int32, n)
	for i := range n {
		pix := make([]byte, 16*16*3)
		for k := range pix {
			pix[k] = byte(40 + src.Intn(61))
			if k%3 == i%3 {
				pix[k] += 100
			}
		}
		images[i], labels[i] = data.Image{H: 16, W: 16, C: 3, Pix: pix}, int32(i%3)
	}
	return data.FromImages("flat colors", images, labels)
}

// A protocol that mixes up labels, trains nothing or tests another network cannot classify every image of three colors.
func TestFineTuningClassifiesEveryImageOfSeparableColors(t *testing.T) {
	c := train.DefaultConfig()
	c.Arch, c.Backbone, c.Size = "resnet10", map[string]any{"stem": "strided", "width": 4}, 16
	network, err := c.Network(3)
	if err != nil {
		t.Fatal(err)
	}
	f := eval.DefaultFinetuneConfig()
	f.Batch, f.Draws = 30, 1
	trainSet, test := flatColors(1, 60), flatColors(2, 90)
	percent, err := eval.Finetune(t.Context(), device, eval.Network{Config: c, Start: eval.StartFromRandom(network, 1)}, trainSet, test, f)
	if err != nil || percent != 100 {
		t.Errorf("accuracy %g %% (%v), want 100 %%", percent, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := eval.Finetune(ctx, device, eval.Network{Config: c, Start: eval.StartFromRandom(network, 1)}, trainSet, test, f); !errors.Is(err, context.Canceled) {
		t.Errorf("with a canceled context: %v", err)
	}
}
