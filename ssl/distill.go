package ssl

import (
	"fmt"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/views"
)

// Distill learns from the features of a teacher, a trained network, that were computed once: the student is to find the images of a queue as
// similar to its view as the teacher does (lightly-ai/lightly-train, _methods/distillation; Beyer et al. 2021, arXiv:2106.05237):
//
//	loss = mean_n KL(p_n ‖ q_n),    p_n = softmax(Q·t_n/τ), q_n = softmax(Q·z_n/τ),    t_n: the teacher's row, z_n = W·f(v_n) + b, both normalized
//
// Q holds the teacher's rows of the batch itself, and of the images of earlier batches: after the step, the rows of the whole batch replace the oldest ones.
// Rows that were not replaced yet are random unit vectors. With --accumulate, each part of a batch is compared with its own rows and the queue. The backbone
// f is exported, without W; its features may have another width than the teacher's.
//
// The teacher saw each image once and whole, so that its features are valid for views that show most of the image: the default ones are crops of at least
// half of it, and flips. In the source, teacher and student see the same view, and mixtures of two images.
type Distill struct {
	Temperature float64 `flag:"temperature" help:"temperature τ of both distributions (lightly-train: 0.07)" want:"above 0"`
	Queue       int     `flag:"queue" help:"number of the teacher's features in the queue, at least those of a step (lightly-train: a quarter to half of the images, at most 8192)" want:"at least 1"`

	Teacher *TeacherFeatures // set before the training
}

var _ Method = (*Distill)(nil)

func init() {
	Register("distill", "lightly-train; cf. Beyer et al. 2021, arXiv:2106.05237: find images as similar as a teacher does, whose features are computed once (--teacher)",
		&Distill{Temperature: 0.07, Queue: 1024})
}

// Views returns the preset "distill": one view.
func (m *Distill) Views(in views.Input) ([]views.Spec, error) { return views.Preset("distill", in) }

// Defaults sets the length of the queue: up to 8192, and at most half of the images.
func (m *Distill) Defaults(s Scale) Settings {
	m.Queue = max(min(8192, s.Images/2)/s.Batch, 1) * s.Batch
	return usual("adamw", s)
}

// Loss returns the divergence of the student's similarities from the teacher's, and pushes the teacher's rows after the step.
func (m *Distill) Loss(s *Step) *kernels.Tensor {
	requireViews("distill", s, 1)
	if !(m.Temperature > 0) {
		panic(&kernels.BuildError{Op: "distill", Msg: fmt.Sprintf("temperature %g: want it above 0", m.Temperature)})
	}
	teacher := kernels.L2Normalize(s.TeacherRows(m.Teacher))
	h := s.Backbone.Forward(s.Views[0], net.Train)
	s.Observe(h, nil)
	queue := s.Queue("queue", m.Queue, teacher.Width())
	s.Push(queue, teacher)
	student := s.Heads.Linear("projector", s.Backbone.Dim(), teacher.Width()).Forward(h, net.Train)
	return m.divergence(teacher, kernels.L2Normalize(student), kernels.Concat(teacher, queue.Value(s.Graph)))
}

// divergence returns mean_n KL(p_n ‖ q_n) of normalized rows of teacher and student [N D], compared with the rows of queue [K D]: the cross entropy of p and
// q without the entropy of p, which is constant.
func (m *Distill) divergence(teacher, student, queue *kernels.Tensor) *kernels.Tensor {
	similarities := kernels.MatMul(teacher, queue, false, true)
	p := kernels.Softmax(similarities, m.Temperature)
	entropy := kernels.SoftCrossEntropy(similarities, p, m.Temperature)
	return kernels.AddScaled(kernels.SoftCrossEntropy(kernels.MatMul(student, queue, false, true), p, m.Temperature), entropy, -1)
}
