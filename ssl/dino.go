package ssl

import (
	"cmp"
	"fmt"
	"math"
	"strings"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/views"
)

// DINO is self-distillation without labels (Caron et al. 2021, arXiv:2104.14294). The student matches, on every view, the centered and sharpened
// distribution over prototypes that a momentum encoder, the teacher, gives to the two global views:
//
//	loss = mean over pairs (teacher view i, student view j ≠ i) of mean_n −Σ_k P_i log softmax(s_j/τ_s), P_i = softmax((t_i − c)/τ_t)
//	c ← m_c·c + (1 − m_c)·mean(t_1, t_2) after the step: the loss uses the center from the previous step
//
// Global views go through the backbone as one batch-norm population, local ones as another; all of them go through the head as one (facebookresearch/dino,
// utils.py, MultiCropWrapper). The teacher and its head see the two global views. The teacher is exported.
//
// With a weight λ above 0, λ times KoLeo of the student's features, normalized and without the head, is added for each global view by itself (Oquab et al.
// 2023, arXiv:2304.07193, section 4; facebookresearch/dinov2, ssl_meta_arch.py). It compares the images of a batch; with --accumulate those of a part.
type DINO struct {
	Prototypes        int     `flag:"prototypes" help:"number of prototypes, the output dimension of the head (paper: 65536; use fewer for few images: 1024 below 20,000)" want:"at least 2"`
	Hidden            int     `flag:"head-hidden" help:"hidden width of the head; 0: four times the backbone's (paper: 2048 after 384)" want:"at least 0"`
	NormInHead        bool    `flag:"norm-in-head" help:"put a norm (--head-norm) before each GELU of the head (paper: no; far better with a ResNet and few steps)"`
	Bottleneck        int     `flag:"bottleneck" help:"width before the prototypes (paper: 256)" want:"at least 1"`
	StudentTemp       float64 `flag:"student-temperature" help:"temperature τ_s of the student (paper: 0.1)" want:"above 0"`
	TeacherTemp       float64 `flag:"teacher-temperature" help:"final temperature τ_t of the teacher; a value below τ_s sharpens its output (paper: 0.07)" want:"above 0"`
	TeacherTempStart  float64 `flag:"teacher-temperature-start" help:"initial temperature τ_t of the teacher, which then rises linearly (paper: 0.04)" want:"above 0"`
	TeacherTempWarmup float64 `flag:"teacher-temperature-warmup" help:"fraction of the steps over which τ_t rises; 0: τ_t is constant (paper: 30 epochs of 100 to 800)" want:"at least 0, at most 1"`
	Momentum          float64 `flag:"momentum" help:"momentum of the teacher, which rises to 1 along a cosine (paper: 0.996; 0.99 for few images)" want:"above 0.5, at most 1"`
	FreezeLast        float64 `flag:"freeze-last" help:"fraction of the steps, from the start, in which the prototypes are frozen (paper: the first epoch of 100)" want:"at least 0, below 1"`
	CenterMomentum    float64 `flag:"center-momentum" help:"momentum m_c of the center (paper: 0.9)" want:"at least 0, at most 1"`
	KoLeo             float64 `flag:"koleo" help:"weight λ of the KoLeo regularizer, which spreads the features of the images of a batch apart (paper: 0; DINOv2: 0.1)" want:"at least 0"`
}

var _ Method = (*DINO)(nil)

func init() {
	Register("dino", "Caron et al. 2021, arXiv:2104.14294: match the prototype distribution that an EMA teacher gives to another view (self-distillation)",
		&DINO{Prototypes: 256, Bottleneck: 64, StudentTemp: 0.1, TeacherTemp: 0.04, TeacherTempStart: 0.04, Momentum: 0.99, FreezeLast: 0.05, CenterMomentum: 0.9})
}

// Views returns the preset "dino": two global views and six local ones.
func (m *DINO) Views(in views.Input) ([]views.Spec, error) { return views.Preset("dino", in) }

// Defaults sets the number of prototypes, the temperature and the momentum by the number of images (lightly-ai/lightly-train, _methods/dino/dino.py). A vision
// transformer has the authors' decay, clipping, stochastic depth, crops and head (facebookresearch/dino, main_dino.py). A ResNet gets a norm in the head, and both
// do in a short run, in which they learn little without it (bench/DIARY.md). There the teacher follows faster, the head is narrower, and the views are two large
// ones.
func (m *DINO) Defaults(s Scale) Settings {
	const few, many = 20_000, 1_281_167 // many: ImageNet
	fraction := min(max(float64(s.Images-few)/(many-few), 0), 1)
	between := func(from, to, digits float64) float64 {
		return math.Round((from+float64(fraction*(to-from)))*digits) / digits
	}
	m.Prototypes, m.Bottleneck, m.NormInHead = PrototypesFor(s.Images), 256, !s.Transformer
	m.TeacherTemp, m.TeacherTempStart = between(0.02, 0.07, 100), between(0.02, 0.04, 100)
	if m.TeacherTempStart < m.TeacherTemp {
		m.TeacherTempWarmup = 0.3
	}
	m.Momentum = between(0.99, 0.996, 1000)
	o := usual("adamw", s)
	if s.Transformer {
		o.Decay, o.DecayEnd, o.ClipEach, o.Views = 0.04, 0.4, 3, transformerCrops
		o.Warmup, o.Backbone = min(o.Warmup, 10/float64(s.Epochs)), map[string]any{"drop-path": 0.1}
	}
	if s.Shown() < ShortRun {
		m.Momentum, m.CenterMomentum, m.NormInHead = 0.9, 0.5, true
		m.Hidden, m.Bottleneck, m.Prototypes = 2*s.Dim, 64, min(256, m.Prototypes)
		m.TeacherTemp, m.TeacherTempStart, m.TeacherTempWarmup = 0.04, 0.04, 0
		o.LR, o.Views = 1.25*shortFactor(s)*o.LR, "from = \"simclr\"\n\n"+largerCrops
	}
	return o
}

