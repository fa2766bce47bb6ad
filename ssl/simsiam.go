package ssl

import (
	"cmp"

	"marr/kernels"
	"marr/net"
	"marr/ssl/views"
)

// SimSiam is BYOL without a momentum encoder (Chen and He 2021, arXiv:2011.10566): each view's prediction is drawn to the other's projection, which
// is held still:
//
//	loss = ½ Σ_{(a,b) ∈ {(1,2),(2,1)}} mean_n −cos(q(z_a), sg(z_b)), z = g(f(v))    (equations 1 to 4)
//
// The projector g has three layers and ends in a batch norm without scale and shift, the predictor q two. Each view goes through the network on its own.
// The predictor's learning rate stays at its peak (section 4.2; facebookresearch/simsiam, main_simsiam.py, --fix-pred-lr).
type SimSiam struct {
	Hidden  int `flag:"projector-hidden" help:"hidden width of the projector; 0: the backbone's (paper: 2048)" want:"at least 0"`
	Out     int `flag:"embedding" help:"width of the embedding (paper: 2048)" want:"at least 1"`
	Predict int `flag:"predictor-hidden" help:"hidden width of the predictor; 0: a quarter of the embedding (paper: 512)" want:"at least 0"`

	Scheduled bool `flag:"predictor-scheduled" help:"the predictor's rate follows the schedule, where the paper keeps it at the peak"`
}

var _ Method = (*SimSiam)(nil)

func init() {
	Register("simsiam", "Chen and He 2021, arXiv:2011.10566: predict one view's embedding from the other's, held still", &SimSiam{Out: 128})
}

// Views are the preset "simsiam": two of one recipe.
func (m *SimSiam) Views(in views.Input) ([]views.Spec, error) { return views.Preset("simsiam", in) }

// Loss is the mean of both directions.
func (m *SimSiam) Loss(s *Step) *kernels.Tensor {
	wantViews("simsiam", s, 2)
	hidden, predict := cmp.Or(m.Hidden, s.Dim), cmp.Or(m.Predict, max(4, m.Out/4))
	projector := net.NewDeepProjector(s.Store, s.Norm, "projector", s.Dim, hidden, m.Out, s.Seed)
	predictor := net.NewProjector(s.Store, s.Norm, "predictor", m.Out, predict, m.Out, s.Seed)
	if !m.Scheduled {
		predictor.Gate(s.Steady("predictor_rate"))
	}
	var z, p [2]*kernels.Tensor
	for i, v := range s.Views {
		z[i] = projector.Forward(s.Backbone.Forward(v, net.Train), net.Train)
		p[i] = predictor.Forward(z[i], net.Train)
	}
	s.Observe(z[0], nil)
	return negativeBothWays(p, z)
}

// negativeBothWays is the mean of both directions of predictions p and targets z, which are held still.
func negativeBothWays(p, z [2]*kernels.Tensor) *kernels.Tensor {
	a, b := kernels.NegativeCosine(p[0], kernels.StopGrad(z[1])), kernels.NegativeCosine(p[1], kernels.StopGrad(z[0]))
	return kernels.Scale(kernels.Add(a, b), 0.5)
}
