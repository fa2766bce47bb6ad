package ssl

import (
	"fmt"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/views"
)

// DIET predicts which image of the data set a view shows (Balestriero 2023, arXiv:2302.10260): the cross entropy, with label smoothing s, of a linear layer
// W without bias that has as many classes as the data set has images:
//
//	loss = mean_n −Σ_i q_ni·log softmax(W·f(v_n))_i,    q_ni = (1 − s)·[i = index of image n] + s/images
//
// There is one view, no projector and no second network, and images of a batch are not compared with each other: --accumulate changes batch norm alone. W is
// neither evaluated nor exported. It has as many rows as there are images, and its gradient and the optimizer's moments as many again: for 50,000 images and
// features of width 512 these are 391 MiB, which the plan's memory includes. In clips of several frames, W has a row for each clip.
//
// The loss falls slowly, from ln(images) to the entropy of q, which is not far below (9.16 of 10.82 for 50,000 images): an image is seen once in an epoch, and
// the paper trains small data sets for thousands of them.
type DIET struct {
	Smoothing float64 `flag:"label-smoothing" help:"probability s that is spread evenly over all images (paper: 0.8)" want:"at least 0, below 1"`
}

var _ Method = (*DIET)(nil)

func init() {
	Register("diet", "Balestriero 2023, arXiv:2302.10260: predict the index of the image in the data set, with a class for each image", &DIET{Smoothing: 0.8})
}

// Views returns the preset "diet": one view.
func (m *DIET) Views(in views.Input) ([]views.Spec, error) { return views.Preset("diet", in) }

// Defaults sets the paper's optimizer for residual networks, AdamW at 1e-3 for a batch of 256 with a decay of 0.05. Short runs, in which an image is seen too few
// times for that rate, get a larger one (bench/RESULTS.md).
func (m *DIET) Defaults(s Scale) Settings {
	o := usual("adamw", s)
	switch {
	case s.Transformer:
	case s.Shown() < ShortRun:
		o.LR, o.Decay = 4*o.LR, 0.05
	default:
		o.LR, o.Decay = 1e-3*float64(s.Batch)/256, 0.05
	}
	return o
}

// Loss returns the cross entropy of the indices.
func (m *DIET) Loss(s *Step) *kernels.Tensor {
	requireViews("diet", s, 1)
	if !(m.Smoothing >= 0 && m.Smoothing < 1) {
		panic(&kernels.BuildError{Op: "diet", Msg: fmt.Sprintf("label smoothing %g: want it at least 0, below 1", m.Smoothing)})
	}
	h := s.Backbone.Forward(s.Views[0], net.Train)
	s.Observe(h, nil)
	logits := s.Heads.LinearNoBias("head", s.Backbone.Dim(), s.Samples).Forward(h, net.Train)
	return kernels.SmoothedCrossEntropy(logits, s.Indices(), m.Smoothing)
}
