package ssl

import (
	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/views"
)

// Supervised predicts the labels of the images: the cross entropy of a linear layer on the backbone (He et al. 2015, arXiv:1512.03385). It is the
// baseline for learning without labels, with the same trainer.
type Supervised struct{}

var _ Method = (*Supervised)(nil)

func init() {
	Register("supervised", "He et al. 2015, arXiv:1512.03385: predict the labels of the images, as a baseline (needs labels)", &Supervised{})
}

// Views returns the preset "supervised": one view.
func (m *Supervised) Views(in views.Input) ([]views.Spec, error) {
	return views.Preset("supervised", in)
}

// Loss returns the cross entropy of the labels.
func (m *Supervised) Loss(s *Step) *kernels.Tensor {
	requireViews("supervised", s, 1)
	if s.NumLabels < 2 {
		panic(&kernels.BuildError{Op: "supervised", Msg: "the images have no labels of at least two classes: use labeled images, or a method that needs no labels"})
	}
	h := s.Backbone.Forward(s.Views[0], net.Train)
	s.Observe(h, nil)
	head := s.Heads.Linear("head", s.Backbone.Dim(), s.NumLabels)
	return s.Classify(head.Forward(h, net.Train), s.Labels())
}
