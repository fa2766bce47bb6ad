package net

import (
	"fmt"
	"slices"
	"strings"

	"github.com/marr-ssl/marr/kernels"
)

// ResNet is a residual network (He et al. 2015, arXiv:1512.03385, sections 4.1 and 4.2) without the classifier: stages of Width, 2·Width, 4·Width
// and 8·Width channels with strides 1, 2, 2, 2, of basic blocks or, in resnet50, of bottlenecks, whose output is four times as wide; then the
// mean over space. Parameter names and initialization are torchvision's (torchvision/models/resnet.py).
type ResNet struct {
	Stem             string `flag:"stem" help:"first layers of a ResNet: cifar (3×3, stride 1), strided (3×3, stride 2) or imagenet (7×7, stride 2, then a max-pool of stride 2); default: strided for resnet10, else cifar up to 64 px and imagenet above" want:"one of cifar, strided, imagenet"`
	Width            int    `flag:"width" help:"channels of the first stage of a ResNet or a ConvNeXt" want:"at least 1, at most 1024"`
	ZeroInitResidual bool   `flag:"zero-init-residual" help:"start each block of a ResNet as its shortcut: the scale of the block's last norm is 0 at the start, as with torchvision's zero_init_residual (Goyal et al. 2017, arXiv:1706.02677, section 5.1)"`

	blocks    [4]int // of each stage
	expansion int    // output channels of a block ÷ channels of its 3×3 convolutions: 1 for basic blocks, 4 for bottlenecks
}

func init() {
	const about = "He et al. 2015, arXiv:1512.03385"
	Register("resnet10", about+", with one block per stage", &ResNet{Width: 64, blocks: [4]int{1, 1, 1, 1}, expansion: 1})
	Register("resnet18", about, &ResNet{Width: 64, blocks: [4]int{2, 2, 2, 2}, expansion: 1})
	Register("resnet34", about, &ResNet{Width: 64, blocks: [4]int{3, 4, 6, 3}, expansion: 1})
	Register("resnet50", about+", with bottlenecks", &ResNet{Width: 64, blocks: [4]int{3, 4, 6, 3}, expansion: 4})
}

// stem is a network's first layers. It reduces images of minSize pixels to 5, and the stages to 3, 2 and 1; a stage cannot halve a single pixel.
type stem struct {
	name           string
	kernel, stride int
	pool           bool
	minSize        int
}

var stems = []stem{
	{name: "cifar", kernel: 3, stride: 1, minSize: 5},
	{name: "strided", kernel: 3, stride: 2, minSize: 9},
	{name: "imagenet", kernel: 7, stride: 2, pool: true, minSize: 17},
}

// stem returns the chosen stem, and false for an unknown name.
func (r *ResNet) stem() (stem, bool) {
	i := slices.IndexFunc(stems, func(s stem) bool { return s.name == r.Stem })
	if i < 0 {
		return stem{}, false
	}
	return stems[i], true
}

// Resolve chooses the stem: strided for the shallow resnet10, else cifar up to 64 px and imagenet above.
func (r *ResNet) Resolve(size int) {
	switch {
	case r.Stem != "":
	case r.blocks == [4]int{1, 1, 1, 1}:
		r.Stem = "strided"
	case size <= 64:
		r.Stem = "cifar"
	default:
		r.Stem = "imagenet"
	}
}

// Check returns an error for an unknown stem or a width out of bounds.
func (r *ResNet) Check() error {
	if _, ok := r.stem(); !ok {
		return fmt.Errorf("net: no stem %q: known are %s", r.Stem, stemNames(stems))
	}
	if r.Width < 1 || r.Width > 1024 {
		return fmt.Errorf("net: width %d: want 1 to 1024", r.Width)
	}
	return nil
}

// MinSize returns 5, 9 or 17 pixels, depending on the stem.
func (r *ResNet) MinSize() int {
	s, _ := r.stem()
	return s.minSize
}

// Fitting names the stems that images of this size are large enough for.
func (r *ResNet) Fitting(size int) string {
	fit := slices.DeleteFunc(slices.Clone(stems), func(s stem) bool { return s.minSize > size })
	if len(fit) == 0 {
		return ""
	}
	return "--stem " + strings.ReplaceAll(stemNames(fit), ", ", " or ")
}

func stemNames(stems []stem) string {
	var names []string
	for _, s := range stems {
		names = append(names, s.name)
	}
	return strings.Join(names, ", ")
}

// Dim returns 8·Width, or 32·Width with bottlenecks.
func (r *ResNet) Dim() int { return 8 * r.Width * r.expansion }

// ParamNames returns "torchvision".
func (r *ResNet) ParamNames() string { return "torchvision" }

// Recognize sets Width and Stem from the shapes of a file's tensors, by torchvision's names. It leaves Stem open after a first convolution of 3×3,
// whose stride shapes do not show. ok is false for another number of blocks, or blocks of another kind.
func (r *ResNet) Recognize(shapes map[string][]int) (channels int, ok bool) {
	first := shapes["conv1.weight"]
	if len(first) != 4 {
		return 0, false
	}
	for stage, blocks := range r.blocks {
		for b := range blocks + 1 {
			if has := len(shapes[fmt.Sprintf("layer%d.%d.conv1.weight", stage+1, b)]) == 4; has != (b < blocks) {
				return 0, false
			}
		}
	}
	if bottleneck := shapes["layer1.0.conv3.weight"] != nil; bottleneck != (r.expansion > 1) {
		return 0, false
	}
	r.Width, r.Stem = first[0], ""
	fit := slices.DeleteFunc(slices.Clone(stems), func(s stem) bool { return s.kernel != first[2] })
	if len(fit) == 1 {
		r.Stem = fit[0].name
	}
	return first[1], true
}

