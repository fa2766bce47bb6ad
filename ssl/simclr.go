package ssl

import (
	"cmp"

	"marr/kernels"
	"marr/net"
	"marr/ssl/views"
)

// SimCLR contrasts two views of each image with all other images of the batch (Chen et al. 2020, arXiv:2002.05709):
//
//	loss = NT-Xent(z/‖z‖, τ), z = projector(backbone(view)), mean over the 2N views
//
// The authors' code adds the means of both views, which doubles the loss (google-research/simclr, objective.py): with SGD the same training needs half
// the learning rate there. Decoupled removes the positive from the denominator of the loss, which matters most for small batches (Yeh et al. 2021,
// arXiv:2110.06848).
//
// Both views are concatenated and go through the network as one batch-norm population, as in the authors' code on one device.
type SimCLR struct {
	Temperature float64 `flag:"temperature" help:"temperature τ of the loss (paper: 0.5 for CIFAR-10, 0.1 for ImageNet)" want:"above 0"`
	Hidden      int     `flag:"projector-hidden" help:"hidden width of the projector; 0: the backbone's (paper: the backbone's)" want:"at least 0"`
	Out         int     `flag:"embedding" help:"width of the embedding z (paper: 128)" want:"at least 1"`
	Decoupled   bool    `flag:"decoupled" help:"remove the positive from the denominator of the loss (Yeh et al. 2021, arXiv:2110.06848)"`
}

var (
	_ Method      = (*SimCLR)(nil)
	_ Contrastive = (*SimCLR)(nil)
)

func init() {
	Register("simclr", "Chen et al. 2020, arXiv:2002.05709: contrast two views of an image with all other images of the batch", &SimCLR{Temperature: 0.2, Out: 64})
}

// Views returns the preset "simclr": two views with the same augmentations.
func (m *SimCLR) Views(in views.Input) ([]views.Spec, error) { return views.Preset("simclr", in) }

// Loss returns the NT-Xent loss of both views.
func (m *SimCLR) Loss(s *Step) *kernels.Tensor { return m.Contrast(s, m.Embed(s)) }

// Embed returns z of the first views, then z of the second.
func (m *SimCLR) Embed(s *Step) *kernels.Tensor {
	requireViews("simclr", s, 2)
	dim := s.Backbone.Dim()
	projector := s.Heads.Projector("projector", dim, cmp.Or(m.Hidden, dim), m.Out)
	h := s.Backbone.Forward(kernels.Concat(s.Views...), net.Train)
	z := projector.Forward(h, net.Train)
	s.ObservePairs(z)
	return z
}

// Contrast returns the NT-Xent loss of z.
func (m *SimCLR) Contrast(_ *Step, z *kernels.Tensor) *kernels.Tensor {
	if m.Decoupled {
		return kernels.DecoupledNTXent(kernels.L2Normalize(z), m.Temperature)
	}
	return kernels.NTXent(kernels.L2Normalize(z), m.Temperature)
}
