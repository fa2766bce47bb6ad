package ssl

import (
	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/views"
)

// Rotation predicts by how many quarter turns an image was rotated (Gidaris et al. 2018, arXiv:1803.07728): the cross entropy of a linear layer with four
// classes on the backbone. Each epoch shows an image in one random rotation; the paper shows all four at once.
type Rotation struct{}

var _ Method = (*Rotation)(nil)

func init() {
	Register("rotation", "Gidaris et al. 2018, arXiv:1803.07728: predict by how many quarter turns an image was rotated", &Rotation{})
}

// Views returns the preset "rotation": one rotated view.
func (m *Rotation) Views(in views.Input) ([]views.Spec, error) { return views.Preset("rotation", in) }

// Loss returns the cross entropy of the rotation.
func (m *Rotation) Loss(s *Step) *kernels.Tensor {
	requireTargets("rotation", s)
	h := s.Backbone.Forward(s.Views[0], net.Train)
	s.Observe(h, nil)
	head := s.Heads.Linear("head", s.Backbone.Dim(), s.TargetClasses[0])
	return s.Classify(head.Forward(h, net.Train), s.Targets[0])
}
