package net

import (
	"fmt"
	"math"
	"regexp"
	"strings"
)

// Recognize sets the settings from the shapes of a file's tensors, by the names of timm and DINO. Heads do not follow from shapes: it sets one for every 64
// features. ok is false for a width that another size has, for positions that are no square, and for parts that this network lacks: layer scale, register
// tokens, a distillation token.
func (v *ViT) Recognize(shapes map[string][]int) (channels int, ok bool) {
	patch, positions := shapes["patch_embed.proj.weight"], shapes["pos_embed"]
	if len(patch) != 4 || patch[2] != patch[3] || len(positions) != 3 || shapes["cls_token"] == nil {
		return 0, false
	}
	grid := int(math.Sqrt(float64(max(positions[1]-1, 0))))
	if defaultWidth(patch[0]) != v.dim || grid*grid != positions[1]-1 {
		return 0, false
	}
	for _, name := range []string{"blocks.0.ls1.gamma", "reg_token", "register_tokens", "dist_token"} {
		if shapes[name] != nil {
			return 0, false
		}
	}
	v.Patch, v.EmbedDim, v.Depth, v.Heads, v.Grid = patch[2], patch[0], 0, headsFor(patch[0], 64), grid
	for shapes[fmt.Sprintf("blocks.%d.attn.qkv.weight", v.Depth)] != nil {
		v.Depth++
	}
	return patch[1], true
}

// defaultWidth returns the default width of the size that a file of this width is of.
func defaultWidth(width int) int {
	for _, d := range []int{192, 384} {
		if width <= d {
			return d
		}
	}
	return 768
}

// The names of torchvision's vision transformers (torchvision/models/vision_transformer.py), from the start or within a block, and timm's. linear_1 and
// linear_2 are in files from before torchvision 0.13.
var (
	torchvisionBlock = regexp.MustCompile(`^encoder\.layers\.encoder_layer_(\d+)\.`)
	torchvisionStart = strings.NewReplacer("^encoder.pos_embedding", "pos_embed", "^class_token", "cls_token", "^conv_proj.", "patch_embed.proj.", "^encoder.ln.", "norm.", "^", "")
	torchvisionPart  = strings.NewReplacer(".ln_1.", ".norm1.", ".ln_2.", ".norm2.", ".self_attention.in_proj_", ".attn.qkv.", ".self_attention.out_proj.", ".attn.proj.",
		".mlp.0.", ".mlp.fc1.", ".mlp.3.", ".mlp.fc2.", ".mlp.linear_1.", ".mlp.fc1.", ".mlp.linear_2.", ".mlp.fc2.")
)

// fromTorchvision returns timm's name of a tensor of torchvision's vision transformers and ConvNeXts; layouts are the same. It returns other names
// unchanged.
func fromTorchvision(name string) string {
	if torchvisionBlock.MatchString(name) {
		return torchvisionPart.Replace(torchvisionBlock.ReplaceAllString(name, "blocks.$1."))
	}
	return fromTorchvisionConvNeXt(torchvisionStart.Replace("^" + name))
}
