package net

import (
	"fmt"

	"github.com/marr-ssl/marr/kernels"
)

// ViT is a vision transformer (Dosovitskiy et al. 2020, arXiv:2010.11929) in the form of DINO and of timm, without the classifier: the image is cut into
// patches, each becomes a token by one linear layer, a class token is put in front, positions are added, Depth blocks follow, then a layer norm:
//
//	block: x ← x + proj(attention(norm1(x))), x ← x + fc2(GELU(fc1(norm2(x)))), with 4·EmbedDim numbers between fc1 and fc2
//
// Layer norms have ε = 1e-6, and every linear layer has a bias. There is no dropout and no layer scale. In training, block i of Depth omits each of its two
// branches with probability DropPath·i/(Depth − 1), one draw for each sample, and divides those that it keeps by the probability of keeping them. With
// FreezePatches, the linear layer of the patches is not trained. Names and layouts are those of DINO (facebookresearch/dino, vision_transformer.py) and timm
// (huggingface/pytorch-image-models, timm/models/vision_transformer.py). So are the initial values, positions included, unless Positions and Xavier choose
// those of masked autoencoders (facebookresearch/mae, models_mae.py).
type ViT struct {
	Patch     int     `flag:"patch" help:"side of the patches of a vision transformer, in pixels: 2, 4, 8 or 16; default: 4 up to 40 px, 8 up to 128 px, 16 above" want:"0 or at least 2, at most 64"`
	EmbedDim  int     `flag:"embed-dim" help:"width of the tokens of a vision transformer; default: 192 in vit-tiny, 384 in vit-small, 768 in vit-base" want:"0 or at least 4, at most 4096"`
	Depth     int     `flag:"depth" help:"blocks of a vision transformer; default: 12" want:"0 or at least 1, at most 100"`
	Heads     int     `flag:"heads" help:"attention heads of each block of a vision transformer; default: one for every 64 features" want:"0 or at least 1, at most 256"`
	Pool      string  `flag:"pool" help:"features of a vision transformer: cls (the class token) or mean (the mean of the patch tokens), after the last norm" want:"one of cls, mean"`
	Grid      int     `flag:"grid" help:"side of the grid of positions of a vision transformer, in patches; images of another size interpolate them; default: that of the images" want:"0 or at least 1, at most 512"`
	Positions string  `flag:"positions" help:"positions of a vision transformer: learned, or sincos: fixed sines and cosines (MAE); weights of a file keep its positions" want:"one of learned, sincos" of:"training"`
	Xavier    bool    `flag:"xavier" help:"draw the initial weights of a vision transformer by Xavier's rule, as MAE; default: normal with deviation 0.02, as DINO" of:"training"`
	DropPath  float64 `flag:"drop-path" help:"rate of stochastic depth in a ConvNeXt or a vision transformer: in training, the last block omits each of its branches for this fraction of the samples, earlier blocks for less (Huang et al. 2016, arXiv:1603.09382; 0.1 in DINO)" want:"at least 0, below 1" of:"training"`

	FreezePatches bool `flag:"freeze-patches" help:"do not train the projection of the patches of a vision transformer, which makes MoCo v3 more stable (Chen, Xie and He 2021, arXiv:2104.02057, section 4.2)" of:"training"`

	dim int // default of EmbedDim
}

func init() {
	const about = "Dosovitskiy et al. 2020, arXiv:2010.11929, as in Caron et al. 2021, arXiv:2104.14294"
	Register("vit-tiny", about, &ViT{Pool: "cls", Positions: "learned", dim: 192})
	Register("vit-small", about, &ViT{Pool: "cls", Positions: "learned", dim: 384})
	Register("vit-base", about, &ViT{Pool: "cls", Positions: "learned", dim: 768})
}

