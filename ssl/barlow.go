package ssl

import (
	"cmp"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/views"
)

// BarlowTwins makes the embeddings of two views of an image agree, and their components independent of each other (Zbontar et al. 2021, arXiv:2103.03230):
//
//	loss = Σ_i (1 − C_ii)² + λ·Σ_{i≠j} C_ij², C = ẑ₁ᵀ·ẑ₂/N    (equations 1 and 2)
//
// z = g(f(view)), and ẑ is z through a batch norm without scale and shift (ε = 1e-5), for each view by itself. Both sums are over all components, so that the
// loss grows with the width of the embedding, and λ suits a width only together with a learning rate (facebookresearch/barlowtwins, issue 9). solo-learn
// multiplies the loss by 0.1: with SGD the same training needs a tenth of the learning rate here, and ten times the weight decay.
//
// The backbone f and the projector g, which has three layers without biases, see each view in a separate pass. The batch norm of the loss is always one,
// whatever --head-norm, and has one set of running statistics (prefix bn), as in the authors' code. In a batch of several parts, the correlations are those
// of the whole batch (Contrastive).
type BarlowTwins struct {
	Lambda float64 `flag:"lambda" help:"weight λ of the correlations of different components (paper: 0.0051 for 8192 components)" want:"above 0"`
	Hidden int     `flag:"projector-hidden" help:"hidden width of the projector; 0: that of the embedding (paper: 8192)" want:"at least 0"`
	Out    int     `flag:"embedding" help:"width of the embedding (paper: 8192 after a backbone of 2048; wider is better)" want:"at least 1"`
}

var (
	_ Method      = (*BarlowTwins)(nil)
	_ Contrastive = (*BarlowTwins)(nil)
)

func init() {
	Register("barlow", "Zbontar et al. 2021, arXiv:2103.03230: make the cross-correlation of two views' embeddings the identity matrix", &BarlowTwins{Lambda: 0.0051, Out: 512})
}

// Views returns the preset "barlow": BYOL's two views with different augmentations.
func (m *BarlowTwins) Views(in views.Input) ([]views.Spec, error) { return views.Preset("barlow", in) }

// Defaults sets the widths in proportion to the backbone, up to the paper's 8192.
func (m *BarlowTwins) Defaults(s Scale) Settings {
	m.Out = fourfold(s)
	m.Hidden = m.Out
	o := usual("adamw", s)
	if s.Shown() < ShortRun {
		o.Views = largerCrops
	}
	return o
}

// fourfold returns four times the width of the backbone, the ratio of the embedding in Barlow Twins and VICReg, at most 8192.
func fourfold(s Scale) int { return min(8192, 4*s.Dim) }

// Loss returns the loss of the cross-correlation.
func (m *BarlowTwins) Loss(s *Step) *kernels.Tensor { return m.Contrast(s, m.Embed(s)) }

// Embed returns z of the first views, then z of the second.
func (m *BarlowTwins) Embed(s *Step) *kernels.Tensor {
	requireViews("barlow", s, 2)
	return embedPair(s, cmp.Or(m.Hidden, m.Out), m.Out)
}

// Contrast returns the loss of z.
func (m *BarlowTwins) Contrast(s *Step, z *kernels.Tensor) *kernels.Tensor {
	scope, n := s.Heads, z.Dim(0)/2
	scope.Norm = ""
	bn := scope.PlainBatchNorm("bn", z.Width())
	first, second := bn.Forward(kernels.Slice(z, 0, n), net.Train), bn.Forward(kernels.Slice(z, n, 2*n), net.Train)
	return kernels.CorrelationLoss(kernels.MatMul(first, kernels.Scale(second, 1/float64(n)), true, false), m.Lambda)
}

// embedPair returns the embeddings [2N out] of both views by a net.NormMLP of three layers, from one pass for each view, and passes them to the watch.
func embedPair(s *Step, hidden, out int) *kernels.Tensor {
	projector := s.Heads.NormMLP("projector", net.NoNorm, s.Backbone.Dim(), hidden, hidden, out)
	var z []*kernels.Tensor
	for _, v := range s.Views {
		z = append(z, projector.Forward(s.Backbone.Forward(v, net.Train), net.Train))
	}
	pairs := kernels.Concat(z...)
	s.ObservePairs(pairs)
	return pairs
}
