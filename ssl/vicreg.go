package ssl

import (
	"cmp"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl/views"
)

// VICReg makes the embeddings of two views of an image agree, keeps the standard deviation of each component above 1, and the components uncorrelated (Bardes
// et al. 2022, arXiv:2105.04906):
//
//	loss = λ·mean_{n,d} (z₁ − z₂)² + μ·½ Σ_v mean_d max(0, 1 − √(C_v,dd + 1e-4)) + ν·Σ_v 1/D·Σ_{i≠j} C_v,ij²    (equations 1 to 6)
//	C_v = Σ_n (z_v,n − mean z_v)(z_v,n − mean z_v)ᵀ/(N − 1), v = 1, 2
//
// The factor ½ of the second term is that of the authors' code (facebookresearch/vicreg, main_vicreg.py, issue 8); the paper and solo-learn have none, so that
// their μ counts twice. z = g(f(view)) is not normalized. Without a warm-up the first steps may diverge (lightly-ai/lightly, issue 1032).
//
// The backbone f and the expander g, which has three layers, see each view in a separate pass. No layer has a bias: batch norm would cancel those that the
// authors' code has before it. In a batch of several parts, the covariances are those of the whole batch (Contrastive).
type VICReg struct {
	Invariance float64 `flag:"invariance" help:"weight λ of the distance between the views (paper: 25)" want:"at least 0"`
	Variance   float64 `flag:"variance" help:"weight μ of the standard deviations (paper: 25); 0: embeddings may collapse" want:"at least 0"`
	Covariance float64 `flag:"covariance" help:"weight ν of the covariances of different components (paper: 1)" want:"at least 0"`
	Hidden     int     `flag:"projector-hidden" help:"hidden width of the expander; 0: that of the embedding (paper: 8192)" want:"at least 0"`
	Out        int     `flag:"embedding" help:"width of the embedding (paper: 8192 after a backbone of 2048)" want:"at least 1"`
}

var (
	_ Method      = (*VICReg)(nil)
	_ Contrastive = (*VICReg)(nil)
)

func init() {
	Register("vicreg", "Bardes et al. 2022, arXiv:2105.04906: match two views' embeddings, whose components keep their variance and are not correlated",
		&VICReg{Invariance: 25, Variance: 25, Covariance: 1, Out: 512})
}

// Views returns the preset "byol", as in the paper; the preset "vicreg" has solo-learn's.
func (m *VICReg) Views(in views.Input) ([]views.Spec, error) { return views.Preset("byol", in) }

// Defaults sets the widths in proportion to the backbone, up to the paper's 8192.
func (m *VICReg) Defaults(s Scale) Settings {
	m.Out = fourfold(s)
	m.Hidden = m.Out
	o := usual("adamw", s)
	if s.Shown() < ShortRun {
		o.Views = largerCrops
	}
	return o
}

// Loss returns the sum of the three terms.
func (m *VICReg) Loss(s *Step) *kernels.Tensor { return m.Contrast(s, m.Embed(s)) }

// Embed returns z of the first views, then z of the second.
func (m *VICReg) Embed(s *Step) *kernels.Tensor {
	requireViews("vicreg", s, 2)
	return embedPair(s, cmp.Or(m.Hidden, m.Out), m.Out)
}

// Contrast returns the loss of z.
func (m *VICReg) Contrast(s *Step, z *kernels.Tensor) *kernels.Tensor {
	n, d := z.Dim(0)/2, float64(z.Width())
	pair := [2]*kernels.Tensor{kernels.Slice(z, 0, n), kernels.Slice(z, n, 2*n)}
	loss := kernels.Scale(kernels.MeanSquare(kernels.AddScaled(pair[0], pair[1], -1)), m.Invariance)
	for _, z := range pair {
		centered := kernels.CenterColumns(z)
		covariance := kernels.MatMul(centered, kernels.Scale(centered, 1/float64(n-1)), true, false)
		loss = kernels.Add(loss, kernels.CovarianceLoss(covariance, m.Variance/(2*d), m.Covariance/d))
	}
	return loss
}