// Resolve chooses the settings that are 0. Heads have at most 64 features, if that divides the width into multiples of 4.
func (v *ViT) Resolve(size int) {
	choose := func(setting *int, value int) {
		if *setting == 0 {
			*setting = value
		}
	}
	switch {
	case size <= 40:
		choose(&v.Patch, 4)
	case size <= 128:
		choose(&v.Patch, 8)
	default:
		choose(&v.Patch, 16)
	}
	choose(&v.EmbedDim, v.dim)
	choose(&v.Depth, 12)
	choose(&v.Heads, headsFor(v.EmbedDim, 64))
	choose(&v.Grid, max(1, size/v.Patch))
}

// headsFor returns the number of heads for tokens of a width, so that each has at most this many features, if that divides the width into multiples of 4.
func headsFor(width, features int) int {
	n := (width + features - 1) / features
	for n > 1 && width%(4*n) != 0 {
		n--
	}
	return n
}

// Check returns an error for settings that were not resolved, or heads that do not divide the width into multiples of 4.
func (v *ViT) Check() error {
	switch {
	case v.Patch < 1 || v.EmbedDim < 1 || v.Depth < 1 || v.Heads < 1 || v.Grid < 1:
		return fmt.Errorf("net: a vision transformer with patch %d, width %d, depth %d, %d heads and grid %d: want all of them at least 1", v.Patch, v.EmbedDim, v.Depth, v.Heads, v.Grid)
	case v.EmbedDim%(4*v.Heads) != 0:
		return fmt.Errorf("net: --embed-dim %d in %d heads: the width of a head must be a multiple of 4: choose --embed-dim as a multiple of %d, or other --heads", v.EmbedDim, v.Heads, 4*v.Heads)
	case v.Pool != "cls" && v.Pool != "mean":
		return fmt.Errorf("net: no pool %q: known are cls, mean", v.Pool)
	case v.Positions != "learned" && v.Positions != "sincos":
		return fmt.Errorf("net: no positions %q: known are learned, sincos", v.Positions)
	}
	return nil
}

// MinSize returns the side of a patch.
func (v *ViT) MinSize() int { return v.Patch }

// PatchSize returns Patch.
func (v *ViT) PatchSize() int { return v.Patch }

// Dim returns EmbedDim.
func (v *ViT) Dim() int { return v.EmbedDim }

// ParamNames returns "timm".
func (v *ViT) ParamNames() string { return "timm" }

// IsTransformer returns true.
func (v *ViT) IsTransformer() bool { return true }

// Fitting names the patches that images of this size are large enough for.
func (v *ViT) Fitting(size int) string {
	if size < 2 {
		return ""
	}
	return fmt.Sprintf("--patch %d", min(size, v.Patch/2))
}

// Advice warns of pixels that no patch covers, and of images of few patches.
func (v *ViT) Advice(size int) (advice []string) {
	side := size / v.Patch
	if rest := size % v.Patch; rest > 0 {
		advice = append(advice, fmt.Sprintf("patches of %d px leave %d of %d px of each image unused: choose a --size that is a multiple of --patch", v.Patch, rest, size))
	}
	if side < 4 {
		advice = append(advice, fmt.Sprintf("images of %d×%d px have only %d patches of %d px: a smaller --patch or a larger --size shows more", size, size, side*side, v.Patch))
	}
	return advice
}

