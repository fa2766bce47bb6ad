package net

import (
	"fmt"
	"slices"
	"strings"

	"marr/kernels"
)

// Config is the shape of a backbone.
type Config struct {
	Arch     string // resnet10 or resnet18
	Stem     string // strided: 3×3 stride 2; cifar: 3×3 stride 1; neither has a max-pool
	Width    int    // channels of the first stage; 64 in torchvision
	Channels int    // of the images
}

// Archs lists the architectures, Stems the stems.
var (
	Archs = []string{"resnet10", "resnet18"}
	Stems = []string{"cifar", "strided"}

	blocks = map[string]int{"resnet10": 1, "resnet18": 2} // a stage
)

// ResNet is a residual network of basic blocks (He et al. 2015, arXiv:1512.03385, section 4.1) without the classifier: stages of Width, 2·Width,
// 4·Width and 8·Width channels with strides 1, 2, 2, 2, then the mean over space. Parameter names and first values are
// torchvision's (torchvision/models/resnet.py).
type ResNet struct {
	conv1  Conv2d
	bn1    BatchNorm
	stages []block
	dim    int
}

// block is torchvision's BasicBlock.
type block struct {
	conv1, conv2 Conv2d
	bn1, bn2     BatchNorm
	down         *shortcut
}

type shortcut struct {
	conv Conv2d
	bn   BatchNorm
}

// Check says what NewResNet would refuse.
func (c Config) Check() error {
	switch {
	case !slices.Contains(Archs, c.Arch):
		return fmt.Errorf("net: no architecture %q: known are %s", c.Arch, strings.Join(Archs, ", "))
	case !slices.Contains(Stems, c.Stem):
		return fmt.Errorf("net: no stem %q: known are %s", c.Stem, strings.Join(Stems, ", "))
	case c.Width < 1 || c.Width > 1024 || c.Channels < 1:
		return fmt.Errorf("net: width %d, %d image channels: want a width of 1 to 1024 and at least one channel", c.Width, c.Channels)
	}
	return nil
}

// NewResNet declares a backbone's parameters.
func NewResNet(st *kernels.Store, c Config, seed uint64) (*ResNet, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	stride := 1
	if c.Stem == "strided" {
		stride = 2
	}
	r := &ResNet{conv1: newConv(st, "conv1", c.Channels, c.Width, 3, stride, 1, seed), bn1: newNorm(st, "bn1", c.Width), dim: 8 * c.Width}
	in := c.Width
	for stage := range 4 {
		out := c.Width << stage
		for b := range blocks[c.Arch] {
			stride := 1
			if stage > 0 && b == 0 {
				stride = 2
			}
			r.stages = append(r.stages, newBlock(st, fmt.Sprintf("layer%d.%d", stage+1, b), in, out, stride, seed))
			in = out
		}
	}
	return r, nil
}

func newBlock(st *kernels.Store, prefix string, in, out, stride int, seed uint64) block {
	b := block{
		conv1: newConv(st, prefix+".conv1", in, out, 3, stride, 1, seed), bn1: newNorm(st, prefix+".bn1", out),
		conv2: newConv(st, prefix+".conv2", out, out, 3, 1, 1, seed), bn2: newNorm(st, prefix+".bn2", out),
	}
	if stride != 1 || in != out {
		b.down = &shortcut{newConv(st, prefix+".downsample.0", in, out, 1, stride, 0, seed), newNorm(st, prefix+".downsample.1", out)}
	}
	return b
}

// Dim is the width of the features.
func (r *ResNet) Dim() int { return r.dim }

// Forward maps images [N H W C] to features [N Dim]. Images of which a stage of stride 2 finds only one row or column left panic
// with *kernels.BuildError: the cifar stem takes 5 pixels and more, the strided one 9.
func (r *ResNet) Forward(x *kernels.Tensor, m Mode) *kernels.Tensor {
	images := x.Shape()
	x = r.bn1.act(r.conv1.Forward(x, m), nil, m)
	for _, b := range r.stages {
		if h, w := x.Dim(1), x.Dim(2); b.conv1.stride > 1 && min(h, w) < 2 {
			panic(&kernels.BuildError{Op: "ResNet", Msg: fmt.Sprintf("images %v: a stage is left with %d×%d and cannot halve it: "+
				"use larger images, or the cifar stem", images, h, w)})
		}
		x = b.Forward(x, m)
	}
	return kernels.GlobalAvgPool(x)
}

// Forward is ReLU(bn2(conv2(ReLU(bn1(conv1(x))))) + shortcut(x)).
func (b block) Forward(x *kernels.Tensor, m Mode) *kernels.Tensor {
	y := b.conv2.Forward(b.bn1.act(b.conv1.Forward(x, m), nil, m), m)
	if b.down != nil {
		x = b.down.bn.Forward(b.down.conv.Forward(x, m), m)
	}
	return b.bn2.act(y, x, m)
}
