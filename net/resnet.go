package net

import (
	"fmt"
	"slices"
	"strings"

	"marr/kernels"
)

// Config is the shape of a backbone.
type Config struct {
	Arch     string // one of Archs
	Stem     string // one of Stems
	Width    int    // channels of the first stage, before a bottleneck widens them; 64 in torchvision
	Channels int    // of the images
	Norm     string // one of Norms; "": on
}

// Archs lists the architectures, Stems the stems: cifar is 3×3 of stride 1, strided 3×3 of stride 2, imagenet 7×7 of stride 2 and then a max-pool
// of 3×3 and stride 2, which is torchvision's.
var (
	Archs = []string{"resnet10", "resnet18", "resnet34", "resnet50"}
	Stems = []string{"cifar", "strided", "imagenet"}

	archs = map[string]arch{
		"resnet10": {[4]int{1, 1, 1, 1}, 1},
		"resnet18": {[4]int{2, 2, 2, 2}, 1},
		"resnet34": {[4]int{3, 4, 6, 3}, 1},
		"resnet50": {[4]int{3, 4, 6, 3}, 4},
	}
	stems = map[string]stem{
		"cifar":    {kernel: 3, stride: 1, least: 5},
		"strided":  {kernel: 3, stride: 2, least: 9},
		"imagenet": {kernel: 7, stride: 2, pool: true, least: 17},
	}
)

// arch is the blocks of each stage, and how many times as wide as its 3×3 convolutions a block ends: 1 for basic blocks, 4 for bottlenecks.
type arch struct {
	blocks  [4]int
	widened int
}

// stem is a network's beginning. Images of `least` pixels leave it with 5, which the stages' strides make 3, 2 and 1; with fewer, a stage would
// find one row or column and could not halve it.
type stem struct {
	kernel, stride int
	pool           bool
	least          int
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
	return CheckNorm(c.Norm)
}

// CheckSize says, of a Config that passes Check, which images of h × w pixels Forward would refuse.
func (c Config) CheckSize(h, w int) error {
	least := stems[c.Stem].least
	if min(h, w) >= least {
		return nil
	}
	mend := fmt.Sprintf("use images of at least %d×%d pixels", least, least)
	if fit := slices.DeleteFunc(slices.Clone(Stems), func(name string) bool { return stems[name].least > min(h, w) }); len(fit) > 0 {
		mend += ", or the stem " + strings.Join(fit, " or ")
	}
	return fmt.Errorf("net: images of %d×%d pixels are too small for the %s stem: %s", h, w, c.Stem, mend)
}

// Side is that of the last stage's map, of which features are the mean, for images with a side of px.
func (c Config) Side(px int) int {
	halvings := 3 // of the stages
	if s := stems[c.Stem]; s.pool {
		halvings += 2
	} else if s.stride > 1 {
		halvings++
	}
	for range halvings {
		px = (px + 1) / 2
	}
	return px
}

// Dim is the width of the features.
func (c Config) Dim() int { return 8 * c.Width * archs[c.Arch].widened }

// ResNet is a residual network (He et al. 2015, arXiv:1512.03385, sections 4.1 and 4.2) without the classifier: stages of Width, 2·Width, 4·Width
// and 8·Width channels with strides 1, 2, 2, 2, of basic blocks or, in resnet50, of bottlenecks that end four times as wide; then the
// mean over space. Parameter names and first values are torchvision's (torchvision/models/resnet.py).
type ResNet struct {
	config Config
	stem   unit
	blocks []block
}

// unit is a convolution and its norm.
type unit struct {
	conv Conv2d
	bn   Norm
}

// block is torchvision's BasicBlock (3×3, 3×3) or Bottleneck (1×1, 3×3, 1×1), with the shortcut's unit where shapes differ.
type block struct {
	units []unit
	down  *unit
}

// NewResNet declares a backbone's parameters.
func NewResNet(st *kernels.Store, c Config, seed uint64) (*ResNet, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	s, a := stems[c.Stem], archs[c.Arch]
	r := &ResNet{config: c, stem: unit{newConv(st, "conv1", c.Channels, c.Width, s.kernel, s.stride, s.kernel/2, seed), newNorm(st, c.Norm, "bn1", c.Width)}}
	in := c.Width
	for stage, blocks := range a.blocks {
		width := c.Width << stage
		for b := range blocks {
			stride := 1
			if stage > 0 && b == 0 {
				stride = 2
			}
			r.blocks = append(r.blocks, newBlock(st, c.Norm, fmt.Sprintf("layer%d.%d", stage+1, b), in, width, width*a.widened, stride, seed))
			in = width * a.widened
		}
	}
	return r, nil
}

// newBlock makes a block whose 3×3 convolutions have `width` channels: a bottleneck where it ends with more. That has its stride in the 3×3
// convolution, as torchvision's has and unlike the paper's, which has it in the first 1×1.
func newBlock(st *kernels.Store, norm, prefix string, in, width, out, stride int, seed uint64) block {
	var b block
	add := func(in, out, kernel, stride int) {
		n := len(b.units) + 1
		conv := newConv(st, fmt.Sprintf("%s.conv%d", prefix, n), in, out, kernel, stride, kernel/2, seed)
		b.units = append(b.units, unit{conv, newNorm(st, norm, fmt.Sprintf("%s.bn%d", prefix, n), out)})
	}
	if width == out {
		add(in, width, 3, stride)
		add(width, width, 3, 1)
	} else {
		add(in, width, 1, 1)
		add(width, width, 3, stride)
		add(width, out, 1, 1)
	}
	if stride != 1 || in != out {
		b.down = &unit{newConv(st, prefix+".downsample.0", in, out, 1, stride, 0, seed), newNorm(st, norm, prefix+".downsample.1", out)}
	}
	return b
}

// Dim is the width of the features.
func (r *ResNet) Dim() int { return r.config.Dim() }

// Forward maps images [N H W C] to features [N Dim]. Images that CheckSize refuses panic with *kernels.BuildError.
func (r *ResNet) Forward(x *kernels.Tensor, m Mode) *kernels.Tensor {
	if err := r.config.CheckSize(x.Dim(1), x.Dim(2)); err != nil {
		panic(&kernels.BuildError{Op: "ResNet", Msg: strings.TrimPrefix(err.Error(), "net: ")})
	}
	x = r.stem.act(x, nil, m)
	if stems[r.config.Stem].pool {
		x = kernels.MaxPool2D(x, 3, 2, 1)
	}
	for _, b := range r.blocks {
		x = b.Forward(x, m)
	}
	return kernels.GlobalAvgPool(x)
}

// Forward is ReLU(last unit(… ReLU(first unit(x))) + shortcut(x)).
func (b block) Forward(x *kernels.Tensor, m Mode) *kernels.Tensor {
	y, last := x, len(b.units)-1
	for _, u := range b.units[:last] {
		y = u.act(y, nil, m)
	}
	y = b.units[last].conv.Forward(y, m)
	if b.down != nil {
		x = b.down.bn.Forward(b.down.conv.Forward(x, m), m)
	}
	return b.units[last].bn.act(y, x, m)
}

// act is ReLU(norm(conv(x)) + residual).
func (u unit) act(x, residual *kernels.Tensor, m Mode) *kernels.Tensor {
	return u.bn.act(u.conv.Forward(x, m), residual, m)
}
