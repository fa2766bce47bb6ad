package ssl

import (
	"marr/kernels"
	"marr/net"
	"marr/ssl/views"
)

// Rotation tells by how many quarter turns an image was turned (Gidaris et al. 2018, arXiv:1803.07728): the cross entropy of a linear layer of four
// classes on the backbone. Each image is shown in one turn that is drawn anew each epoch, where the paper shows all four at once.
type Rotation struct{}

var _ Method = (*Rotation)(nil)

func init() {
	Register("rotation", "Gidaris et al. 2018, arXiv:1803.07728: tell by how many quarter turns an image was turned", &Rotation{})
}

// Views are the preset "rotation": one view, turned.
func (m *Rotation) Views(in views.Input) ([]views.Spec, error) { return views.Preset("rotation", in) }

// Loss is the cross entropy of the turn.
func (m *Rotation) Loss(s *Step) *kernels.Tensor {
	wantTargets("rotation", s)
	h := s.Backbone.Forward(s.Views[0], net.Train)
	s.Observe(h, nil)
	head := net.NewLinear(s.Store, "head", s.Dim, s.Classes[0], s.Seed)
	return s.Classify(head.Forward(h, net.Train), s.Targets[0])
}
