package ssl

import (
	"cmp"
	"fmt"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/views"
)

// SwAV assigns the two global views of a batch to prototypes, evenly, and predicts the assignment of a view from each other view (Caron et al. 2020,
// arXiv:2006.09882, eq. 1 to 5; facebookresearch/swav, main_swav.py):
//
//	loss = mean over code views i ∈ {1, 2} and views j ≠ i of mean_n −Σ_k Q_i[n k] log softmax(s_j/τ)[n k]
//	s = z·Cᵀ, z and the rows of C normalized,    Q_i = Sinkhorn(s_i, ε) (three iterations; a constant)
//
// Views of one size go through the backbone as one batch-norm population, all of them through the head as one.
//
// The source normalizes the prototypes in place before each forward pass. Here the forward pass normalizes them, as weight norm does and solo-learn, so that
// only the optimizer changes parameters. The scores are the same. The gradient lacks its part along each prototype, whose effect the source's
// normalization removes. It is divided by the length of the prototype, which the optimizer may change.
//
// With a Queue, Q_i also assigns the embeddings z_i of earlier batches, by the current prototypes, which helps if a batch has fewer images than there are
// prototypes. It counts from the fraction QueueStart of the steps on, once it is full. After the step, z_i of the whole batch replaces its oldest rows. The source
// begins to fill the queue at that time. In a batch of several parts, the whole batch is assigned (Contrastive).
type SwAV struct {
	Prototypes  int     `flag:"prototypes" help:"number of prototypes (paper: 3000)" want:"at least 2"`
	Temperature float64 `flag:"temperature" help:"temperature τ of the predictions (paper: 0.1)" want:"above 0"`
	Epsilon     float64 `flag:"epsilon" help:"smoothness ε of the assignments (paper: 0.05; 0.03 if the loss stays at the logarithm of the number of prototypes)" want:"above 0"`
	Hidden      int     `flag:"projector-hidden" help:"hidden width of the projector; 0: the backbone's (paper: 2048 after 2048)" want:"at least 0"`
	Out         int     `flag:"embedding" help:"width of the embedding (paper: 128)" want:"at least 1"`
	Queue       int     `flag:"queue" help:"number of earlier embeddings of each global view that are assigned too, at least those of a step; 0: none (paper: 3840 for batches of 256)" want:"at least 0"`
	QueueStart  float64 `flag:"queue-start" help:"fraction of the steps after which the queue is used (paper: epoch 15 of 200)" want:"at least 0, below 1"`
	Freeze      float64 `flag:"freeze-prototypes" help:"fraction of the steps, from the start, in which the prototypes are frozen (paper: the first epoch of 100 to 800)" want:"at least 0, below 1"`
}

var (
	_ Method      = (*SwAV)(nil)
	_ Contrastive = (*SwAV)(nil)
)

func init() {
	Register("swav", "Caron et al. 2020, arXiv:2006.09882: predict from each view to which prototypes another view is evenly assigned",
		&SwAV{Prototypes: 256, Temperature: 0.1, Epsilon: 0.05, Out: 64, QueueStart: 0.075, Freeze: 0.01})
}

// Views returns the preset "swav": two global views and six local ones.
func (m *SwAV) Views(in views.Input) ([]views.Spec, error) { return views.Preset("swav", in) }

// Defaults sets the paper's width of the embedding, and the number of prototypes by that of images, up to the paper's 3000. It sets no queue: with multi-crop
// views, lightly measures 86 % on Imagenette without one and 83 % with it (lightly-ai/lightly, imagenette_benchmark.py). A short run has two large views, a narrower
// embedding and fewer prototypes.
func (m *SwAV) Defaults(s Scale) Settings {
	m.Out, m.Prototypes, m.Queue = 128, min(PrototypesFor(s.Images), 3000), 0
	o := usual("adamw", s)
	if s.Shown() < ShortRun {
		m.Out, m.Prototypes = max(1, s.Dim/2), min(256, m.Prototypes)
		o = o.short(s)
		o.Views = "from = \"simclr\"\n\n" + o.Views
	}
	return o
}

// Loss returns the cross entropy between assignments and predictions, the mean over all pairs of different views.
func (m *SwAV) Loss(s *Step) *kernels.Tensor { return m.Contrast(s, m.Embed(s)) }

// Embed returns z of all views.
func (m *SwAV) Embed(s *Step) *kernels.Tensor {
	m.check(s)
	dim := s.Backbone.Dim()
	projector := s.Heads.Projector("projector", dim, cmp.Or(m.Hidden, dim), m.Out)
	h := multiCrop(s.Backbone, s.Views)
	s.Observe(kernels.Slice(h, 0, s.N), nil)
	return kernels.L2Normalize(projector.Forward(h, net.Train))
}

// Contrast returns the loss of z.
func (m *SwAV) Contrast(s *Step, z *kernels.Tensor) *kernels.Tensor {
	const name = "prototypes.weight"
	prototypes := s.Heads.Param(name, func(v []float32) { net.LinearUniform(v, m.Out, s.Heads.Source(name)) }, m.Prototypes, m.Out)
	prototypes.Gate = s.Gate("prototypes", net.FreezeUntil(m.Freeze))
	scores := perView(kernels.NormalizedLinear(z, prototypes), s.N)
	codes := m.codes(s, scores[:2], perView(z, s.N)[:2], prototypes)
	return otherViews(codes, scores, m.Temperature)
}

// codes returns the assignments of the global views, given their scores [N K] and embeddings [N D], and pushes the embeddings after the step.
func (m *SwAV) codes(s *Step, scores, z []*kernels.Tensor, prototypes *kernels.Param) (codes []*kernels.Tensor) {
	for i, x := range scores {
		var q *kernels.Tensor
		if m.Queue == 0 {
			q = kernels.Sinkhorn(x, m.Epsilon)
		} else {
			queue := s.Queue(fmt.Sprintf("queue%d", i+1), m.Queue, m.Out)
			rows := s.Push(queue, z[i])
			full := queueFull{start: m.QueueStart, steps: (m.Queue + rows - 1) / rows}
			q = kernels.SinkhornQueue(kernels.NormalizedLinear(queue.Value(s.Graph), prototypes), x, m.Epsilon, s.Scalar("queue_use", full))
		}
		codes = append(codes, kernels.StopGrad(q))
	}
	return codes
}

// queueFull is 1 once a queue is full and in use, else 0.
type queueFull struct {
	start float64 // fraction of the steps
	steps int     // that fill the queue
}

// At returns the value at a step.
func (q queueFull) At(step, total int) float64 {
	if step < q.steps || float64(step) < q.start*float64(total) {
		return 0
	}
	return 1
}

// check panics on settings and views that cannot work.
func (m *SwAV) check(s *Step) {
	requireMultiCrop("swav", s)
	if !(m.Temperature > 0) || !(m.Epsilon > 0) || m.Prototypes < 2 || !(m.QueueStart >= 0 && m.QueueStart < 1) || !(m.Freeze >= 0 && m.Freeze < 1) {
		panic(&kernels.BuildError{Op: "swav", Msg: fmt.Sprintf("temperature %g, epsilon %g, %d prototypes, queue after %g of the steps, prototypes frozen for %g of them: "+
			"want the first two above 0, at least 2 prototypes, fractions of at least 0, below 1", m.Temperature, m.Epsilon, m.Prototypes, m.QueueStart, m.Freeze)})
	}
}
