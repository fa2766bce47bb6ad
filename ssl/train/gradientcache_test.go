package train

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/ssl/data/datatest"
	"github.com/marr-ssl/marr/ssl/watch"
	"github.com/marr-ssl/marr/vk"
	"github.com/marr-ssl/marr/vk/vktest"
)

// grouped is a method in one pass with batch norm over each part of the batch: the reference for the gradient cache.
type grouped struct {
	ssl.Contrastive
	parts int
}

func (m grouped) Loss(s *ssl.Step) *kernels.Tensor {
	n := s.N / m.parts
	var blocks [][]*kernels.Tensor // of embeddings: for each view, those of the parts
	for k := range m.parts {
		part := *s
		part.N, part.Views = n, nil
		for _, v := range s.Views {
			part.Views = append(part.Views, kernels.Slice(v, k*n, (k+1)*n))
		}
		z := m.Embed(&part)
		s.Requests = part.Requests
		for v := range z.Dim(0) / n {
			if k == 0 {
				blocks = append(blocks, nil)
			}
			blocks[v] = append(blocks[v], kernels.Slice(z, v*n, (v+1)*n))
		}
	}
	return m.Contrast(s, kernels.Concat(slices.Concat(blocks...)...))
}

func trainer(t *testing.T, c Config, m ssl.Method, set *data.Set) *Trainer {
	t.Helper()
	x, err := New(kernels.NewStore(device), c, Job{Method: taught(m, set), Set: set})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Free)
	return x
}

// reports trains until a step and returns the results of the steps.
func reports(t *testing.T, x *Trainer, steps int) (out []StepResult) {
	t.Helper()
	if err := x.Train(context.Background(), steps, func(r StepResult) { out = append(out, r) }); err != nil {
		t.Fatal(err)
	}
	return out
}

func distance(a, b []float32) float64 {
	var d, n float64
	for i := range a {
		d += float64(a[i]-b[i]) * float64(a[i]-b[i])
		n += float64(b[i]) * float64(b[i])
	}
	return math.Sqrt(d / n)
}

// The loss, every gradient, SimCLR's running statistics and the queues equal those of one pass over the whole batch, except for the order of the sums.
func TestGradientCacheEqualsOnePass(t *testing.T) {
	set := datatest.Noise(40, 16, 3)
	for _, x := range []struct {
		name  string
		m     ssl.Contrastive
		parts int
	}{
		{"simclr", &ssl.SimCLR{Temperature: 0.2, Out: 10}, 2}, {"simclr", &ssl.SimCLR{Temperature: 0.2, Out: 10}, 4},
		{"simclr, decoupled", &ssl.SimCLR{Temperature: 0.2, Out: 10, Decoupled: true}, 2},
		{"barlow", &ssl.BarlowTwins{Lambda: 0.05, Out: 10}, 2}, {"vicreg", &ssl.VICReg{Invariance: 25, Variance: 25, Covariance: 1, Out: 10}, 4},
		{"mocov3", &ssl.MoCoV3{Temperature: 0.2, Momentum: 0.9, Out: 10, Layers: 2}, 2}, {"nnclr", &ssl.NNCLR{Temperature: 0.2, Queue: 20, Out: 10}, 4},
		{"swav", &ssl.SwAV{Prototypes: 12, Temperature: 0.1, Epsilon: 0.05, Out: 10, Queue: 20}, 2},
		{"lejepa", &ssl.LeJEPA{Lambda: 0.1, Slices: 8, Hidden: 16, Out: 10}, 2}, {"visreg", &ssl.VISReg{Lambda: 0.6, Slices: 8, Hidden: 16, Out: 10}, 4},
	} {
		c := smallConfig()
		one := trainer(t, c, grouped{x.m, x.parts}, set)
		c.Accumulate = x.parts
		parts := trainer(t, c, x.m, set)
		if one.HasGradientCache() || !parts.HasGradientCache() {
			t.Fatal("the batch in parts is to have a gradient cache, the other none")
		}
		want, got := reports(t, one, 1)[0], reports(t, parts, 1)[0]
		if d := math.Abs(got.Loss/want.Loss - 1); !(d <= 1e-6) || got.observed != nil {
			t.Errorf("%s, %d parts: loss %v, want %v", x.name, x.parts, got.Loss, want.Loss)
		}
		if d := math.Abs(got.GradNorm/want.GradNorm - 1); !(d <= 1e-5) {
			t.Errorf("%s, %d parts: gradients of norm %v, want %v", x.name, x.parts, got.GradNorm, want.GradNorm)
		}
		for i, p := range parts.Store.Params() {
			a, b := must(t)(p.ReadGrad()), must(t)(one.Store.Params()[i].ReadGrad())
			if max(norm(a), norm(b)) <= 1e-6*want.GradNorm {
				continue // rounding alone, such as that of a shift before a batch norm
			}
			if d := distance(a, b); !(d <= 1e-5) {
				t.Errorf("%s, %d parts: gradient of %s is off by %.2g", x.name, x.parts, p.Name, d)
			}
		}
		for i, s := range parts.Store.States() {
			if strings.Contains(s.Name, "running_") && !strings.HasPrefix(x.name, "simclr") {
				continue // with one forward pass for each view, the reference sees the parts and views in another order
			}
			if a, b := must(t)(s.Read()), must(t)(one.Store.States()[i].Read()); !slices.Equal(a, b) && s.Name != "marr.halt" {
				t.Errorf("%s, %d parts: %s is %v, want %v", x.name, x.parts, s.Name, a, b)
			}
		}
	}
}

