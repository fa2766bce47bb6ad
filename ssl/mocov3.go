package ssl

import (
	"cmp"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/views"
)

// MoCoV3 contrasts the prediction from each view with the keys that a momentum encoder gives to the other views of the batch (Chen, Xie and He 2021,
// arXiv:2104.02057, algorithm 1; facebookresearch/moco-v3, moco/builder.py):
//
//	loss = Σ_{(a,b) ∈ {(1,2),(2,1)}} 2τ·mean_n −log softmax_j(q_a[n]·k_b[j]/τ)[n],    q = p(g(f(v))), k = g'(f'(v)), rows normalized
//	θ' ← m·θ' + (1 − m)·θ after every step, m = 1 − (1 − m₀)·(cos(πk/K) + 1)/2
//
// There is no queue: the negatives are the other images of the batch. The source updates θ' before the keys are computed, which is the same but for
// the first step, where it changes nothing, and for the step whose m is used. Each view goes through the network separately. No layer of the heads has a
// bias. The defaults are the source's for a ResNet: a projector of two layers, a predictor without a norm after its last one. For a vision transformer it has
// a projector of three layers and PredictorNorm.
//
// --accumulate contrasts the whole batch, by a gradient cache. The backbone f is exported.
type MoCoV3 struct {
	Temperature     float64 `flag:"temperature" help:"temperature τ of the loss (paper: 0.2; the authors' code for ResNet-50: 1)" want:"above 0"`
	Momentum        float64 `flag:"momentum" help:"momentum m₀ of the key encoder, which rises to 1 along a cosine (paper: 0.99; 0.996 for 1000 epochs)" want:"above 0.5, at most 1"`
	Hidden          int     `flag:"projector-hidden" help:"hidden width of the projector; 0: twice the backbone's (paper: 4096 after 2048)" want:"at least 0"`
	Out             int     `flag:"embedding" help:"width of the embedding (paper: 256)" want:"at least 1"`
	Layers          int     `flag:"projector-layers" help:"number of layers of the projector (paper: 2 for a ResNet, 3 for a vision transformer)" want:"at least 2, at most 3"`
	PredictorHidden int     `flag:"predictor-hidden" help:"hidden width of the predictor; 0: the projector's (paper: 4096)" want:"at least 0"`
	PredictorNorm   bool    `flag:"predictor-norm" help:"put a batch norm without scale and shift after the last layer of the predictor (paper: no for a ResNet, yes for a vision transformer)"`
}

var (
	_ Method      = (*MoCoV3)(nil)
	_ Contrastive = (*MoCoV3)(nil)
)

func init() {
	Register("mocov3", "Chen, Xie and He 2021, arXiv:2104.02057: contrast predictions with the keys of a momentum encoder in the batch",
		&MoCoV3{Temperature: 0.2, Momentum: 0.99, Out: 64, Layers: 2})
}

// Views returns the preset "moco-v3": two views with different augmentations.
func (m *MoCoV3) Views(in views.Input) ([]views.Spec, error) { return views.Preset("moco-v3", in) }

// Defaults sets the paper's width of the embedding, and the momentum as for BYOL. A vision transformer gets the heads and the decay, and in a long run also the
// rate, the crops and the frozen projection of the patches, that the source has for it.
func (m *MoCoV3) Defaults(s Scale) Settings {
	m.Out, m.Momentum = 256, momentumFor(s)
	o := usual("adamw", s)
	if s.Transformer {
		m.Layers, m.PredictorNorm, m.Hidden, o.Decay = 3, true, min(4096, 8*s.Dim), 0.1
	}
	switch short := s.Shown() < ShortRun; {
	case short && s.Transformer:
		return o.short(s)
	case short:
		m.Out = max(1, s.Dim/2)
		return o.short(s)
	case s.Transformer:
		o.LR, o.Backbone = 0.3*o.LR, map[string]any{"freeze-patches": true}
		o.Views = "[all]\nrandom_resized_crop = { scale = [0.08, 1.0] }\n"
	}
	return o
}

// Loss returns the sum of the losses in both directions.
func (m *MoCoV3) Loss(s *Step) *kernels.Tensor { return m.Contrast(s, m.Embed(s)) }

// Embed returns the queries of the first and of the second views, and then their keys.
func (m *MoCoV3) Embed(s *Step) *kernels.Tensor {
	requireViews("mocov3", s, 2)
	requireContrast("mocov3", m.Temperature, m.Momentum)
	dim := s.Backbone.Dim()
	hidden, last := cmp.Or(m.Hidden, 2*dim), net.NoNorm
	if m.PredictorNorm {
		last = net.PlainNorm
	}
	projector := s.Heads.NormMLP("projector", net.PlainNorm, widths(dim, hidden, m.Out, m.Layers)...)
	predictor := s.Heads.NormMLP("predictor", last, m.Out, cmp.Or(m.PredictorHidden, hidden), m.Out)
	schedule := net.Cosine{From: m.Momentum, To: 1}
	keyBackbone, keyProjector := s.Momentum(s.Backbone, schedule), s.Momentum(projector, schedule)
	var z, q, k [2]*kernels.Tensor
	for i, v := range s.Views {
		z[i] = projector.Forward(s.Backbone.Forward(v, net.Train), net.Train)
		q[i] = predictor.Forward(z[i], net.Train)
	}
	for i, v := range s.Views {
		k[i] = keyProjector.Forward(keyBackbone.Forward(v, net.Train), net.Train)
	}
	s.ObservePairs(kernels.Concat(z[0], z[1]))
	return kernels.Concat(q[0], q[1], k[0], k[1])
}

// Contrast returns the loss of the queries and keys that Embed returns.
func (m *MoCoV3) Contrast(s *Step, z *kernels.Tensor) *kernels.Tensor {
	x := fourNormalized(z)
	loss := kernels.Add(inBatch(x[0], kernels.StopGrad(x[3]), m.Temperature), inBatch(x[1], kernels.StopGrad(x[2]), m.Temperature))
	return kernels.Scale(loss, 2*m.Temperature)
}

// fourNormalized returns the four blocks of rows of x [4N D], normalized.
func fourNormalized(x *kernels.Tensor) (parts [4]*kernels.Tensor) {
	for i := range parts {
		n := x.Dim(0) / 4
		parts[i] = kernels.L2Normalize(kernels.Slice(x, i*n, (i+1)*n))
	}
	return parts
}
