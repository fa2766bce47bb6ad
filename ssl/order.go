package ssl

import (
	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl/views"
)

// Order predicts the order in which the frames of a clip are shown (Lee et al. 2017, arXiv:1708.01246, without its pairwise features): the loss
// of Jigsaw, on frames in place of tiles. In a set of single images the frames are those of a zoom into each image (views.ZoomSequence).
type Order struct {
	Hidden int `flag:"frame-embedding" help:"width of a frame's embedding, a multiple of 4; 0: the backbone's" want:"at least 0"`
}

var _ Method = (*Order)(nil)

func init() {
	Register("order", "Lee et al. 2017, arXiv:1708.01246: predict the order of a clip's frames, or of the frames of a zoom into an image", &Order{})
}

// Views returns the preset "order": a view for each frame of a clip, or of a sequence made from an image.
func (m *Order) Views(in views.Input) ([]views.Spec, error) { return views.Preset("order", in) }

// Loss returns the cross entropy of the permutation.
func (m *Order) Loss(s *Step) *kernels.Tensor {
	requireTargets("order", s)
	return permutationLoss(s, kernels.Concat(s.Views...), len(s.Views), true, m.Hidden)
}
