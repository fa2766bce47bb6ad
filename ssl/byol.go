package ssl

import (
	"cmp"
	"fmt"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/views"
)

// BYOL predicts, from one view of an image, the projection of the other view by a target network, which is a moving average of the online network (Grill
// et al. 2020, arXiv:2006.07733):
//
//	loss = Σ_{(a,b) ∈ {(1,2),(2,1)}} mean_n (2 − 2 cos(q(g(f(v_a))), sg(g'(f'(v_b)))))    (equation 2, both directions summed)
//	θ' ← m·θ' + (1 − m)·θ after every step, m = 1 − (1 − m₀)·(cos(πk/K) + 1)/2
//
// Ports that train with ½ Σ −cos, such as lightly's small benchmarks, have a quarter of the gradient: with SGD the same training needs a quarter of their
// learning rate and four times their weight decay here.
//
// f is the backbone, g the projector, q the predictor; f' and g' are momentum encoders, whose batch norms use their own batch statistics. Each view goes
// through the network separately: one batch-norm population per view, as in the authors' code (deepmind-research, byol/byol_experiment.py). The backbone f is
// exported.
//
// NoPredictor makes q the identity; with a Momentum of 0 there is no momentum encoder, f' = f and g' = g. Both exist for comparison: in the paper
// both collapse (table 5), and SimSiam omits the momentum encoder (Chen and He 2021, arXiv:2011.10566).
type BYOL struct {
	Momentum        float64 `flag:"momentum" help:"momentum m₀ of the target network, which rises to 1 along a cosine (paper: 0.996 for 1000 epochs, 0.99 for 100); 0: no momentum encoder, the target is the online network without gradient" want:"0 or above 0.5, at most 1"`
	Hidden          int     `flag:"projector-hidden" help:"hidden width of the projector; 0: twice the backbone's (paper: 4096 after 2048)" want:"at least 0"`
	Out             int     `flag:"embedding" help:"width of the embedding (paper: 256)" want:"at least 1"`
	NoPredictor     bool    `flag:"no-predictor" help:"omit the predictor (the paper shows that this collapses)"`
	PredictorHidden int     `flag:"predictor-hidden" help:"hidden width of the predictor; 0: the projector's (paper: 4096)" want:"at least 0"`
}

var _ Method = (*BYOL)(nil)

func init() {
	Register("byol", "Grill et al. 2020, arXiv:2006.07733: predict the other view's projection by a momentum encoder", &BYOL{Momentum: 0.99, Out: 64})
}

// Views returns the preset "byol": two views with different augmentations.
func (m *BYOL) Views(in views.Input) ([]views.Spec, error) { return views.Preset("byol", in) }

// Defaults sets the paper's width of the embedding, and the momentum by the length of the run: the paper's 0.99 for 100 epochs and 0.996 for 1000. In
// fewer than 2000 steps such a target hardly moves, and the network learns little from it. A short run gets a higher rate, a narrower embedding and larger
// crops.
func (m *BYOL) Defaults(s Scale) Settings {
	m.Out, m.Momentum = 256, momentumFor(s)
	o := usual("adamw", s)
	if s.Shown() < ShortRun {
		m.Out = max(1, s.Dim/2)
		return o.short(s)
	}
	return o
}

// momentumFor returns the momentum at the start of a momentum encoder whose momentum then rises to 1.
func momentumFor(s Scale) float64 {
	switch {
	case s.Steps() < 2000:
		return 0.9
	case s.Epochs >= 1000:
		return 0.996
	}
	return 0.99
}

// Loss returns the sum of the losses in both directions.
func (m *BYOL) Loss(s *Step) *kernels.Tensor {
	requireViews("byol", s, 2)
	if m.Momentum != 0 && !(m.Momentum > 0.5 && m.Momentum <= 1) {
		panic(&kernels.BuildError{Op: "byol", Msg: fmt.Sprintf("momentum %g: want it above 0.5, at most 1, or 0 for no momentum encoder", m.Momentum)})
	}
	dim := s.Backbone.Dim()
	hidden := cmp.Or(m.Hidden, 2*dim)
	projector := s.Heads.Projector("projector", dim, hidden, m.Out)
	var z, prediction, target [2]*kernels.Tensor
	for i, v := range s.Views {
		z[i] = projector.Forward(s.Backbone.Forward(v, net.Train), net.Train)
		prediction[i], target[i] = z[i], kernels.StopGrad(z[i])
	}
	s.Observe(z[1], nil)
	if !m.NoPredictor {
		predictor := s.Heads.Projector("predictor", m.Out, cmp.Or(m.PredictorHidden, hidden), m.Out)
		for i := range z {
			prediction[i] = predictor.Forward(z[i], net.Train)
		}
	}
	if m.Momentum > 0 {
		schedule := net.Cosine{From: m.Momentum, To: 1}
		targetBackbone, targetProjector := s.Momentum(s.Backbone, schedule), s.Momentum(projector, schedule)
		for i, v := range s.Views {
			target[i] = targetProjector.Forward(targetBackbone.Forward(v, net.Train), net.Train)
		}
	}
	return symmetricLoss(prediction, target)
}

// symmetricLoss returns the sum of 2 − 2cos over both directions of predictions p and targets z, which are constants.
func symmetricLoss(p, z [2]*kernels.Tensor) *kernels.Tensor {
	return kernels.Add(kernels.CosineLoss(p[0], z[1]), kernels.CosineLoss(p[1], z[0]))
}
