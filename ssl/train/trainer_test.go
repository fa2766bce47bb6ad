package train

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/kerneltest"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/data/datatest"
	"github.com/marr-ssl/marr/vk"
	"github.com/marr-ssl/marr/vk/vktest"
)

// device is shared by all tests of the package.
var device *vk.Device

func TestMain(m *testing.M) { vktest.Main(m, &device) }

func smallConfig() Config {
	c := DefaultConfig()
	c.Arch, c.Backbone, c.Batch, c.Epochs, c.LR = "resnet10", map[string]any{"stem": "strided", "width": 4}, 8, 4, 2e-3
	return c
}

// configFor returns smallConfig, with a small network that the method works with.
func configFor(m ssl.Method) Config {
	c := smallConfig()
	if n, ok := m.(ssl.NetworkChooser); ok {
		c.Arch, c.Backbone = n.Network()
		maps.Copy(c.Backbone, map[string]any{"embed-dim": 16, "depth": 1})
	}
	return c
}

// train trains for a few steps and returns all parameters and running statistics in one slice.
func trained(t *testing.T, dev *vk.Device, c Config, set *data.Set, steps int) ([]float32, error) {
	t.Helper()
	m, err := ssl.New("simclr")
	if err != nil {
		t.Fatal(err)
	}
	x, err := New(kernels.NewStore(dev), c, Job{Method: m, Set: set})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Free()
	last := 0
	failed := x.Train(context.Background(), steps, func(r StepResult) {
		if r.Step != last+1 {
			t.Errorf("step %d was reported after step %d", r.Step, last)
		}
		last = r.Step
	})
	return everything(t, x.Store), failed
}

func everything(t *testing.T, st *kernels.Store) (all []float32) {
	t.Helper()
	for _, p := range st.Params() {
		v, err := p.Read()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v...)
	}
	for _, s := range st.States() {
		if strings.HasPrefix(s.Name, "marr.") {
			continue
		}
		v, err := s.Read()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v...)
	}
	return all
}

// taught returns a method after it got the features of a teacher for the images of a set, if it learns from one.
func taught(m ssl.Method, set *data.Set) ssl.Method {
	if d, ok := m.(*ssl.Distill); ok && d.Teacher == nil {
		d.Teacher = &ssl.TeacherFeatures{Dim: 6, Values: datatest.Numbers(6 * set.Len())}
	}
	return m
}

func must(t *testing.T) func(v []float32, err error) []float32 {
	return func(v []float32, err error) []float32 {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestEagerAndRepeatedRunsGiveTheSameBits(t *testing.T) {
	set, c := datatest.Noise(40, 16, 3), smallConfig()
	want := must(t)(trained(t, device, c, set, 3))
	if !slices.Equal(must(t)(trained(t, device, c, set, 3)), want) {
		t.Error("a second run gave other bits")
	}
	vktest.Configure(t, device, func(s *vk.Settings) { s.Eager = true })
	if !slices.Equal(must(t)(trained(t, device, c, set, 3)), want) {
		t.Error("the eager twin gave other bits")
	}
	c.Seed++
	if slices.Equal(must(t)(trained(t, device, c, set, 3)), want) {
		t.Error("another seed gave the same bits")
	}
}

// The activations are twice as large as the device can bind at once. The kernels process them in ranges, and no sum changes its order.
func TestLowerBindingLimitGivesTheSameBits(t *testing.T) {
	small, err := vk.Open("", vk.Options{StorageRange: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer small.Close()
	set, c := datatest.Noise(16, 96, 1), smallConfig()
	c.Backbone["stem"] = "cifar"
	if !slices.Equal(must(t)(trained(t, small, c, set, 2)), must(t)(trained(t, device, c, set, 2))) {
		t.Error("values differ")
	}
}

func TestAccumulationUpdatesOncePerStep(t *testing.T) {
	set, c := datatest.Noise(40, 16, 1), smallConfig()
	c.Accumulate = 2
	one, two := must(t)(trained(t, device, c, set, 1)), must(t)(trained(t, device, c, set, 3))
	if slices.Equal(one, two) {
		t.Error("steps 2 and 3 changed nothing")
	}
	if !slices.Equal(must(t)(trained(t, device, c, set, 3)), two) {
		t.Error("a second run gave other bits")
	}
}

// At this learning rate the second step overflows. The state stays that of the first.
func TestNonFiniteStepChangesNothing(t *testing.T) {
	vktest.Configure(t, device, func(s *vk.Settings) { s.Eager = false }) // the eager twin stops earlier, at the op
	set, c := datatest.Noise(40, 16, 1), smallConfig()
	c.LR, c.Warmup, c.Optimizer, c.Decay = 1e30, 0, "sgd", 1
	want := must(t)(trained(t, device, c, set, 1))
	got, err := trained(t, device, c, set, 9)
	var bad *NonFiniteError
	if !errors.As(err, &bad) || bad.Step != 2 {
		t.Fatalf("got %v, want a NonFiniteError at step 2", err)
	}
	if bad.Tensor == "" || !strings.Contains(err.Error(), bad.Tensor) {
		t.Errorf("%q does not name a tensor", err)
	}
	if !slices.Equal(got, want) {
		t.Error("the step that was not finite, or one after it, changed the state")
	}
}

// The first step of SGD without decay moves along the gradient.
func TestClippedStepMovesByRateTimesClip(t *testing.T) {
	set, c := datatest.Noise(40, 16, 1), smallConfig()
	c.LR, c.Warmup, c.Optimizer, c.Clip = 0.5, 0, "sgd", 0.01
	m, err := ssl.New("simclr")
	if err != nil {
		t.Fatal(err)
	}
	x, err := New(kernels.NewStore(device), c, Job{Method: m, Set: set})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Free()
	before, norm, moved := everything(t, x.Store), 0.0, 0.0
	if err := x.Train(context.Background(), 1, func(r StepResult) { norm = r.GradNorm }); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, p := range x.Store.Params() {
		n += len(must(t)(p.Read()))
	}
	for i, v := range everything(t, x.Store)[:n] { // states, which come last, do not follow the gradient
		moved += float64(v-before[i]) * float64(v-before[i])
	}
	if moved = math.Sqrt(moved); norm < 2*c.Clip || math.Abs(moved-c.LR*c.Clip) > 1e-3*c.LR*c.Clip {
		t.Errorf("gradients of norm %v moved the parameters by %v, want %v", norm, moved, c.LR*c.Clip)
	}
}

func TestInvalidConfigsAreRefused(t *testing.T) {
	set := datatest.Noise(40, 16, 1)
	for want, change := range map[string]func(c *Config){
		"only 40 images":   func(c *Config) { c.Batch = 41 },
		"at least 2 image": func(c *Config) { c.Batch = 1 },
		"divides --batch":  func(c *Config) { c.Accumulate = 3 },
		"0 epochs":         func(c *Config) { c.Epochs = 0 },
		"lr -1":            func(c *Config) { c.LR = -1 },
		"clipped at -1":    func(c *Config) { c.Clip = -1 },
	} {
		c := smallConfig()
		change(&c)
		c.Resolve(set)
		if err := c.Check(set); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}
}

// Short names: every test of a program uses them.
var begin, finish = kerneltest.Begin, kerneltest.Finish
