package ssl

import (
	"marr/kernels"
	"marr/ssl/views"
)

// Order tells in which order the frames of a clip are shown (Lee et al. 2017, arXiv:1708.01246, of whose pairwise features this has none): the core
// of Jigsaw, on frames in place of tiles. In a set of single images the frames are those of a camera that comes closer (views.ZoomSequence).
type Order struct {
	Hidden int `flag:"frame-embedding" help:"width of a frame's embedding, a multiple of 4; 0: the backbone's" want:"at least 0"`
}

var _ Method = (*Order)(nil)

func init() {
	Register("order", "Lee et al. 2017, arXiv:1708.01246: tell in which order a clip's frames are shown, or those of a camera that comes closer to an image", &Order{})
}

// Views are the preset "order": a view for each frame of a clip, or of a sequence made of an image.
func (m *Order) Views(in views.Input) ([]views.Spec, error) { return views.Preset("order", in) }

// Loss is the cross entropy of the permutation.
func (m *Order) Loss(s *Step) *kernels.Tensor {
	wantTargets("order", s)
	return arrangement(s, kernels.Concat(s.Views...), len(s.Views), true, m.Hidden)
}
