package ssl

import (
	"cmp"
	"fmt"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/views"
)

// MoCoV2 contrasts a view of an image, encoded as a query q, with the key k⁺ that a momentum encoder gives to the other view, and with a queue Q of the keys
// of earlier batches (He et al. 2019, arXiv:1911.05722, eq. 1; Chen et al. 2020, arXiv:2003.04297):
//
//	loss = mean_n −log e^{q·k⁺/τ} / (e^{q·k⁺/τ} + Σ_{k ∈ Q} e^{q·k/τ}),    q = g(f(v₁)), k⁺ = g'(f'(v₂)), rows normalized
//	θ' ← m·θ' + (1 − m)·θ after every step, with a constant m
//
// The queue starts as random unit vectors. After the step, the keys of the whole batch replace its oldest ones, also with --accumulate. The source updates
// θ' before the keys are computed, which is the same but for the first step, where it changes nothing. g is Linear, ReLU, Linear.
//
// Symmetric adds the loss with the views exchanged, and then pushes both keys, as the authors' CIFAR demo (facebookresearch/moco, moco_cifar10_demo.ipynb):
// the sum, which doubles the gradient.
//
// A network with batch norm can recognize the positive by the statistics of its batch. To prevent that, the source shuffles the keys between devices, and
// its demo splits batch norm into groups; here --norm and --head-norm choose a norm that does not depend on the batch.
type MoCoV2 struct {
	Temperature float64 `flag:"temperature" help:"temperature τ of the loss (paper: 0.2; 0.1 for CIFAR-10)" want:"above 0"`
	Momentum    float64 `flag:"momentum" help:"momentum m of the key encoder, which is constant (paper: 0.999; 0.99 for CIFAR-10)" want:"above 0.5, at most 1"`
	Queue       int     `flag:"queue" help:"number of keys in the queue, at least those of a step (paper: 65536; 4096 for CIFAR-10)" want:"at least 1"`
	Hidden      int     `flag:"projector-hidden" help:"hidden width of the projector; 0: the backbone's (paper: the backbone's)" want:"at least 0"`
	Out         int     `flag:"embedding" help:"width of the embedding (paper: 128)" want:"at least 1"`
	Symmetric   bool    `flag:"symmetric" help:"add the loss with the views exchanged (paper: no; better for CIFAR-10)"`
}

var _ Method = (*MoCoV2)(nil)

func init() {
	Register("mocov2", "Chen et al. 2020, arXiv:2003.04297: contrast a view with the other one and with a queue of a momentum encoder's keys",
		&MoCoV2{Temperature: 0.2, Momentum: 0.99, Queue: 1024, Out: 64})
}

// Views returns the preset "moco-v2": two views with the same augmentations.
func (m *MoCoV2) Views(in views.Input) ([]views.Spec, error) { return views.Preset("moco-v2", in) }

// Defaults sets the paper's width of the embedding and optimizer, the length of the queue by the number of images, and the momentum by that of steps: 0.99 as
// for CIFAR-10, and the paper's 0.999 for runs as long as its own. Small images get the temperature of CIFAR-10. A short run has both directions, AdamW, a
// narrower embedding and keys that follow faster.
func (m *MoCoV2) Defaults(s Scale) Settings {
	m.Out, m.Queue, m.Momentum, m.Temperature, m.Symmetric = 128, queueFor(s), 0.99, 0.2, false
	if s.Shown() < ShortRun {
		m.Out, m.Momentum, m.Symmetric = max(1, s.Dim/2), 0.9, true
		return usual("adamw", s).short(s)
	}
	if s.Steps() >= 200_000 {
		m.Momentum = 0.999
	}
	if s.Size <= 64 {
		m.Temperature = 0.1
	}
	return preferred("sgd", s)
}

// Loss returns the loss of the first views, or with Symmetric the sum of both directions.
func (m *MoCoV2) Loss(s *Step) *kernels.Tensor {
	requireViews("mocov2", s, 2)
	requireContrast("mocov2", m.Temperature, m.Momentum)
	dim := s.Backbone.Dim()
	projector := s.Heads.MLP("projector", dim, cmp.Or(m.Hidden, dim), m.Out)
	schedule := net.Constant(m.Momentum)
	keyBackbone, keyProjector := s.Momentum(s.Backbone, schedule), s.Momentum(projector, schedule)
	query := func(v int) *kernels.Tensor {
		return projector.Forward(s.Backbone.Forward(s.Views[v], net.Train), net.Train)
	}
	key := func(v int) *kernels.Tensor {
		return keyProjector.Forward(keyBackbone.Forward(s.Views[v], net.Train), net.Train)
	}
	if !m.Symmetric {
		q := query(0)
		s.Observe(q, nil)
		s.Requests.Candidates = 1 + m.Queue
		return m.contrast(s, []*kernels.Tensor{q}, []*kernels.Tensor{key(1)})
	}
	q := []*kernels.Tensor{query(0), query(1)}
	s.ObservePairs(kernels.Concat(q...))
	return m.contrast(s, q, []*kernels.Tensor{key(1), key(0)})
}

// contrast returns the sum of the losses of queries and keys [N D], and pushes the keys after the step.
func (m *MoCoV2) contrast(s *Step, q, k []*kernels.Tensor) *kernels.Tensor {
	queue := s.Queue("queue", m.Queue, q[0].Width())
	var loss *kernels.Tensor
	for i := range q {
		k[i] = kernels.StopGrad(kernels.L2Normalize(k[i]))
		similarities := kernels.MatMul(kernels.Scale(kernels.L2Normalize(q[i]), 1/m.Temperature), kernels.Concat(k[i], queue.Value(s.Graph)), false, true)
		if x := kernels.InfoNCE(similarities, true); i == 0 {
			loss = x
		} else {
			loss = kernels.Add(loss, x)
		}
	}
	s.Push(queue, kernels.Concat(k...))
	return loss
}

// requireContrast panics on a temperature or a momentum that cannot work.
func requireContrast(method string, temperature, momentum float64) {
	if !(temperature > 0) || !(momentum > 0.5 && momentum <= 1) {
		panic(&kernels.BuildError{Op: method, Msg: fmt.Sprintf("temperature %g, momentum %g: want the first above 0, the other above 0.5, at most 1", temperature, momentum)})
	}
}
