package net

import (
	"fmt"

	"github.com/marr-ssl/marr/kernels"
)

// ConvNeXt is a convolutional network whose blocks are those of a transformer with a depthwise convolution in place of attention (Liu et al. 2022,
// arXiv:2201.03545, section 2), in the form of timm, without the classifier: patches of StemPatch pixels become pixels of Width channels by one linear layer
// and a layer norm; four stages of Width, 2·Width, 4·Width and 8·Width channels follow, each but the first behind a layer norm and a 2×2 convolution of
// stride 2; the features are a layer norm of the mean over space.
//
//	block: x ← x + γ·fc2(GELU(fc1(norm(conv_dw(x))))), conv_dw 7×7 for each channel alone, with 4 times as many channels between fc1 and fc2
//
// Layer norms are over the channels of a pixel, with ε = 1e-6; every layer has a bias. In training, block i of n omits its branch with probability
// DropPath·i/(n − 1). Names, layouts and initial values are timm's (huggingface/pytorch-image-models, timm/models/convnext.py): normal with a deviation of
// 0.02, biases 0, γ 1e-6. In timm, fc1 and fc2 of the sizes below tiny are 1×1 convolutions, with the same values.
type ConvNeXt struct {
	StemPatch int     `flag:"stem-patch" help:"side of the patches of ConvNeXt's first layer, in pixels; default: 2 up to 64 px, 4 above" want:"0 or at least 1, at most 16"`
	Width     int     `flag:"width" help:"channels of the first stage of a ResNet or a ConvNeXt" want:"at least 1, at most 1024"`
	DropPath  float64 `flag:"drop-path" help:"rate of stochastic depth in a ConvNeXt or a vision transformer: in training, the last block omits each of its branches for this fraction of the samples, earlier blocks for less (Huang et al. 2016, arXiv:1603.09382; 0.1 in DINO)" want:"at least 0, below 1" of:"training"`

	depths [4]int // blocks of each stage
}

func init() {
	const about = "Liu et al. 2022, arXiv:2201.03545"
	small := [4]int{2, 2, 6, 2}
	Register("convnext-atto", about+", as in timm", &ConvNeXt{Width: 40, depths: small})
	Register("convnext-femto", about+", as in timm", &ConvNeXt{Width: 48, depths: small})
	Register("convnext-pico", about+", as in timm", &ConvNeXt{Width: 64, depths: small})
	Register("convnext-nano", about+", as in timm", &ConvNeXt{Width: 80, depths: [4]int{2, 2, 8, 2}})
	Register("convnext-tiny", about, &ConvNeXt{Width: 96, depths: [4]int{3, 3, 9, 3}})
}

// Resolve chooses the patches of the first layer, if they are 0.
func (c *ConvNeXt) Resolve(size int) {
	switch {
	case c.StemPatch > 0:
	case size <= 64:
		c.StemPatch = 2
	default:
		c.StemPatch = 4
	}
}

// Check returns an error for settings that were not resolved.
func (c *ConvNeXt) Check() error {
	if c.StemPatch < 1 || c.Width < 1 {
		return fmt.Errorf("net: a ConvNeXt of width %d with patches of %d pixels: want at least 1 of both", c.Width, c.StemPatch)
	}
	return nil
}

// MinSize returns 8·StemPatch pixels: from a side of that length, the last stage has one pixel.
func (c *ConvNeXt) MinSize() int { return 8 * c.StemPatch }

// Fitting names the patches that images of this size are large enough for.
func (c *ConvNeXt) Fitting(size int) string {
	if size < 8 {
		return ""
	}
	return fmt.Sprintf("--stem-patch %d", size/8)
}

// Advice warns of a last feature map that is too small to average, and of pixels that are unused.
func (c *ConvNeXt) Advice(size int) (advice []string) {
	if step := c.MinSize(); size%step != 0 {
		advice = append(advice, fmt.Sprintf("the stages leave up to %d of %d px of each image unused: choose a --size that is a multiple of %d", size%step, size, step))
	}
	if size < 2*c.MinSize() {
		advice = append(advice, fmt.Sprintf("the network ends with 1×1 of %d×%d pixels: use a smaller --stem-patch, or a larger --size", size, size))
	}
	return advice
}

// Dim returns 8·Width.
func (c *ConvNeXt) Dim() int { return 8 * c.Width }

// ParamNames returns "timm".
func (c *ConvNeXt) ParamNames() string { return "timm" }

// New declares the network's parameters.
func (c *ConvNeXt) New(s BackboneScope) Network {
	n := &convNeXt{norm: s.layerNorm("head.norm", c.Dim())}
	count, blocks := 0, -1
	for _, depth := range c.depths {
		blocks += depth
	}
	for i, depth := range c.depths {
		prefix, width := fmt.Sprintf("stages.%d.", i), c.Width<<i
		var stage convNeXtStage
		if i == 0 {
			stage.conv, stage.norm = s.patchConv("stem.0", s.Channels, width, c.StemPatch), s.layerNorm("stem.1", width)
		} else {
			stage.norm, stage.conv = s.layerNorm(prefix+"downsample.0", width/2), s.patchConv(prefix+"downsample.1", width/2, width, 2)
		}
		for j := range depth {
			b := s.convNeXtBlock(fmt.Sprintf("%sblocks.%d.", prefix, j), width)
			b.drop = c.DropPath * float64(count) / float64(max(1, blocks))
			stage.blocks = append(stage.blocks, b)
			count++
		}
		n.stages = append(n.stages, stage)
	}
	return n
}

