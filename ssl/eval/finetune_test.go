package eval_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels/rng"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/eval"
	"github.com/marr-ssl/marr/ssl/train"
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

// colors returns a small network, with the preparation of its images, for images of flatColors.
func colors(t *testing.T, set *data.Set) eval.Network {
	t.Helper()
	c := train.DefaultConfig()
	c.Arch, c.Backbone = "resnet10", map[string]any{"stem": "strided", "width": 4}
	network, err := c.Network(3)
	if err != nil {
		t.Fatal(err)
	}
	mean, std := set.Stats()
	return eval.Network{Config: c, Inputs: eval.Inputs{Mean: mean, Std: std, Size: 16}, Start: eval.StartFromRandom(network, 1)}
}

// A protocol that mixes up labels, trains nothing or tests another network cannot classify every image of three colors.
func TestFineTuningClassifiesEveryImageOfSeparableColors(t *testing.T) {
	trainSet, test := flatColors(1, 60), flatColors(2, 90)
	n, f := colors(t, trainSet), eval.DefaultFinetuneConfig()
	var steps []int
	f.Batch, f.Draws, f.Progress = 30, 1, func(draw, step, all int) { steps = append(steps, draw, step, all) }
	for _, labels := range []*data.Set{trainSet, test} { // gaps in the labels do not matter
		for i := range labels.Labels {
			labels.Labels[i] = 1000 * (labels.Labels[i] + 1)
		}
	}
	percent, err := eval.Finetune(t.Context(), device, n, trainSet, test, f)
	if err != nil || percent != 100 {
		t.Errorf("accuracy %g %% (%v), want 100 %%", percent, err)
	}
	if len(steps) != 3*f.Steps || !slices.Equal(steps[:3], []int{0, 1, f.Steps}) || !slices.Equal(steps[len(steps)-3:], []int{0, f.Steps, f.Steps}) {
		t.Errorf("progress %v, want draw 0, steps 1 to %d", steps, f.Steps)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := eval.Finetune(ctx, device, n, trainSet, test, f); !errors.Is(err, context.Canceled) {
		t.Errorf("with a canceled context: %v", err)
	}
}

// A network expects the statistics that it was pre-trained with. Statistics of the training set would hide the NaN.
func TestFineTuningNormalizesAsThePreTraining(t *testing.T) {
	set := flatColors(1, 60)
	n, f := colors(t, set), eval.DefaultFinetuneConfig()
	f.Steps, f.Batch, f.Draws = 2, 30, 1
	n.Inputs.Mean = []float64{0, math.NaN(), 0}
	if _, err := eval.Finetune(t.Context(), device, n, set, set, f); err == nil || !strings.Contains(err.Error(), "not finite") {
		t.Errorf("normalized with a mean that is not a number: %v, want an error", err)
	}
}

// What cannot be evaluated is an error before the first step.
func TestFineTuningChecksTheLabelsFirst(t *testing.T) {
	set, few := flatColors(1, 60), flatColors(1, 8)
	for name, x := range map[string]struct {
		train, test *data.Set
		want        string
	}{
		"few images":      {few, set, "label 0 has 3 images: 10 are to be drawn"},
		"no such class":   {set.Subset([]int{0, 1, 3, 4}), set, "image 2 has label 2"},
		"unlabeled image": {data.FromImages("u", []data.Image{set.Image(0), set.Image(1)}, []int32{0, -1}), set, "image 1 has label -1"},
	} {
		f := eval.DefaultFinetuneConfig()
		f.Progress = func(int, int, int) { t.Errorf("%s: a step was trained", name) }
		if _, err := eval.Finetune(t.Context(), device, colors(t, set), x.train, x.test, f); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v, want %q in it", name, err, x.want)
		}
	}
}
