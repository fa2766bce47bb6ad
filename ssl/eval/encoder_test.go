package eval_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/data/datatest"
	"github.com/marr-ssl/marr/ssl/eval"
	"github.com/marr-ssl/marr/ssl/train"
	"github.com/marr-ssl/marr/vk"
	"github.com/marr-ssl/marr/vk/vktest"
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
		if n, ok := m.(ssl.NetworkChooser); ok {
			c.Arch, c.Backbone = n.Network()
			c.Backbone["embed-dim"], c.Backbone["depth"] = 32, 4
		}
		if d, ok := m.(*ssl.Distill); ok {
			d.Teacher = &ssl.TeacherFeatures{Dim: 6, Values: datatest.Numbers(6 * set.Len())}
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
	for _, x := range []struct {
		batch int
		sets  []*data.Set
		want  int
	}{{250, []*data.Set{few}, 12}, {250, []*data.Set{many}, 500}, {250, []*data.Set{many, few}, 750}, {7, []*data.Set{many, few}, 301 + 14}, {1, []*data.Set{many, few}, 312}} {
		if n := eval.NumEncoded(x.batch, x.sets...); n != x.want {
			t.Errorf("batches of %d: %d images, want %d", x.batch, n, x.want)
		}
	}
}

// A command that is stopped waits for the runs that it submitted.
func TestRunOfAnEncoderHasLittleWork(t *testing.T) {
	set := datatest.Noise(300, 32, 1)
	for _, width := range []int{4, 64} { // 64: 1.1 GFLOP an image
		f := untrained(t, "resnet18", map[string]any{"stem": "cifar", "width": width})
		single, err := f.Encoder(set.Subset([]int{0}))
		if err != nil {
			t.Fatal(err)
		}
		perImage := single.Work()
		single.Free()
		batch, err := f.Batch(set.C)
		if err != nil {
			t.Fatal(err)
		}
		if want := min(max(1, int(device.WorkBudget()/perImage)), 250); batch != want {
			t.Errorf("width %d, %.3g operations an image: batches of %d, want %d", width, perImage, batch, want)
		}
		e, err := f.Encoder(set)
		if err != nil {
			t.Fatal(err)
		}
		if most := max(device.WorkBudget(), perImage); e.Work() > most*1.001 {
			t.Errorf("width %d: a run has %.3g operations, want at most %.3g", width, e.Work(), most)
		}
		e.Free()
	}
}

func TestFeaturesDoNotDependOnTheBatch(t *testing.T) {
	set := datatest.Noise(23, 32, 1)
	narrow := map[string]any{"stem": "cifar", "width": 8}
	for arch, settings := range map[string]map[string]any{"resnet10": narrow, "resnet50": narrow,
		"vit-tiny": {"patch": 8, "embed-dim": 32, "depth": 2, "heads": 2, "grid": 4}} {
		f := untrained(t, arch, settings)
		all := features(t, f, set)
		for _, n := range []int{1, 2, 7} {
			if x := features(t, f, set.Subset([]int{22, 3, 9, 4, 0, 17, 8}[:n])); !slices.Equal(x[:len(x)/n], all[22*len(x)/n:]) {
				t.Errorf("%s: a batch of %d gives the image other features than a batch of 23", arch, n)
			}
		}
	}
}

// overflows is a network whose features are infinite.
type overflows struct{}

func (overflows) Forward(x *kernels.Tensor, _ net.Mode) *kernels.Tensor {
	return kernels.Scale(kernels.Scale(x, 1e30), 1e30)
}

func TestFeaturesThatAreNotFiniteAreRefused(t *testing.T) {
	vktest.Configure(t, device, func(s *vk.Settings) { s.Eager = false }) // the eager twin finds them first
	f := untrained(t, "resnet10", map[string]any{"stem": "cifar", "width": 4})
	f.Module = overflows{}
	e, err := f.Encoder(datatest.Noise(3, 32, 1))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Free()
	if _, err := e.Features(t.Context(), datatest.Noise(3, 32, 1)); err == nil || !strings.Contains(err.Error(), "feature 0 of image 0 is ") {
		t.Errorf("%v", err)
	}
}

func features(t *testing.T, f eval.Frozen, set *data.Set) []float32 {
	t.Helper()
	e, err := f.Encoder(set)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Free()
	x, err := e.Features(t.Context(), set)
	if err != nil {
		t.Fatal(err)
	}
	return x.X
}

// untrained returns a network for gray views of 32 px on the device.
func untrained(t *testing.T, arch string, settings map[string]any) eval.Frozen {
	t.Helper()
	c, err := net.NewConfig(arch, settings, "", 1)
	if err != nil {
		t.Fatal(err)
	}
	st := kernels.NewStore(device)
	t.Cleanup(st.Free)
	m, err := c.New(st, 1)
	if err != nil {
		t.Fatal(err)
	}
	return eval.Frozen{Store: st, Module: m, Inputs: eval.Inputs{Mean: []float64{0.5}, Std: []float64{0.2}, Size: 32}}
}