// transformerCrops changes the crops of the preset "dino", which are those for convolutional networks, to those for vision transformers.
var transformerCrops = strings.Repeat("[[view]]\nrandom_resized_crop = { scale = [0.4, 1.0] }\n", 2) +
	strings.Repeat("[[view]]\nrandom_resized_crop = { scale = [0.05, 0.4] }\n", 6)

// Loss returns the cross entropy between teacher and student, the mean over all pairs of different views.
func (m *DINO) Loss(s *Step) *kernels.Tensor {
	m.check(s)
	dim := s.Backbone.Dim()
	head := s.Heads.DINOHead("head", net.DINOHeadConfig{In: dim, Hidden: cmp.Or(m.Hidden, 4*dim), Bottleneck: m.Bottleneck, Prototypes: m.Prototypes,
		Norms: m.NormInHead, Gate: s.Gate("last_layer", net.FreezeUntil(m.FreezeLast))})
	schedule := net.Cosine{From: m.Momentum, To: 1}
	teacher, teacherHead := s.Momentum(s.Backbone, schedule), s.Momentum(head, schedule)
	s.ExportTeacher()

	h := multiCrop(s.Backbone, s.Views)
	students := perView(head.Forward(h, net.Train), s.N)
	loss, target := m.distill(s, students, teacherHead.Forward(multiCrop(teacher, s.Views[:2]), net.Train))
	s.Observe(kernels.Slice(h, 0, s.N), target)
	if m.KoLeo > 0 {
		for v := range 2 {
			features := kernels.L2Normalize(kernels.Slice(h, v*s.N, (v+1)*s.N))
			loss = kernels.Add(loss, kernels.Scale(kernels.KoLeo(features), m.KoLeo))
		}
	}
	return loss
}

// distill returns the loss [1] of the student's logits [N K] for each view, the two global ones first, given the teacher's logits [2N K], and the
// teacher's probabilities [2N K].
func (m *DINO) distill(s *Step, students []*kernels.Tensor, teacher *kernels.Tensor) (loss, target *kernels.Tensor) {
	center := s.State("center", m.Prototypes)
	target = kernels.CenteredSoftmax(teacher, center,
		s.Scalar("teacher_temperature", net.LinearRamp{From: m.TeacherTempStart, To: m.TeacherTemp, Fraction: m.TeacherTempWarmup}))
	means := kernels.GatherMicro(kernels.ColumnMean(teacher), 1)
	s.AfterUpdate(func(g *kernels.Graph) { center.UpdateAverage(g, kernels.ColumnMean(means), m.CenterMomentum) })
	return otherViews(perView(target, s.N), students, m.StudentTemp), target
}

// check panics on settings and views that cannot work.
func (m *DINO) check(s *Step) {
	requireMultiCrop("dino", s)
	fail := func(format string, args ...any) {
		panic(&kernels.BuildError{Op: "dino", Msg: fmt.Sprintf(format, args...)})
	}
	switch {
	case !(m.StudentTemp > 0) || !(m.TeacherTemp > 0) || m.TeacherTempWarmup > 0 && !(m.TeacherTempStart > 0):
		fail("student temperature %g, teacher temperature %g to %g: want all above 0", m.StudentTemp, m.TeacherTempStart, m.TeacherTemp)
	case !(m.TeacherTempWarmup >= 0 && m.TeacherTempWarmup <= 1) || !(m.CenterMomentum >= 0 && m.CenterMomentum <= 1):
		fail("teacher temperature warm-up %g, center momentum %g: want both within 0 … 1", m.TeacherTempWarmup, m.CenterMomentum)
	case !(m.Momentum > 0.5 && m.Momentum <= 1):
		fail("momentum %g: want it above 0.5, at most 1", m.Momentum)
	case !(m.FreezeLast >= 0 && m.FreezeLast < 1):
		fail("prototypes frozen for %g of the steps: want a fraction of at least 0, below 1", m.FreezeLast)
	case !(m.KoLeo >= 0):
		fail("weight %g of KoLeo: want it at least 0", m.KoLeo)
	case m.Prototypes < 2 || m.Bottleneck < 1:
		fail("%d prototypes after a bottleneck of %d: want at least 2, and 1", m.Prototypes, m.Bottleneck)
	}
}

// imagesPerPrototype is the smallest number of images per prototype: with fewer, images hardly share prototypes. From 10,000 images on PrototypesFor
// leaves at least 6.
const imagesPerPrototype = 4

// PrototypesFor returns the number of prototypes for a number of images: that of lightly-train (lightly-ai/lightly-train, _methods/dino/dino.py, output_dim),
// and for few images at most one for every imagesPerPrototype.
func PrototypesFor(images int) int {
	n := 65536
	for _, x := range []struct{ below, prototypes int }{{20_000, 1024}, {50_000, 2048}, {100_000, 4096}, {200_000, 16384}, {500_000, 32768}} {
		if images < x.below {
			n = x.prototypes
			break
		}
	}
	for n > 16 && n > images/imagesPerPrototype {
		n /= 2
	}
	return n
}

// Advice warns of more prototypes than the images can share.
func (m *DINO) Advice(images int) []string {
	if m.Prototypes <= max(images/imagesPerPrototype, 16) {
		return nil
	}
	return []string{fmt.Sprintf("%d prototypes are many for %d images, which will hardly share any: try --prototypes %d", m.Prototypes, images, PrototypesFor(images))}
}