// Only embeddings, similarities and some statistics grow with the batch, and they are small.
func TestGradientCacheNeedsTheMemoryOfOnePart(t *testing.T) {
	vktest.Configure(t, device, func(s *vk.Settings) { s.Eager, s.Poison = false, false }) // neither shares memory between tensors
	set, c := datatest.Noise(64, 32, 1), smallConfig()
	c.Batch = 32
	whole := trainer(t, c, &ssl.SimCLR{Temperature: 0.2, Out: 16}, set).Planned()
	for _, k := range []int{2, 4} {
		c.Accumulate = k
		got, part := trainer(t, c, &ssl.SimCLR{Temperature: 0.2, Out: 16}, set).Planned(), whole/int64(k)
		if got > part+part/3 {
			t.Errorf("%d parts: %d bytes, want hardly more than %d of %d", k, got, part, whole)
		}
	}
}

// The losses of the parts are averaged instead.
func TestMethodsWithoutNegativesHaveNoGradientCache(t *testing.T) {
	set, c := datatest.Noise(16, 32, 1), smallConfig()
	c.Accumulate = 2
	x := trainer(t, c, &ssl.Rotation{}, set)
	if x.HasGradientCache() || len(x.passes) != 1 {
		t.Errorf("rotation runs %v", x.passes)
	}
	c.Accumulate = 1
	if x := trainer(t, c, &ssl.SimCLR{Temperature: 0.2, Out: 10}, set); x.HasGradientCache() || len(x.passes) != 1 {
		t.Errorf("simclr, whole, runs %v", x.passes)
	}
}

// With a gradient cache, the collapse watch measures once a step.
func TestWatchMeasuresTheFirstPartOfABatch(t *testing.T) {
	c := smallConfig()
	c.Accumulate = 2
	x := trainer(t, c, &ssl.SimCLR{Temperature: 0.2, Out: 10}, datatest.Noise(40, 16, 1))
	x.Watch = &watch.Watch{}
	for _, r := range reports(t, x, 3) {
		if r.observed == nil || !(r.observed.stats.Std > 0) {
			t.Errorf("step %d was not looked at", r.Step)
		}
	}
	if n := x.step.Requests.Embeddings.Rows(); n != 8 {
		t.Errorf("%d embeddings are shown, want those of both views of a part", n)
	}
}
