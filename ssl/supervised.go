package ssl

import (
	"marr/kernels"
	"marr/net"
	"marr/ssl/views"
)

// Supervised learns the labels of the images: the cross entropy of a linear layer on the backbone (He et al. 2015, arXiv:1512.03385). It is the
// baseline that learning without labels is measured against, with the same trainer.
type Supervised struct{}

var _ Method = (*Supervised)(nil)

func init() {
	Register("supervised", "He et al. 2015, arXiv:1512.03385: the labels of the images, as a baseline (wants labels)", &Supervised{})
}

// Views are the preset "supervised": one view.
func (m *Supervised) Views(in views.Input) ([]views.Spec, error) {
	return views.Preset("supervised", in)
}

// Loss is the cross entropy of the labels.
func (m *Supervised) Loss(s *Step) *kernels.Tensor {
	wantViews("supervised", s, 1)
	if s.Known < 2 {
		panic(&kernels.BuildError{Op: "supervised", Msg: "the images have no labels of two classes: give labelled ones, or choose a method that needs none"})
	}
	h := s.Backbone.Forward(s.Views[0], net.Train)
	s.Observe(h, nil)
	head := net.NewLinear(s.Store, "head", s.Dim, s.Known, s.Seed)
	return s.Classify(head.Forward(h, net.Train), s.Labels())
}