// New declares the network's parameters.
func (v *ViT) New(s BackboneScope) Network {
	n := &vit{ViT: *v, norm: s.layerNorm("norm", v.EmbedDim)}
	fan := s.Channels * v.Patch * v.Patch
	uniform := func(name string, shape ...int) *kernels.Param {
		return s.Param(name, func(w []float32) { LinearUniform(w, fan, s.Source(name)) }, shape...)
	}
	weight := uniform
	if v.Xavier { // MAE draws the bias as PyTorch does
		weight = func(name string, shape ...int) *kernels.Param {
			return s.Param(name, func(w []float32) { XavierUniform(w, fan, v.EmbedDim, s.Source(name)) }, shape...)
		}
	}
	n.patches = Conv2d{weight("patch_embed.proj.weight", v.EmbedDim, v.Patch, v.Patch, s.Channels), v.Patch, 0}
	n.bias = uniform("patch_embed.proj.bias", v.EmbedDim)
	n.bias.NoDecay = true
	if v.FreezePatches {
		n.patches.weight.LR, n.bias.LR = 0, 0
	}
	normal := func(name string, tokens int) *kernels.Param {
		return s.Param(name, func(w []float32) { s.truncatedNormal(w, name) }, 1, tokens, v.EmbedDim)
	}
	n.class = normal("cls_token", 1)
	if v.Positions == "sincos" {
		n.positions = s.fixedPositions("pos_embed", v.Grid, v.Grid, v.EmbedDim)
	} else {
		n.positions = positions{rows: v.Grid, columns: v.Grid, learned: normal("pos_embed", 1+v.Grid*v.Grid)}
	}
	for i := range v.Depth {
		b := s.vitBlock(fmt.Sprintf("blocks.%d.", i), v.EmbedDim, v.Heads, v.Xavier)
		b.drop = v.DropPath * float64(i) / float64(max(1, v.Depth-1))
		n.blocks = append(n.blocks, b)
	}
	return n
}

// vit is the network of a ViT.
type vit struct {
	ViT
	patches   Conv2d
	bias      *kernels.Param // of patches
	class     *kernels.Param
	positions positions
	blocks    []vitBlock
	norm      layerNorm
}

// Pool returns the class token or the mean of the patch tokens, [N EmbedDim].
func (n *vit) Pool(x *kernels.Tensor, _ Mode) *kernels.Tensor {
	images, tokens, dim := x.Dim(0), x.Dim(1), x.Dim(2)
	if n.ViT.Pool == "cls" {
		return kernels.Reshape(kernels.SliceTokens(x, 0, 1), images, dim)
	}
	return kernels.GlobalAvgPool(kernels.Reshape(kernels.SliceTokens(x, 1, tokens), images, tokens-1, 1, dim))
}

// Map maps images [N H W C] to their tokens [N T EmbedDim] after the last norm: the class token, then the patches row by row. Pixels to the right of the
// last whole patch, and below it, are unused.
func (n *vit) Map(x *kernels.Tensor, m Mode) *kernels.Tensor { return n.encode(n.embed(x, m), m) }

// MapTokens maps images [N H W C] to those of their tokens that index [N·K] names, [N K EmbedDim]: see PatchNetwork.
func (n *vit) MapTokens(x, index *kernels.Tensor, m Mode) *kernels.Tensor {
	return n.encode(kernels.GatherTokens(n.embed(x, m), index, nil), m)
}

// embed returns the tokens [N T EmbedDim] of images, with their positions.
func (n *vit) embed(x *kernels.Tensor, m Mode) *kernels.Tensor {
	g, h, w := x.Graph(), x.Dim(1)/n.Patch, x.Dim(2)/n.Patch
	x = kernels.Bias(kernels.Reshape(n.patches.Forward(x, m), x.Dim(0), h*w, n.EmbedDim), m.Param(n.bias))
	if n.FreezePatches {
		x = kernels.StopGrad(x)
	}
	x = kernels.PrependToken(x, m.Param(n.class).Value(g))
	return kernels.AddPositions(x, n.positions.of(h, w, g, m))
}

// LastAttention returns queries, keys and values [N T 3·EmbedDim] of the last block, and its heads.
func (n *vit) LastAttention(x *kernels.Tensor, m Mode) (qkv *kernels.Tensor, heads int) {
	x = n.embed(x, m)
	last := len(n.blocks) - 1
	for _, b := range n.blocks[:last] {
		x = b.Forward(x, m)
	}
	b := n.blocks[last]
	return b.queriesKeysValues(x, m), b.heads
}

// encode applies the blocks and the last norm.
func (n *vit) encode(x *kernels.Tensor, m Mode) *kernels.Tensor {
	for _, b := range n.blocks {
		x = b.Forward(x, m)
	}
	return n.norm.Forward(x, m)
}