// convNeXt is the network of a ConvNeXt.
type convNeXt struct {
	stages []convNeXtStage
	norm   layerNorm // of the features
}

// convNeXtStage is the convolution that makes the images of a stage smaller, the norm behind it (first stage) or in front of it, and the blocks.
type convNeXtStage struct {
	conv   patchConv
	norm   layerNorm
	blocks []convNeXtBlock
}

// Map maps images [N H W C] to the last stage's output [N h w Dim].
func (n *convNeXt) Map(x *kernels.Tensor, m Mode) *kernels.Tensor {
	for i, s := range n.stages {
		if i == 0 {
			x = s.conv.Forward(x, m)
			x = asImages(s.norm.Forward(asRows(x), m), x)
		} else {
			x = s.conv.Forward(asImages(s.norm.Forward(asRows(x), m), x), m)
		}
		for _, b := range s.blocks {
			x = b.Forward(x, m)
		}
	}
	return x
}

// Pool returns the norm of the mean of a feature map over space, [N Dim].
func (n *convNeXt) Pool(x *kernels.Tensor, m Mode) *kernels.Tensor {
	return n.norm.Forward(kernels.GlobalAvgPool(x), m)
}

// asRows returns the pixels [N H·W C] of images [N H W C]: in ONNX, where images are [N C H W], layers on channels take rows.
func asRows(x *kernels.Tensor) *kernels.Tensor {
	return kernels.Reshape(x, x.Dim(0), x.Dim(1)*x.Dim(2), x.Dim(3))
}

// asImages returns the pixels x [N H·W C] as images of the same size as `like`.
func asImages(x, like *kernels.Tensor) *kernels.Tensor {
	return kernels.ReshapeLike(x, like)
}

// patchConv is a convolution whose windows do not overlap, with a bias.
type patchConv struct {
	conv Conv2d
	bias *kernels.Param
}

func (s Scope) patchConv(prefix string, in, out, side int) patchConv {
	weight := prefix + ".weight"
	w := s.Param(weight, func(v []float32) { s.truncatedNormal(v, weight) }, out, side, side, in)
	return patchConv{Conv2d{w, side, 0}, s.zeros(prefix+".bias", out)}
}

// Forward maps [N H W C] to [N H/side W/side K].
func (c patchConv) Forward(x *kernels.Tensor, m Mode) *kernels.Tensor {
	y := c.conv.Forward(x, m)
	return asImages(kernels.Bias(asRows(y), m.Param(c.bias)), y)
}

// zeros declares a bias that starts at 0.
func (s Scope) zeros(name string, width int) *kernels.Param {
	b := s.Param(name, func([]float32) {}, width)
	b.NoDecay = true
	return b
}

// convNeXtBlock is a block of a ConvNeXt.
type convNeXtBlock struct {
	prefix          string // of its parameters
	depthwise, bias *kernels.Param
	norm            layerNorm
	fc1, fc2        Linear
	scale           *kernels.Param
	drop            float64 // probability of omitting the branch of a sample
}

// convNeXtBlock declares the parameters of a block under prefix: conv_dw, norm, mlp.fc1, mlp.fc2 and gamma.
func (s Scope) convNeXtBlock(prefix string, width int) convNeXtBlock {
	normal := func(name string, shape ...int) *kernels.Param {
		return s.Param(prefix+name, func(v []float32) { s.truncatedNormal(v, prefix+name) }, shape...)
	}
	b := convNeXtBlock{prefix: prefix, depthwise: normal("conv_dw.weight", width, 7, 7, 1), bias: s.zeros(prefix+"conv_dw.bias", width), norm: s.layerNorm(prefix+"norm", width),
		fc1: Linear{normal("mlp.fc1.weight", 4*width, width), s.zeros(prefix+"mlp.fc1.bias", 4*width)},
		fc2: Linear{normal("mlp.fc2.weight", width, 4*width), s.zeros(prefix+"mlp.fc2.bias", width)}}
	b.scale = s.Param(prefix+"gamma", func(v []float32) {
		for i := range v {
			v[i] = 1e-6
		}
	}, width)
	b.scale.NoDecay = true
	return b
}

// Forward maps images [N H W C] to images.
func (b convNeXtBlock) Forward(x *kernels.Tensor, m Mode) *kernels.Tensor {
	y := kernels.Bias(asRows(kernels.DepthwiseConv2D(x, m.Param(b.depthwise), 3)), m.Param(b.bias))
	y = kernels.GELU(b.fc1.Forward(b.norm.Forward(y, m), m))
	y = kernels.ScaleColumns(b.fc2.Forward(y, m), m.Param(b.scale).Value(x.Graph()))
	return kernels.Add(x, asImages(dropPath(b.prefix+"mlp", b.drop, y, m), x))
}
