package ssl

import (
	"slices"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/net"
)

// multiCrop returns the features of all views, [V·N D], in their order. Consecutive views of one size go through the backbone as one batch-norm population
// (facebookresearch/dino, utils.py, MultiCropWrapper; facebookresearch/swav, src/resnet50.py).
func multiCrop(backbone net.Module, views []*kernels.Tensor) *kernels.Tensor {
	var parts []*kernels.Tensor
	for len(views) > 0 {
		n := 1
		for n < len(views) && slices.Equal(views[n].Shape(), views[0].Shape()) {
			n++
		}
		parts = append(parts, backbone.Forward(kernels.Concat(views[:n]...), net.Train))
		views = views[n:]
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return kernels.Concat(parts...)
}

// perView returns the blocks of n rows of x [V·n K].
func perView(x *kernels.Tensor, n int) (parts []*kernels.Tensor) {
	for at := 0; at < x.Dim(0); at += n {
		parts = append(parts, kernels.Slice(x, at, at+n))
	}
	return parts
}

// otherViews returns the mean, over the pairs of a target view i and a view j ≠ i, of the cross entropy between probabilities p_i and softmax(x_j/τ), all [N K].
func otherViews(p, x []*kernels.Tensor, temperature float64) *kernels.Tensor {
	var loss *kernels.Tensor
	pairs := 0
	for i := range p {
		for j := range x {
			if i == j {
				continue
			}
			pair := kernels.SoftCrossEntropy(x[j], p[i], temperature)
			if pairs++; loss == nil {
				loss = pair
			} else {
				loss = kernels.Add(loss, pair)
			}
		}
	}
	return kernels.Scale(loss, 1/float64(pairs))
}
