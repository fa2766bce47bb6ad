package ssl

import (
	"cmp"
	"fmt"

	"marr/kernels"
	"marr/net"
	"marr/ssl/views"
)

// BYOL predicts, from one view of an image, what a slowly moving copy of the network makes of the other (Grill et al. 2020, arXiv:2006.07733):
//
//	loss = Σ_{(a,b) ∈ {(1,2),(2,1)}} mean_n (2 − 2 cos(q(g(f(v_a))), sg(g'(f'(v_b)))))    (equation 2, both directions summed)
//	θ' ← m·θ' + (1 − m)·θ after every step, m = 1 − (1 − m₀)·(cos(πk/K) + 1)/2
//
// f backbone, g projector, q predictor, f' and g' momentum encoders, whose batch norms see their own batches. Each view goes through the network on
// its own: a batch-norm population a view, as in the authors' code (deepmind-research, byol/byol_experiment.py). The backbone f is the product.
//
// Without a predictor q is the identity; with a momentum of 0 there is no momentum encoder, f' = f and g' = g. Both are there to be compared: the paper
// has both collapse (table 5), SimSiam does without the momentum encoder (Chen and He 2021, arXiv:2011.10566).
type BYOL struct {
	Momentum float64 `flag:"momentum" help:"m₀ of the target network, which rises to 1 along a cosine (paper: 0.996 for 1000 epochs, 0.99 for 100); 0: the network itself, held still" want:"0 or above 0.5, at most 1"`
	Hidden   int     `flag:"projector-hidden" help:"hidden width of the projector; 0: twice the backbone's (paper: 4096 behind 2048)" want:"at least 0"`
	Out      int     `flag:"embedding" help:"width of the embedding (paper: 256)" want:"at least 1"`
	Direct   bool    `flag:"no-predictor" help:"compare the projections themselves (paper: collapses)"`
	Predict  int     `flag:"predictor-hidden" help:"hidden width of the predictor; 0: the projector's (paper: 4096)" want:"at least 0"`
}

var _ Method = (*BYOL)(nil)

func init() {
	Register("byol", "Grill et al. 2020, arXiv:2006.07733: predict what a slowly moving copy of the network makes of the other view", &BYOL{Momentum: 0.99, Out: 64})
}

// Views are the preset "byol": two views of different recipes.
func (m *BYOL) Views(in views.Input) ([]views.Spec, error) { return views.Preset("byol", in) }

// Loss is the sum of both directions.
func (m *BYOL) Loss(s *Step) *kernels.Tensor {
	wantViews("byol", s, 2)
	if m.Momentum != 0 && !(m.Momentum > 0.5 && m.Momentum <= 1) {
		panic(&kernels.BuildError{Op: "byol", Msg: fmt.Sprintf("momentum %g: below ½ the target is no target: want it above 0.5, at most 1, or 0 for no momentum encoder", m.Momentum)})
	}
	hidden := cmp.Or(m.Hidden, 2*s.Dim)
	projector := net.NewProjector(s.Store, s.Norm, "projector", s.Dim, hidden, m.Out, s.Seed)
	var z, online, fixed [2]*kernels.Tensor
	for i, v := range s.Views {
		z[i] = projector.Forward(s.Backbone.Forward(v, net.Train), net.Train)
		s.Observe(z[i], nil)
		online[i], fixed[i] = z[i], kernels.StopGrad(z[i])
	}
	if !m.Direct {
		predictor := net.NewProjector(s.Store, s.Norm, "predictor", m.Out, cmp.Or(m.Predict, hidden), m.Out, s.Seed)
		for i := range z {
			online[i] = predictor.Forward(z[i], net.Train)
		}
	}
	if m.Momentum > 0 {
		schedule := net.Cosine{From: m.Momentum, To: 1}
		target, targetProjector := s.Momentum(s.Backbone, schedule), s.Momentum(projector, schedule)
		for i, v := range s.Views {
			fixed[i] = targetProjector.Forward(target.Forward(v, net.Train), net.Train)
		}
	}
	return bothWays(online, fixed)
}

// bothWays is the sum of both directions of predictions p and targets z, which are constants.
func bothWays(p, z [2]*kernels.Tensor) *kernels.Tensor {
	return kernels.Add(kernels.CosineLoss(p[0], z[1]), kernels.CosineLoss(p[1], z[0]))
}
