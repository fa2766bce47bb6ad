package eval_test

import (
	"testing"

	"marr/kernels"
	"marr/ssl"
	"marr/ssl/data/datatest"
	"marr/ssl/eval"
	"marr/ssl/train"
	"marr/vk"
	"marr/vk/vktest"
)

// device is shared by all tests of the package.
var device *vk.Device

func TestMain(m *testing.M) { vktest.Main(m, &device) }

// For every method, the estimate for a feature pass is at least the work of its program, and at most a few times that.
func TestEstimatedWorkOfFeaturesIsCloseToTheirProgram(t *testing.T) {
	set := datatest.Labeled(12, 32, 1)
	for _, name := range ssl.Methods() {
		c := train.DefaultConfig()
		c.Arch, c.Size, c.LR = "resnet10", 32, 2e-3
		c.Backbone, c.Batch, c.Accumulate = map[string]any{"width": 16}, 4, 2
		m, err := ssl.New(name)
		if err != nil {
			t.Fatal(err)
		}
		x, err := train.New(kernels.NewStore(device), c, train.Job{Method: m, Set: set})
		if err != nil {
			t.Fatal(err)
		}
		mean, std := set.Stats()
		e, err := eval.NewEncoder(x.Store, x.ExportBranch(), eval.Inputs{Mean: mean, Std: std, Size: 32}, set)
		if err != nil {
			t.Fatal(err)
		}
		epoch, feature := x.Work()
		counted := e.Work() / float64(set.Len())
		if ratio := feature / counted; !(ratio > 1 && ratio < 4) {
			t.Errorf("%s: %.3g operations a feature, its program has %.3g", name, feature, counted)
		} else {
			t.Logf("%s: %.2f of its program; an epoch is %.0f features", name, ratio, epoch/feature)
		}
		e.Free()
		x.Free()
	}
}

func TestNumEncodedCountsWholeBatches(t *testing.T) {
	few, many := datatest.Noise(12, 1, 1), datatest.Noise(300, 1, 1)
	if a, b, c := eval.NumEncoded(few), eval.NumEncoded(many), eval.NumEncoded(many, few); a != 12 || b != 500 || c != 750 {
		t.Errorf("%d, %d, %d images, want 12, 500 and 750", a, b, c)
	}
}
