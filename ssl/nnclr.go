package ssl

import (
	"cmp"
	"fmt"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/views"
)

// NNCLR contrasts the prediction from each view with the nearest neighbor, in a queue Q of earlier embeddings, of the other view (Dwibedi et al. 2021,
// arXiv:2104.14548, eq. 2 to 4):
//
//	loss = ½ Σ_{(a,b) ∈ {(1,2),(2,1)}} mean_n −log softmax_j(NN(z_a[n])·p_b[j]/τ)[n],    z = g(f(v)), p = q(z), rows normalized
//	NN(z) = the row of Q with the greatest dot product, a constant; the gradient reaches f and g through p alone
//
// The queue starts as random unit vectors. After the step, z₁ of the whole batch replaces its oldest rows. The projector g has three layers, each followed
// by a batch norm; the predictor q has two. lightly's loss (NT-Xent of NN and p) has other pairs too and is not the same.
//
// --accumulate contrasts the whole batch, by a gradient cache. The backbone f is exported.
type NNCLR struct {
	Temperature     float64 `flag:"temperature" help:"temperature τ of the loss (paper: 0.1; solo-learn: 0.2)" want:"above 0"`
	Queue           int     `flag:"queue" help:"number of embeddings in the queue, at least those of a step (paper: 98304)" want:"at least 1"`
	Hidden          int     `flag:"projector-hidden" help:"hidden width of the projector; 0: the backbone's (paper: 2048 after 2048)" want:"at least 0"`
	Out             int     `flag:"embedding" help:"width of the embedding (paper: 256)" want:"at least 1"`
	PredictorHidden int     `flag:"predictor-hidden" help:"hidden width of the predictor; 0: twice the projector's (paper: 4096)" want:"at least 0"`
}

var (
	_ Method      = (*NNCLR)(nil)
	_ Contrastive = (*NNCLR)(nil)
)

func init() {
	Register("nnclr", "Dwibedi et al. 2021, arXiv:2104.14548: contrast predictions with the nearest neighbor of the other view in a queue",
		&NNCLR{Temperature: 0.1, Queue: 1024, Out: 64})
}

// Views returns the preset "simclr": two views with the same augmentations.
func (m *NNCLR) Views(in views.Input) ([]views.Spec, error) { return views.Preset("simclr", in) }

// Defaults sets the paper's width of the embedding and temperature, and the length of the queue by the number of images. A short run has a narrower embedding,
// and the temperature of solo-learn.
func (m *NNCLR) Defaults(s Scale) Settings {
	m.Out, m.Queue, m.Temperature = 256, queueFor(s), 0.1
	o := usual("adamw", s)
	if s.Shown() < ShortRun {
		m.Out, m.Temperature = max(1, s.Dim/2), 0.2
		return o.short(s)
	}
	return o
}

// Loss returns the mean of the losses in both directions.
func (m *NNCLR) Loss(s *Step) *kernels.Tensor { return m.Contrast(s, m.Embed(s)) }

// Embed returns the predictions from the first and from the second views, and then their embeddings z.
func (m *NNCLR) Embed(s *Step) *kernels.Tensor {
	requireViews("nnclr", s, 2)
	if !(m.Temperature > 0) {
		panic(&kernels.BuildError{Op: "nnclr", Msg: fmt.Sprintf("temperature %g: want it above 0", m.Temperature)})
	}
	dim := s.Backbone.Dim()
	hidden := cmp.Or(m.Hidden, dim)
	projector := s.Heads.NormMLP("projector", net.ScaledNorm, widths(dim, hidden, m.Out, 3)...)
	predictor := s.Heads.Projector("predictor", m.Out, cmp.Or(m.PredictorHidden, 2*hidden), m.Out)
	var z, p [2]*kernels.Tensor
	for i, v := range s.Views {
		z[i] = projector.Forward(s.Backbone.Forward(v, net.Train), net.Train)
		p[i] = predictor.Forward(z[i], net.Train)
	}
	s.ObservePairs(kernels.Concat(z[0], z[1]))
	return kernels.Concat(p[0], p[1], z[0], z[1])
}

// Contrast returns the loss of the predictions and embeddings that Embed returns, and pushes the embeddings of the first views after the step.
func (m *NNCLR) Contrast(s *Step, z *kernels.Tensor) *kernels.Tensor {
	x := fourNormalized(z)
	queue := s.Queue("queue", m.Queue, z.Width())
	neighbors := func(z *kernels.Tensor) *kernels.Tensor {
		return kernels.StopGrad(kernels.NearestRows(z, queue.Value(s.Graph)))
	}
	s.Requests.Candidates = z.Dim(0) / 4
	loss := kernels.Add(inBatch(neighbors(x[2]), x[1], m.Temperature), inBatch(neighbors(x[3]), x[0], m.Temperature))
	s.Push(queue, kernels.StopGrad(x[2]))
	return kernels.Scale(loss, 0.5)
}
