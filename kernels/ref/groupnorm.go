package ref

import "math"

// GroupNorm normalizes each image by the statistics of its groups of channels:
//
//	y = γ·(x−μ)/√(σ²+eps) + β, μ and σ² over an image's positions and the C/groups channels of a group
//
// then residual and ReLU as in BatchNormTrain. x, residual, y [N .. C]; gamma, beta [C]; groups divides C.
// Source: Wu and He 2018, arXiv:1803.08494, eq. 1 to 4; PyTorch, torch.nn.GroupNorm.
func GroupNorm(x, gamma, beta *Tensor, groups int, eps float64, residual *Tensor, relu bool) *Tensor {
	c := x.Last()
	wantShape("GroupNorm", "gamma", gamma, c)
	wantShape("GroupNorm", "beta", beta, c)
	if groups < 1 || c%groups != 0 {
		fail("GroupNorm", "groups must divide the channels of", x, groups)
	}
	images, per := x.Shape[0], len(x.Data)/x.Shape[0]
	group := func(i int) int { return i/per*groups + i%c/(c/groups) }
	mean, variance := New(images*groups), New(images*groups)
	count := float64(per / groups)
	for i, v := range x.Data {
		mean.Data[group(i)] += v / count
	}
	for i, v := range x.Data {
		d := v - mean.Data[group(i)]
		variance.Data[group(i)] += d * d / count
	}
	y := New(x.Shape...)
	for i, v := range x.Data {
		k := group(i)
		y.Data[i] = gamma.Data[i%c]*(v-mean.Data[k])/math.Sqrt(variance.Data[k]+eps) + beta.Data[i%c]
	}
	if residual != nil {
		y = Add(y, residual)
	}
	if relu {
		y = ReLU(y)
	}
	return y
}
