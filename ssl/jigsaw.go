package ssl

import (
	"cmp"

	"marr/kernels"
	"marr/net"
	"marr/ssl/views"
)

// Jigsaw tells in which order the tiles of an image were put down (Noroozi and Favaro 2016, arXiv:1603.09246): every tile goes through the
// backbone and through Linear, batch norm and ReLU on its own, all tiles of the batch as one population; the embeddings of an image's tiles, side by
// side, go to a linear layer with a class for each permutation of a fixed set (facebookresearch/vissl, jigsaw_8gpu_resnet.yaml). Each tile is normalised
// by its own mean and deviation first (section 3.3 of the paper; kernels.Standardize), so that brightness and contrast do not tell which are neighbours.
type Jigsaw struct {
	Normalise bool `flag:"tile-normalisation" help:"take each tile's own mean and deviation from it"`
	Hidden    int  `flag:"tile-embedding" help:"width of a tile's embedding, a multiple of 4; 0: the backbone's (vissl: 1000 behind 2048)" want:"at least 0"`
}

var _ Method = (*Jigsaw)(nil)

func init() {
	Register("jigsaw", "Noroozi and Favaro 2016, arXiv:1603.09246: tell in which order an image's tiles were put down", &Jigsaw{Normalise: true})
}

// Views are the preset "jigsaw": one view, cut into tiles.
func (m *Jigsaw) Views(in views.Input) ([]views.Spec, error) { return views.Preset("jigsaw", in) }

// Loss is the cross entropy of the permutation.
func (m *Jigsaw) Loss(s *Step) *kernels.Tensor {
	wantTargets("jigsaw", s)
	tiles := s.Views[0]
	if m.Normalise {
		tiles = kernels.Standardize(tiles)
	}
	return arrangement(s, tiles, tiles.Dim(0)/s.N, false, m.Hidden)
}

// arrangement is the loss that jigsaw and frame order share: x holds the parts of each sample, one after the other or (blocks) in blocks.
func arrangement(s *Step, x *kernels.Tensor, parts int, blocks bool, hidden int) *kernels.Tensor {
	hidden = cmp.Or(hidden, s.Dim)
	head := net.NewArrangement(s.Store, s.Norm, "head", s.Dim, hidden, parts, s.Classes[0], s.Seed)
	h := s.Backbone.Forward(x, net.Train)
	s.Observe(h, nil)
	e := head.Embed(h, net.Train)
	return s.Classify(head.Arrange(kernels.Beside(e, parts, blocks), net.Train), s.Targets[0])
}
