package net

import (
	"fmt"
	"math"

	"github.com/marr-ssl/marr/kernels/rng"
)

// KaimingNormalFanOut fills a convolution's weight with
//
//	N(0, σ²), σ = √(2/fanOut), fanOut = output channels × kernel height × kernel width
//
// as torchvision's ResNet does: kaiming_normal_(mode="fan_out", nonlinearity="relu") (torchvision/models/resnet.py, ResNet.__init__;
// He et al. 2015, arXiv:1502.01852, eq. 14). Element i uses words 2i and 2i+1 of the source, counted from its position; the caller
// documents the order of dst. A fanOut below 1 panics.
func KaimingNormalFanOut(dst []float32, fanOut int, src *rng.Source) {
	if fanOut < 1 {
		panic(fmt.Sprintf("net: KaimingNormalFanOut: fan-out %d: expected at least 1", fanOut))
	}
	sigma := math.Sqrt(2 / float64(fanOut))
	for i := range dst {
		dst[i] = float32(sigma * src.Normal())
	}
}

// LinearUniform fills the weight or the bias of a linear layer with
//
//	U[−b, b), b = 1/√fanIn, fanIn = input features
//
// which is the default of PyTorch's nn.Linear for both (torch/nn/modules/linear.py, reset_parameters: kaiming_uniform_ with a = √5 has
// the bound √(6/((1+5)·fanIn)) = 1/√fanIn). Element i uses one word of the source. A fanIn below 1 panics.
func LinearUniform(dst []float32, fanIn int, src *rng.Source) {
	if fanIn < 1 {
		panic(fmt.Sprintf("net: LinearUniform: fan-in %d: expected at least 1", fanIn))
	}
	b := 1 / math.Sqrt(float64(fanIn))
	src.Uniform(dst, -b, b)
}

// XavierUniform fills the weight of a linear layer with
//
//	U[−b, b), b = √(6/(fanIn + fanOut))
//
// (Glorot and Bengio 2010, eq. 16), as torch.nn.init.xavier_uniform_. Element i uses one word of the source. Fans below 1 panic.
func XavierUniform(dst []float32, fanIn, fanOut int, src *rng.Source) {
	if fanIn < 1 || fanOut < 1 {
		panic(fmt.Sprintf("net: XavierUniform: fans %d and %d: expected at least 1", fanIn, fanOut))
	}
	b := math.Sqrt(6 / float64(fanIn+fanOut))
	src.Uniform(dst, -b, b)
}
