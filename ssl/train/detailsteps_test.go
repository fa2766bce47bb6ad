package train

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl"
	"github.com/marr-ssl/marr/ssl/views"
)

func dinoHead(t *testing.T) {
	var m *ssl.DINO
	x := started(t, "dino", func(c *Config, of ssl.Method) {
		m = of.(*ssl.DINO)
		m.FreezeLast, c.Epochs, c.Decay, c.LR, c.Optimizer = 0.5, 2, 0.5, 0.1, "adamw"
	})
	begun := values(t, x)
	for name, v := range begun {
		want := 0.02
		if name == "head.last.weight" {
			want = 1 / math.Sqrt(3*float64(m.Bottleneck)) // of torch.nn.Linear's uniform numbers
		}
		switch rms := norm(v) / math.Sqrt(float64(len(v))); {
		case !strings.HasPrefix(name, "head."):
		case strings.HasSuffix(name, ".bias") && rms != 0, strings.HasSuffix(name, ".weight") && math.Abs(rms/want-1) > 0.1:
			t.Errorf("%s begins with a deviation of %g", name, rms)
		}
	}
	const last = "head.last.weight"
	i := slices.IndexFunc(x.Store.Params(), func(p *kernels.Param) bool { return p.Name == last })
	p := x.Store.Params()[i]
	step(t, x)
	if v := values(t, x); !slices.Equal(v[last], begun[last]) || slices.Equal(v["head.4.weight"], begun["head.4.weight"]) {
		t.Error("the last layer moved while it was frozen, or the one before it did not")
	}
	if v := must(t)(p.ReadMoment(0)); norm(v) != 0 {
		t.Error("the last layer gathered momentum while it was frozen")
	}
	step(t, x)
	rate, decay, firsts := x.schedule.At(1, x.Steps()), x.decay.At(1, x.Steps()), 0
	after := values(t, x)[last]
	for i, v := range after {
		if moved := math.Abs(float64(v)-float64(begun[last][i])*(1-rate*decay)) / rate; math.Abs(moved-1) < 1e-2 {
			firsts++
		}
	}
	if firsts < len(after)/2 {
		t.Errorf("%d of the last layer's %d values moved by the rate in the first step after the freeze, as Adam's first step moves any value: want most", firsts, len(after))
	}
}

func clippedEach(t *testing.T) {
	const most = 1e-3
	x := started(t, "simclr", func(c *Config, _ ssl.Method) { c.ClipEach = most })
	before := values(t, x)
	step(t, x)
	after, clipped := values(t, x), 0
	for _, p := range x.Store.Params() {
		moved := apart(after[p.Name], before[p.Name])
		if moved > 1.01*most {
			t.Errorf("%s moved by %g, more than %g", p.Name, moved, most)
		}
		if moved > 0.99*most {
			clipped++
		}
	}
	if clipped < 2 {
		t.Errorf("%d gradients were clipped to %g, want most", clipped, most)
	}
	for _, method := range ssl.Methods() {
		for _, p := range started(t, method, nil).Store.Params() {
			if p.NoDecay != (len(p.Shape) == 1) {
				t.Errorf("%s: %s %v: NoDecay is %t", method, p.Name, p.Shape, p.NoDecay)
			}
		}
	}
}

// The stem runs on the two global views of the student, on its local views, and on the two global views of the teacher.
func batchNormBatches(t *testing.T) {
	x := started(t, "dino", nil)
	g, err := kernels.TraceOps(x.Store, x.record)
	if err != nil {
		t.Fatal(err)
	}
	var rows []int
	for _, n := range g.Trace() {
		if n.Op == "Conv2D" && strings.HasPrefix(strings.TrimPrefix(n.In[1].String(), "average of "), "backbone.conv1.weight ") {
			rows = append(rows, n.Out.Dim(0))
		}
	}
	slices.Sort(rows)
	if want := []int{2 * 8, 2 * 8, 6 * 8}; !slices.Equal(rows, want) {
		t.Errorf("the stem runs on batches of %d views, want %d", rows, want)
	}
}

// adapted compares the length of the first step at rate 1 with a function of the norms of a weight and of its gradient. Vectors move by their gradient.
func adapted(optimizer string, decay float64, far func(p, g float64) float64) func(t *testing.T) {
	return func(t *testing.T) {
		x := started(t, "simclr", func(c *Config, _ ssl.Method) { c.Optimizer, c.Decay = optimizer, decay })
		before := values(t, x)
		step(t, x)
		after := values(t, x)
		for _, p := range x.Store.Params() {
			g := must(t)(p.ReadGrad())
			want := far(norm(before[p.Name]), norm(g))
			if len(p.Shape) == 1 {
				want = norm(g)
			}
			if moved := apart(after[p.Name], before[p.Name]); math.Abs(moved-want) > 1e-3*want+1e-6 {
				t.Errorf("%s %v moved by %g, want %g", p.Name, p.Shape, moved, want)
			}
		}
	}
}

func warmedUp(t *testing.T) {
	x := started(t, "simclr", func(c *Config, _ ssl.Method) { c.Epochs, c.Warmup, c.LR = 8, 0.5, 0.1 })
	for k := range 5 {
		if r := step(t, x); math.Abs(r.LR-0.1*min(1, float64(k+1)/4)) > 1e-12 {
			t.Errorf("step %d has rate %g", k, r.LR)
		}
	}
}

// featuresOfOneImage checks that the features of an image do not depend on the other images of its batch.
func featuresOfOneImage(t *testing.T) {
	x := started(t, "simclr", func(c *Config, _ ssl.Method) { c.LR = 0.1 })
	step(t, x)
	features := func(n int) []float32 {
		set := x.job.Set.Limit(n)
		c := ViewConfig{Set: set, Mean: x.job.Mean, Std: x.job.Std, N: n, Specs: views.Eval(views.Input{Size: 32, Channels: 1, Frames: 1})}
		p, err := NewPainter(x.Store, c, func(g *kernels.Graph, v []*kernels.Tensor) { g.Output("features", x.Backbone.Forward(v[0], net.Eval)) })
		if err != nil {
			t.Fatal(err)
		}
		defer p.Free()
		samples := make([]int, n)
		for i := range samples {
			samples[i] = i
		}
		r, err := p.Fill(set, samples, 0)
		if err != nil {
			t.Fatal(err)
		}
		finish(t, r)
		return slices.Clone(r.Output("features")[:x.Backbone.Dim()])
	}
	if one, all := features(1), features(8); apart(one, all) > 1e-5*norm(all) {
		t.Errorf("alone and in a batch of eight, the features differ by %g, norm %g", apart(one, all), norm(all))
	}
}
