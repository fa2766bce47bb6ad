package ssl

import (
	"fmt"

	"marr/kernels"
)

// Contrastive is a Method that compares the samples of a batch with each other: Loss is Contrast of Embed. A batch in parts is compared as a whole all
// the same, with a gradient cache (Gao et al. 2021, arXiv:2101.06983, section 3): all parts are embedded, the loss and its gradient for the embeddings
// are made of all of them, and each part is embedded once more, on the same views, for the gradient to go through. That is the gradient of one pass
// in which batch norm sees a part at a time; memory is that of a part, and of the embeddings. A part's forward pass is paid for twice.
type Contrastive interface {
	Method
	// Embed is what Contrast compares: rows of every sample of the step [V·N D], of all of them for one view after the other.
	Embed(s *Step) *kernels.Tensor
	// Contrast is the loss [1] of what Embed makes of a whole batch of s.N samples; s has neither views nor
	// targets nor labels.
	Contrast(s *Step, z *kernels.Tensor) *kernels.Tensor
}

// cache returns the method where it is in need of a gradient cache.
func (t *Trainer) cache() (m Contrastive, ok bool) {
	m, ok = t.method.(Contrastive)
	return m, ok && t.Config.Accumulate > 1
}

// Caches reports whether the run has a gradient cache, so that the contrast is over the whole batch though it is computed in parts.
func (t *Trainer) Caches() bool {
	_, ok := t.cache()
	return ok
}

// recordCached puts forward and backward pass of a batch in parts on the graph, with a gradient cache, and returns the loss.
func (t *Trainer) recordCached(g *kernels.Graph, m Contrastive) *kernels.Tensor {
	k := t.Config.Accumulate
	g.Micro(k)
	g.Segment("embed")
	var all *kernels.Tensor
	blocks := 0
	g.Rehearse(func() {
		s := t.newStep(g)
		t.paint(s)
		z := m.Embed(s)
		if z.Dim(0)%s.N != 0 {
			panic(&kernels.BuildError{Op: t.Config.Method, Msg: fmt.Sprintf("%v embeds %d samples: want as many rows of each", z, s.N)})
		}
		blocks = z.Dim(0) / s.N
		all = kernels.Collect(z, blocks).Track()
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
	s.show(g)
	g.BackwardFrom(z, kernels.Part(all.Grad(), blocks))
	t.loss = s
	t.passes = []pass{{segment: "embed", runs: k, views: true}, {segment: "contrast", runs: 1, loss: true}, {segment: "micro", runs: k, views: true, seen: true}}
	return loss
}