// mapSide returns the side of the last stage's map for images with a side of size pixels.
func (r *ResNet) mapSide(size int) int {
	halvings := 3 // of the stages
	if s, _ := r.stem(); s.pool {
		halvings += 2
	} else if s.stride > 1 {
		halvings++
	}
	for range halvings {
		size = (size + 1) / 2
	}
	return size
}

// Advice warns of a last feature map that is too small to average.
func (r *ResNet) Advice(size int) []string {
	switch side := r.mapSide(size); {
	case r.Stem == "imagenet" && size <= 64:
		return []string{fmt.Sprintf("the imagenet stem leaves %d×%d of %d×%d pixels: --stem cifar or strided keeps more of small images", side, side, size, size)}
	case side == 1:
		return []string{fmt.Sprintf("the network ends with 1×1 of %d×%d pixels: use a --stem with a smaller stride, or a larger --size", size, size)}
	}
	return nil
}

// New declares the network's parameters.
func (r *ResNet) New(s BackboneScope) Network {
	first, _ := r.stem()
	n := &resNet{pool: first.pool,
		stem: unit{s.Conv("conv1", s.Channels, r.Width, first.kernel, first.stride, first.kernel/2), s.BatchNorm("bn1", r.Width)}}
	in := r.Width
	for stage, blocks := range r.blocks {
		width := r.Width << stage
		for b := range blocks {
			stride := 1
			if stage > 0 && b == 0 {
				stride = 2
			}
			n.blocks = append(n.blocks, r.newBlock(s.Scope, fmt.Sprintf("layer%d.%d", stage+1, b), in, width, stride))
			in = width * r.expansion
		}
	}
	return n
}

// resNet is the network of a ResNet.
type resNet struct {
	stem   unit
	pool   bool
	blocks []block
}

// unit is a convolution and its norm.
type unit struct {
	conv Conv2d
	bn   Norm
}

// block is torchvision's BasicBlock (3×3, 3×3) or Bottleneck (1×1, 3×3, 1×1), with a convolution on the shortcut if shapes differ.
type block struct {
	units      []unit
	downsample *unit
}

// newBlock declares a block whose 3×3 convolutions have `width` channels. A bottleneck has its stride in the 3×3 convolution, like torchvision; the paper
// has it in the first 1×1.
func (r *ResNet) newBlock(s Scope, prefix string, in, width, stride int) block {
	var b block
	add := func(in, out, kernel, stride int, scale float32) {
		n := len(b.units) + 1
		conv := s.Conv(fmt.Sprintf("%s.conv%d", prefix, n), in, out, kernel, stride, kernel/2)
		b.units = append(b.units, unit{conv, s.scaledBatchNorm(fmt.Sprintf("%s.bn%d", prefix, n), out, scale)})
	}
	out, last := width*r.expansion, float32(1)
	if r.ZeroInitResidual {
		last = 0
	}
	if r.expansion == 1 {
		add(in, width, 3, stride, 1)
		add(width, width, 3, 1, last)
	} else {
		add(in, width, 1, 1, 1)
		add(width, width, 3, stride, 1)
		add(width, out, 1, 1, last)
	}
	if stride != 1 || in != out {
		b.downsample = &unit{s.Conv(prefix+".downsample.0", in, out, 1, stride, 0), s.BatchNorm(prefix+".downsample.1", out)}
	}
	return b
}

// Pool returns the mean of a feature map over space, [N Dim].
func (r *resNet) Pool(x *kernels.Tensor, _ Mode) *kernels.Tensor { return kernels.GlobalAvgPool(x) }

// Map maps images [N H W C] to the last stage's output [N h w Dim].
func (r *resNet) Map(x *kernels.Tensor, m Mode) *kernels.Tensor {
	x = r.stem.ReLU(x, nil, m)
	if r.pool {
		x = kernels.MaxPool2D(x, 3, 2, 1)
	}
	for _, b := range r.blocks {
		x = b.Forward(x, m)
	}
	return x
}

// Forward returns ReLU(last unit(… ReLU(first unit(x))) + shortcut(x)). The shortcut comes first, so that its gradient comes second: a strided 1×1
// convolution then adds to a part of the gradient, and need not write zeros to the rest.
func (b block) Forward(x *kernels.Tensor, m Mode) *kernels.Tensor {
	y, last := x, len(b.units)-1
	if b.downsample != nil {
		x = b.downsample.bn.Forward(b.downsample.conv.Forward(x, m), m)
	}
	for _, u := range b.units[:last] {
		y = u.ReLU(y, nil, m)
	}
	y = b.units[last].conv.Forward(y, m)
	return b.units[last].bn.ReLU(y, x, m)
}

// ReLU returns ReLU(norm(conv(x)) + residual).
func (u unit) ReLU(x, residual *kernels.Tensor, m Mode) *kernels.Tensor {
	return u.bn.ReLU(u.conv.Forward(x, m), residual, m)
}
