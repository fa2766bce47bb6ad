package ssl

import (
	"fmt"
	"slices"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
)

// Step is a training step from which a method builds its loss: the views of a batch, the backbone, and functions that declare more (Requests).
type Step struct {
	Graph    *kernels.Graph
	Backbone net.Backbone
	Heads    net.Scope // declares the modules that the method adds

	N             int               // samples in the batch
	Views         []*kernels.Tensor // [N H W C], one for each Spec; the tiles of a jigsaw [N·tiles h w C]
	Targets       []*kernels.Tensor // [N] I32, one for each Spec: its random class (a rotation, a permutation); nil if it has none
	TargetClasses []int             // number of classes of each target; 0: no target
	NumLabels     int               // number of classes of the labels; 0: no labels
	Samples       int               // number of samples of the data set: its images, or with several frames a sample its clips

	LearningRate net.Schedule // nil: constant
	PeakRate     float64      // largest value of LearningRate

	Requests Requests
}

// Requests holds the declarations of a method while it built its loss. The trainer carries them out.
type Requests struct {
	UsesLabels  bool // the input "labels" holds the labels of the images
	UsesIndices bool // the input "indices" holds the indices of the samples in the data set

	TeacherRows *TeacherFeatures // the input "teacher_rows" holds the rows of the samples; nil: none

	Embeddings *kernels.Tensor // embeddings of one view [N D] for the collapse watch; nil: none
	HasPairs   bool            // Embeddings are of two views, [2N D]
	Candidates int             // number of rows among which a contrastive loss looks for the positive; 0: the loss is another
	Teacher    *kernels.Tensor // probabilities of a teacher [M K] for the collapse watch; nil: none

	Logits     *kernels.Tensor // logits [N K] of a classification, whose accuracy the trainer reports; nil: none
	TargetView int             // the view whose targets the logits predict; LabelTargets: the labels

	Momentum    net.Schedule            // of the momentum encoders; nil: none
	Scalars     map[string]net.Schedule // of the loss
	Gates       map[string]net.Schedule // multiples of the learning rate of some parameters
	AfterUpdate []func(g *kernels.Graph)

	Branch string // the branch that is evaluated and exported: "", the backbone, or net.Teacher
}

// LabelTargets is the TargetView of a method that predicts labels.
const LabelTargets = -1

// Momentum returns the momentum encoder of a module: after every step its weights become θ' ← m·θ' + (1 − m)·θ, with m from the schedule, which
// all momentum encoders of a method share.
func (s *Step) Momentum(m net.Module, momentum net.Schedule) net.Module {
	if s.Requests.Momentum != nil && s.Requests.Momentum != momentum {
		panic(&kernels.BuildError{Op: "momentum encoder", Msg: fmt.Sprintf("schedules %v and %v: all momentum encoders of a method have one", s.Requests.Momentum, momentum)})
	}
	s.Requests.Momentum = momentum
	return net.Momentum(m)
}

// State declares a tensor that starts at zero, outlives the step and has no gradient: a center, a queue.
func (s *Step) State(name string, shape ...int) *kernels.State {
	return s.Heads.Store.State(name, 0, shape...)
}

// Scalar returns a number of the loss that changes over training, such as a temperature.
func (s *Step) Scalar(name string, v net.Schedule) kernels.Scalar {
	if s.Requests.Scalars == nil {
		s.Requests.Scalars = map[string]net.Schedule{}
	}
	s.Requests.Scalars[name] = v
	return s.Graph.Scalar(name)
}

// Labels returns the labels of the images, [N] I32, −1 where an image has none. NumLabels must be above 0.
func (s *Step) Labels() *kernels.Tensor {
	s.Requests.UsesLabels = true
	return s.Graph.Input("labels", kernels.I32, s.N)
}

// Indices returns the indices of the samples in the data set, [N] I32, from 0 to Samples − 1.
func (s *Step) Indices() *kernels.Tensor {
	s.Requests.UsesIndices = true
	return s.Graph.Input("indices", kernels.I32, s.N)
}

// TeacherRows returns the teacher's features of the samples, [N D].
func (s *Step) TeacherRows(t *TeacherFeatures) *kernels.Tensor {
	if t == nil {
		panic(&kernels.BuildError{Op: "teacher", Msg: "the method learns from the features of a teacher, and there are none: name them by --teacher"})
	}
	if n := t.Rows(); n != s.Samples {
		panic(&kernels.BuildError{Op: "teacher", Msg: fmt.Sprintf("its features have %d rows, and the data set has %d samples: want a row for each", n, s.Samples)})
	}
	s.Requests.TeacherRows = t
	return s.Graph.Input("teacher_rows", kernels.F32, s.N, t.Dim)
}

// Observe passes embeddings z of one view [N D] and a teacher's probabilities [M K] (nil: no teacher) to the collapse watch.
func (s *Step) Observe(z, teacher *kernels.Tensor) {
	s.Requests.Embeddings, s.Requests.Teacher = z, teacher
}

// ObservePairs passes embeddings of two views z [2N D] to the collapse watch; rows n and N+n belong to one image. The watch measures the embeddings of the
// first view. The accuracy that the trainer reports is the fraction of rows whose nearest other row is the other view of the same image.
func (s *Step) ObservePairs(z *kernels.Tensor) {
	s.Observe(z, nil)
	s.Requests.HasPairs = true
}

// Classify returns the mean cross entropy of logits [N K] and targets, which are one of Targets or Labels; targets of −1 do not count. The trainer reports
// the accuracy.
func (s *Step) Classify(logits, targets *kernels.Tensor) *kernels.Tensor {
	s.Requests.Logits, s.Requests.TargetView = logits, LabelTargets
	if v := slices.Index(s.Targets, targets); v >= 0 {
		s.Requests.TargetView = v
	}
	return kernels.CrossEntropy(logits, targets)
}

// Gate declares a scalar that multiplies the learning rate of some parameters; while it is 0 the optimizer skips them (kernels.Param.Gate). It returns
// the name.
func (s *Step) Gate(name string, v net.Schedule) string {
	if s.Requests.Gates == nil {
		s.Requests.Gates = map[string]net.Schedule{}
	}
	s.Requests.Gates[name] = v
	return name
}

// ConstantRate declares a gate that keeps the learning rate of some parameters at its peak, whatever the schedule of the others. It returns the name.
func (s *Step) ConstantRate(name string) string {
	return s.Gate(name, constantRate{s.LearningRate, s.PeakRate})
}

// constantRate is the factor by which a scheduled learning rate becomes its peak.
type constantRate struct {
	rate net.Schedule // nil: constant
	peak float64
}

// At returns the factor at a step.
func (x constantRate) At(step, total int) float64 {
	if x.rate == nil {
		return 1
	}
	return x.peak / x.rate.At(step, total)
}

// AfterUpdate records f after the optimizer's update, for state that changes with each step, such as a center. If a batch is computed in parts, f sees a
// tensor of the loss as the last part left it; kernels.GatherMicro gathers all parts.
func (s *Step) AfterUpdate(f func(g *kernels.Graph)) {
	s.Requests.AfterUpdate = append(s.Requests.AfterUpdate, f)
}

// ExportTeacher selects the momentum encoder of the backbone, in place of the backbone itself, for evaluation and export.
func (s *Step) ExportTeacher() { s.Requests.Branch = net.Teacher }
