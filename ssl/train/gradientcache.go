package train

import (
	"fmt"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl"
)

// gradientCache returns the method, and true if the run needs a gradient cache.
func (t *Trainer) gradientCache() (m ssl.Contrastive, ok bool) {
	m, ok = t.job.Method.(ssl.Contrastive)
	return m, ok && t.Config.Accumulate > 1
}

// HasGradientCache reports whether the loss contrasts the whole batch although the batch is computed in parts (ssl.Contrastive).
func (t *Trainer) HasGradientCache() bool {
	_, ok := t.gradientCache()
	return ok
}

// recordCached records forward and backward pass of a batch in parts, with a gradient cache, and returns the loss.
func (t *Trainer) recordCached(g *kernels.Graph, m ssl.Contrastive) *kernels.Tensor {
	k := t.Config.Accumulate
	g.Micro(k)
	g.Segment("embed")
	var all *kernels.Tensor
	blocks := 0
	g.ForwardOnly(func() {
		s := t.newStep(g)
		t.paint(s)
		z := m.Embed(s)
		if z.Dim(0)%s.N != 0 {
			panic(&kernels.BuildError{Op: t.job.Name, Msg: fmt.Sprintf("embeddings %v of %d samples: want the same number of rows for each sample", z, s.N)})
		}
		blocks = z.Dim(0) / s.N
		all = kernels.GatherMicro(z, blocks).Track()
	})

	g.Micro(1)
	g.Segment("contrast")
	s := t.newStep(g)
	s.N = t.Config.Batch
	loss := m.Contrast(s, all)
	g.Output("loss", loss)
	g.Backward(loss)

	g.Micro(k)
	g.Segment("micro")
	t.paint(s)
	z := m.Embed(s)
	outputObserved(g, s)
	g.BackwardFrom(z, kernels.ScatterMicro(all.Grad(), blocks))
	t.sumParts(g)
	t.step = s
	t.passes = []pass{{segment: "embed", runs: k, views: true}, {segment: "contrast", runs: 1, loss: true}, {segment: "micro", runs: k, views: true, observe: true, backward: true}}
	return loss
}
