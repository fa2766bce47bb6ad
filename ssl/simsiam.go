package ssl

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/views"
)

// SimSiam is BYOL without a momentum encoder (Chen and He 2021, arXiv:2011.10566): the prediction from each view approximates the projection of the other,
// through which no gradient flows:
//
//	loss = ½ Σ_{(a,b) ∈ {(1,2),(2,1)}} mean_n −cos(q(z_a), sg(z_b)), z = g(f(v))    (equations 1 to 4)
//
// The projector g has three layers (two for CIFAR in appendix D) and ends in a batch norm without scale and shift, the predictor q two. Each view goes
// through the network separately. The predictor's learning rate stays at its peak (section 4.2; facebookresearch/simsiam, main_simsiam.py, --fix-pred-lr).
type SimSiam struct {
	Hidden          int `flag:"projector-hidden" help:"hidden width of the projector; 0: the backbone's (paper: 2048)" want:"at least 0"`
	Out             int `flag:"embedding" help:"width of the embedding (paper: 2048)" want:"at least 1"`
	Layers          int `flag:"projector-layers" help:"number of layers of the projector (paper: 3; 2 for CIFAR-10)" want:"at least 2, at most 3"`
	PredictorHidden int `flag:"predictor-hidden" help:"hidden width of the predictor; 0: a quarter of the embedding (paper: 512)" want:"at least 0"`

	ScheduledPredictor bool `flag:"predictor-scheduled" help:"the predictor's learning rate follows the schedule (paper: it stays at the peak)"`
}

var _ Method = (*SimSiam)(nil)

func init() {
	Register("simsiam", "Chen and He 2021, arXiv:2011.10566: predict the other view's projection, with stop-gradient in place of a momentum encoder", &SimSiam{Out: 128, Layers: 3})
}

// Views returns the preset "simsiam": two views with the same augmentations.
func (m *SimSiam) Views(in views.Input) ([]views.Spec, error) { return views.Preset("simsiam", in) }

// Defaults sets the width of the embedding in proportion to the backbone, up to the paper's 2048, and the paper's optimizer. A short run gets ten times the
// paper's rate, half the width and larger crops: at the paper's rate, its features were worse than an untrained network's (bench/RESULTS.md).
func (m *SimSiam) Defaults(s Scale) Settings {
	o := preferred("sgd", s)
	m.Out = min(2048, 4*s.Dim)
	if s.Shown() < ShortRun {
		m.Out, m.ScheduledPredictor = min(2048, 2*s.Dim), true
		if o.Views = largerCrops; !s.Transformer {
			o.LR, o.Decay = 10*o.LR, 5e-4
		}
	}
	m.Hidden = m.Out
	return o
}

// Loss returns the mean of the losses in both directions.
func (m *SimSiam) Loss(s *Step) *kernels.Tensor {
	requireViews("simsiam", s, 2)
	if m.Layers < 2 {
		panic(&kernels.BuildError{Op: "simsiam", Msg: fmt.Sprintf("a projector of %d layers: want at least 2", m.Layers)})
	}
	dim := s.Backbone.Dim()
	projector := s.Heads.NormMLP("projector", net.PlainNorm, widths(dim, cmp.Or(m.Hidden, dim), m.Out, m.Layers)...)
	predictor := s.Heads.Projector("predictor", m.Out, cmp.Or(m.PredictorHidden, max(4, m.Out/4)), m.Out)
	if !m.ScheduledPredictor {
		predictor.Gate(s.ConstantRate("predictor_rate"))
	}
	var z, p [2]*kernels.Tensor
	for i, v := range s.Views {
		z[i] = projector.Forward(s.Backbone.Forward(v, net.Train), net.Train)
		p[i] = predictor.Forward(z[i], net.Train)
	}
	s.Observe(z[0], nil)
	return symmetricNegativeCosine(p, z)
}

// symmetricNegativeCosine returns the mean of −cos over both directions of predictions p and targets z, through which no gradient flows.
func symmetricNegativeCosine(p, z [2]*kernels.Tensor) *kernels.Tensor {
	a, b := kernels.NegativeCosine(p[0], kernels.StopGrad(z[1])), kernels.NegativeCosine(p[1], kernels.StopGrad(z[0]))
	return kernels.Scale(kernels.Add(a, b), 0.5)
}

// widths returns those of an MLP of this number of layers with equal hidden widths.
func widths(in, hidden, out, layers int) []int {
	return append(append([]int{in}, slices.Repeat([]int{hidden}, layers-1)...), out)
}
