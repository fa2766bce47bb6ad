package ssl

import (
	"cmp"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl/views"
)

// VISReg makes the embeddings of an image's views agree, and regularizes mean, scale and shape of their distribution separately, so that the scale keeps its
// gradient in a collapse (Wu, Balestriero and Levine 2026, arXiv:2606.02572; HaiyuWu/visreg, losses/visreg.py):
//
//	loss = (1 − λ)·mean_{v,n,d} (z̄ − z_v)² + λ·mean_v [center + scale + shape], z̄ = mean of z_v over the global views
//	center = mean_d μ_d², scale = mean_d (σ_d − 1)²,    μ, σ: mean and deviation of each component over a view's embeddings
//	shape = mean_{n,s} (sort_n(((z_v − μ)/σ)·a_s) − Φ⁻¹(n/(N + 1)))², σ a constant
//
// Φ⁻¹ are the quantiles of the standard normal distribution, so that shape compares the projections on random unit vectors a_s with normal numbers (sliced
// Wasserstein distance). The vectors are drawn anew for every step, and are the same for all views. z = g(f(view)) is not normalized, z̄ is not a constant.
// --accumulate regularizes the whole batch, by a gradient cache.
//
// Views of one size go through the backbone as one batch-norm population, all of them through the projector g as one, in the source those of each size. The
// hidden ones of its three layers lack the source's biases, which batch norm would cancel. For ImageNet, the source has GELU in the projector, here ReLU.
type VISReg struct {
	Lambda float64 `flag:"lambda" help:"weight λ of the regularizer (authors: 0.9 for ImageNet, 0.6 for Imagenette); 0: embeddings may collapse" want:"at least 0, at most 1"`
	Slices int     `flag:"slices" help:"number of random directions in a step (authors: 256 to 4096)" want:"at least 1"`
	Hidden int     `flag:"projector-hidden" help:"hidden width of the projector; 0: four times the backbone's (authors: 2048)" want:"at least 0"`
	Out    int     `flag:"embedding" help:"width of the embedding (authors: 128 for Imagenette, 256 for ImageNet)" want:"at least 1"`
}

var (
	_ Method      = (*VISReg)(nil)
	_ Contrastive = (*VISReg)(nil)
)

func init() {
	Register("visreg", "Wu, Balestriero and Levine 2026, arXiv:2606.02572: match views' embeddings, whose mean, scale and shape are regularized to normal ones",
		&VISReg{Lambda: 0.6, Slices: 256, Out: 64})
}

// Views returns the preset "lejepa": two global views and six local ones. The source has four global ones.
func (m *VISReg) Views(in views.Input) ([]views.Spec, error) { return views.Preset("lejepa", in) }

// Defaults sets the number of directions, the rate, and for short runs the views.
func (m *VISReg) Defaults(s Scale) Settings { return jointDefaults(s, &m.Slices) }

// Loss returns the loss of the embeddings.
func (m *VISReg) Loss(s *Step) *kernels.Tensor { return m.Contrast(s, m.Embed(s)) }

// Embed returns z of each view, and then z̄.
func (m *VISReg) Embed(s *Step) *kernels.Tensor {
	return embedAndMean("visreg", s, cmp.Or(m.Hidden, 4*s.Backbone.Dim()), m.Out)
}

// Contrast returns the loss of z and z̄.
func (m *VISReg) Contrast(s *Step, z *kernels.Tensor) *kernels.Tensor {
	requireJoint("visreg", m.Lambda, m.Slices)
	return jointLoss(s, z, m.Lambda, func(z *kernels.Tensor) *kernels.Tensor {
		vectors := directions(s, m.Slices, z.Width())
		var sum *kernels.Tensor
		parts := perView(z, s.N)
		for i, z := range parts {
			x := shapeAndMoments(z, vectors)
			if i > 0 {
				x = kernels.Add(sum, x)
			}
			sum = x
		}
		return kernels.Scale(sum, 1/float64(len(parts)))
	})
}

// shapeAndMoments returns center + scale + shape of embeddings z [N D] with unit vectors [S D].
func shapeAndMoments(z, vectors *kernels.Tensor) *kernels.Tensor {
	moments, inverses := kernels.MomentLoss(z)
	standardized := kernels.ScaleColumns(kernels.CenterColumns(z), kernels.StopGrad(inverses))
	projections := kernels.MatMul(vectors, standardized, false, true) // [S N]
	shape := kernels.MeanSquare(kernels.AddScaled(projections, kernels.NormalScores(projections), -1))
	return kernels.Add(moments, shape)
}
