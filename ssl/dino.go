package ssl

import (
	"cmp"
	"fmt"
	"slices"

	"marr/kernels"
	"marr/net"
	"marr/ssl/views"
)

// DINO distils a network from its own moving average (Caron et al. 2021, arXiv:2104.14294): the student, on every view, has to give the
// probabilities over prototypes that the teacher gives to the two global views, centred and sharpened:
//
//	loss = mean over pairs (teacher view i, student view j ≠ i) of mean_n −Σ_k P_i log softmax(s_j/τ_s), P_i = softmax((t_i − c)/τ_t)
//	c ← m_c·c + (1 − m_c)·mean(t_1, t_2) after the step: the loss has the centre of the step before
//
// Global views go through a network as one batch-norm population, local ones as another (facebookresearch/dino, utils.py, MultiCropWrapper). The
// teacher is the product.
type DINO struct {
	Prototypes int     `flag:"prototypes" help:"classes that are made up (paper: 65536; few images want few: 1024 below 20,000)" want:"at least 2"`
	Hidden     int     `flag:"head-hidden" help:"hidden width of the head; 0: four times the backbone's (paper: 2048 behind 384)" want:"at least 0"`
	Normed     bool    `flag:"norm-in-head" help:"batch norm, or what --head-bn says, before each GELU of the head (paper: not; with a ResNet and few steps far better)"`
	Bottleneck int     `flag:"bottleneck" help:"width before the prototypes (paper: 256)" want:"at least 1"`
	Student    float64 `flag:"student-temperature" help:"τ_s (paper: 0.1)" want:"above 0"`
	Sharp      float64 `flag:"teacher-temperature" help:"τ_t, below τ_s: it sharpens (paper: 0.07 in the end)" want:"above 0"`
	Start      float64 `flag:"teacher-temperature-start" help:"what τ_t rises from, along a line (paper: 0.04)" want:"above 0"`
	Warmup     float64 `flag:"teacher-temperature-warmup" help:"share of the steps in which it rises; 0: τ_t is constant (paper: 30 epochs of 100 to 800)" want:"at least 0, at most 1"`
	Momentum   float64 `flag:"momentum" help:"of the teacher, which rises to 1 along a cosine (paper: 0.996; 0.99 for few images)" want:"above 0.5, at most 1"`
	Freeze     float64 `flag:"freeze-last" help:"share of the steps in which the prototypes stay as they began (paper: the first epoch of 100)" want:"at least 0, below 1"`
	Center     float64 `flag:"center-momentum" help:"m_c (paper: 0.9)" want:"at least 0, at most 1"`
}

var _ Method = (*DINO)(nil)

func init() {
	Register("dino", "Caron et al. 2021, arXiv:2104.14294: be as sure as a slowly moving copy of the network is of another view",
		&DINO{Prototypes: 256, Bottleneck: 64, Student: 0.1, Sharp: 0.04, Start: 0.04, Momentum: 0.99, Freeze: 0.05, Center: 0.9})
}

// Views are the preset "dino": two global views and six local ones.
func (m *DINO) Views(in views.Input) ([]views.Spec, error) { return views.Preset("dino", in) }

// Loss is the cross entropy between teacher and student, over all pairs of different views.
func (m *DINO) Loss(s *Step) *kernels.Tensor {
	m.check(s)
	norm := ""
	if m.Normed {
		norm = s.Norm
	}
	head := net.NewDINOHead(s.Store, norm, "head", s.Dim, cmp.Or(m.Hidden, 4*s.Dim), m.Bottleneck, m.Prototypes, s.Gate("last_layer", net.Late(m.Freeze)), s.Seed)
	schedule := net.Cosine{From: m.Momentum, To: 1}
	teacher, teacherHead := s.Momentum(s.Backbone, schedule), s.Momentum(head, schedule)
	s.Teacher()

	features := func(backbone net.Module, views []*kernels.Tensor) *kernels.Tensor {
		return backbone.Forward(kernels.Concat(views...), net.Train)
	}
	each := func(all *kernels.Tensor) (parts []*kernels.Tensor) {
		for at := 0; at < all.Dim(0); at += s.N {
			parts = append(parts, kernels.Slice(all, at, at+s.N))
		}
		return parts
	}
	h := features(s.Backbone, s.Views[:2])
	students := each(head.Forward(h, net.Train))
	if len(s.Views) > 2 {
		students = append(students, each(head.Forward(features(s.Backbone, s.Views[2:]), net.Train))...)
	}
	loss, target := m.distil(s, students, teacherHead.Forward(features(teacher, s.Views[:2]), net.Train))
	s.Observe(kernels.Slice(h, 0, s.N), target)
	return loss
}

// distil is the loss [1] of the students' logits [N K], two global views first, against the teacher's [2N K], and the probabilities [2N K] of the latter.
func (m *DINO) distil(s *Step, students []*kernels.Tensor, raw *kernels.Tensor) (loss, target *kernels.Tensor) {
	center := s.Store.State("center", 0, m.Prototypes)
	target = kernels.CenteredSoftmax(raw, center, s.Scalar("teacher_temperature", net.Ramp{From: m.Start, To: m.Sharp, Share: m.Warmup}))
	means := kernels.Collect(kernels.ColumnMean(raw), 1)
	s.After(func(g *kernels.Graph) { center.Average(g, kernels.ColumnMean(means), m.Center) })
	pairs := 0
	for i := range 2 {
		of := kernels.Slice(target, i*s.N, (i+1)*s.N)
		for j, x := range students {
			if i == j {
				continue
			}
			pair := kernels.SoftCrossEntropy(x, of, m.Student)
			if pairs++; loss == nil {
				loss = pair
			} else {
				loss = kernels.Add(loss, pair)
			}
		}
	}
	return kernels.Scale(loss, 1/float64(pairs)), target
}

// check refuses what cannot learn.
func (m *DINO) check(s *Step) {
	wrong := func(format string, args ...any) {
		panic(&kernels.BuildError{Op: "dino", Msg: fmt.Sprintf(format, args...)})
	}
	alike := func(views []*kernels.Tensor) bool {
		return !slices.ContainsFunc(views, func(v *kernels.Tensor) bool { return v.Dim(0) != s.N || !slices.Equal(v.Shape(), views[0].Shape()) })
	}
	switch {
	case len(s.Views) < 2 || !alike(s.Views[:2]) || !alike(s.Views[2:]):
		wrong("%d views: want two whole global views of one size, then local ones of another: change the recipe, or the method", len(s.Views))
	case !(m.Student > 0) || !(m.Sharp > 0) || m.Warmup > 0 && !(m.Start > 0):
		wrong("temperatures %g, and %g to %g: want all above 0", m.Student, m.Start, m.Sharp)
	case !(m.Warmup >= 0 && m.Warmup <= 1) || !(m.Center >= 0 && m.Center <= 1):
		wrong("the temperature rises for %g of the steps, centre with momentum %g: want both within 0 … 1", m.Warmup, m.Center)
	case !(m.Momentum > 0.5 && m.Momentum <= 1):
		wrong("momentum %g: want it above 0.5, at most 1", m.Momentum)
	case !(m.Freeze >= 0 && m.Freeze < 1):
		wrong("the last layer frozen for %g of the steps: want a share from 0, below 1", m.Freeze)
	case m.Prototypes < 2 || m.Bottleneck < 1:
		wrong("%d prototypes behind %d: want at least 2, and a bottleneck", m.Prototypes, m.Bottleneck)
	}
}
