package ssl

import (
	"cmp"
	"fmt"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl/views"
)

// LeJEPA makes the embeddings of an image's views agree, and those of all images distributed as standard normal vectors (Balestriero and LeCun 2025,
// arXiv:2511.08544; rbalestr-lab/lejepa, MINIMAL.md):
//
//	loss = (1 − λ)·mean_{v,n,d} (z̄ − z_v)² + λ·mean_{v,s} T(z_v·a_s), z̄ = mean of z_v over the global views
//
// T compares the projections of a view's embeddings on a direction a_s with the standard normal distribution (kernels.SIGReg). The unit vectors a_s are drawn
// anew for every step, and are the same for all views. z = g(f(view)) is not normalized, z̄ is not a constant, and nothing else prevents a collapse. The
// gradient of T is 0 if all embeddings are 0, so that a total collapse does not end.
//
// The mean over the global views is that of the paper. MINIMAL.md has the mean over all views, which are all as large there, so that it is the same.
// stable-pretraining adds λ·T to the whole distance and takes the embeddings of all V views as one sample, whose T is V times as large: its λ is
// λ·V/(1 + λ·V) here. --accumulate regularizes the whole batch, by a gradient cache.
//
// Views of one size go through the backbone as one batch-norm population, all of them through the projector g as one, which has three layers. The hidden
// ones lack the source's biases, which batch norm would cancel.
type LeJEPA struct {
	Lambda float64 `flag:"lambda" help:"weight λ of the regularizer (authors: 0.02 to 0.05); 0: embeddings collapse" want:"at least 0, at most 1"`
	Slices int     `flag:"slices" help:"number of random directions in a step, a multiple of 4 (authors: 256 to 1024)" want:"at least 4"`
	Hidden int     `flag:"projector-hidden" help:"hidden width of the projector; 0: four times the backbone's (authors: 2048)" want:"at least 0"`
	Out    int     `flag:"embedding" help:"width of the embedding (authors: 16 for Imagenette, up to 512)" want:"at least 1"`
}

var (
	_ Method      = (*LeJEPA)(nil)
	_ Contrastive = (*LeJEPA)(nil)
)

func init() {
	Register("lejepa", "Balestriero and LeCun 2025, arXiv:2511.08544: match views' embeddings, whose distribution is made normal along random directions (SIGReg)",
		&LeJEPA{Lambda: 0.02, Slices: 256, Out: 64})
}

// Views returns the preset "lejepa": two global views and six local ones.
func (m *LeJEPA) Views(in views.Input) ([]views.Spec, error) { return views.Preset("lejepa", in) }

// Defaults sets the number of directions, the rate, and for short runs the views.
func (m *LeJEPA) Defaults(s Scale) Settings { return jointDefaults(s, &m.Slices) }

// Loss returns the loss of the embeddings.
func (m *LeJEPA) Loss(s *Step) *kernels.Tensor { return m.Contrast(s, m.Embed(s)) }

// Embed returns z of each view, and then z̄.
func (m *LeJEPA) Embed(s *Step) *kernels.Tensor {
	return embedAndMean("lejepa", s, cmp.Or(m.Hidden, 4*s.Backbone.Dim()), m.Out)
}

// Contrast returns the loss of z and z̄.
func (m *LeJEPA) Contrast(s *Step, z *kernels.Tensor) *kernels.Tensor {
	requireJoint("lejepa", m.Lambda, m.Slices)
	if m.Slices%4 != 0 {
		panic(&kernels.BuildError{Op: "lejepa", Msg: fmt.Sprintf("%d slices: they are computed four at a time: set --slices to %d", m.Slices, (m.Slices+3)/4*4)})
	}
	return jointLoss(s, z, m.Lambda, func(z *kernels.Tensor) *kernels.Tensor {
		projections := kernels.MatMul(z, directions(s, m.Slices, z.Width()), false, true)
		return kernels.SIGReg(kernels.ConcatFeatures(projections, z.Dim(0)/s.N, true)) // the columns of all views
	})
}
