package ssl

import (
	"cmp"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/views"
)

// SimCLR contrasts two views of each image with all other images of the batch (Chen et al. 2020, arXiv:2002.05709):
//
//	loss = NT-Xent(z/‖z‖, τ), z = projector(backbone(view)), mean over the 2N views
//
// The authors' code adds the means of both views, which doubles the loss (google-research/simclr, objective.py): with SGD the same training needs half the
// learning rate and twice the weight decay there. Decoupled removes the positive from the denominator of the loss, which matters most for small batches (Yeh
// et al. 2021, arXiv:2110.06848).
//
// Both views are concatenated and go through the network as one batch-norm population, as in the authors' code on one device.
//
// The projector is Linear, batch norm, ReLU, Linear. In the authors' code and in lightly a batch norm follows the last layer too: OutputNorm adds it, with a
// scale and a shift as in lightly; the authors' has no shift (google-research/simclr, model_util.py). solo-learn has no batch norm at all: --head-norm none
// comes close, with a scale of each hidden channel.
type SimCLR struct {
	Temperature float64 `flag:"temperature" help:"temperature τ of the loss (paper: 0.5 for CIFAR-10, 0.1 for ImageNet)" want:"above 0"`
	Hidden      int     `flag:"projector-hidden" help:"hidden width of the projector; 0: the backbone's (paper: the backbone's)" want:"at least 0"`
	Out         int     `flag:"embedding" help:"width of the embedding z (paper: 128)" want:"at least 1"`
	OutputNorm  bool    `flag:"projector-output-norm" help:"put a norm (--head-norm) after the last layer of the projector too (the authors' code and lightly: yes; solo-learn: no norm at all)"`
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

// Defaults sets the paper's width of the embedding. A short run gets a higher rate, and larger crops.
func (m *SimCLR) Defaults(s Scale) Settings {
	m.Out = 128
	o := usual("adamw", s)
	if s.Shown() < ShortRun {
		return o.short(s)
	}
	return o
}

// Loss returns the NT-Xent loss of both views.
func (m *SimCLR) Loss(s *Step) *kernels.Tensor { return m.Contrast(s, m.Embed(s)) }

// Embed returns z of the first views, then z of the second.
func (m *SimCLR) Embed(s *Step) *kernels.Tensor {
	requireViews("simclr", s, 2)
	dim := s.Backbone.Dim()
	hidden := cmp.Or(m.Hidden, dim)
	var projector net.Module
	if m.OutputNorm {
		projector = s.Heads.NormMLP("projector", net.ScaledNorm, dim, hidden, m.Out)
	} else {
		projector = s.Heads.Projector("projector", dim, hidden, m.Out)
	}
	h := s.Backbone.Forward(kernels.Concat(s.Views...), net.Train)
	z := projector.Forward(h, net.Train)
	s.ObservePairs(z)
	return z
}

// Contrast returns the NT-Xent loss of z.
func (m *SimCLR) Contrast(s *Step, z *kernels.Tensor) *kernels.Tensor {
	s.Requests.Candidates = z.Dim(0) - 1
	if m.Decoupled {
		s.Requests.Candidates-- // without the positive
		return kernels.DecoupledNTXent(kernels.L2Normalize(z), m.Temperature)
	}
	return kernels.NTXent(kernels.L2Normalize(z), m.Temperature)
}
