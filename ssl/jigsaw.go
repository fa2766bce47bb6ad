package ssl

import (
	"cmp"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
	"github.com/marr-ssl/marr/ssl/views"
)

// Jigsaw predicts how the tiles of an image were permuted (Noroozi and Favaro 2016, arXiv:1603.09246): each tile goes separately through the
// backbone and through Linear, batch norm and ReLU, with all tiles of the batch as one population; the concatenated embeddings of an image's tiles
// go to a linear layer with one class for each permutation of a fixed set (facebookresearch/vissl, jigsaw_8gpu_resnet.yaml). Each tile is first normalized
// by its own mean and standard deviation (section 3.3 of the paper; kernels.Standardize), so that brightness and contrast do not reveal neighbors.
type Jigsaw struct {
	NormalizeTiles bool `flag:"tile-normalization" help:"normalize each tile by its own mean and standard deviation"`
	Hidden         int  `flag:"tile-embedding" help:"width of a tile's embedding, a multiple of 4; 0: the backbone's (vissl: 1000 after 2048)" want:"at least 0"`
}

var _ Method = (*Jigsaw)(nil)

func init() {
	Register("jigsaw", "Noroozi and Favaro 2016, arXiv:1603.09246: predict how the tiles of an image were permuted", &Jigsaw{NormalizeTiles: true})
}

// Views returns the preset "jigsaw": one view, cut into tiles.
func (m *Jigsaw) Views(in views.Input) ([]views.Spec, error) { return views.Preset("jigsaw", in) }

// Loss returns the cross entropy of the permutation.
func (m *Jigsaw) Loss(s *Step) *kernels.Tensor {
	requireTargets("jigsaw", s)
	tiles := s.Views[0]
	if m.NormalizeTiles {
		tiles = kernels.Standardize(tiles)
	}
	return permutationLoss(s, tiles, tiles.Dim(0)/s.N, false, m.Hidden)
}

// permutationLoss returns the loss of jigsaw and frame order. x holds the parts of the samples: sample by sample or, with blocks, all first parts, then
// all second ones.
func permutationLoss(s *Step, x *kernels.Tensor, parts int, blocks bool, hidden int) *kernels.Tensor {
	dim := s.Backbone.Dim()
	head := s.Heads.PermutationHead("head", dim, cmp.Or(hidden, dim), parts, s.TargetClasses[0])
	h := s.Backbone.Forward(x, net.Train)
	s.Observe(h, nil)
	e := head.Embed(h, net.Train)
	return s.Classify(head.Classify(kernels.ConcatFeatures(e, parts, blocks), net.Train), s.Targets[0])
}
