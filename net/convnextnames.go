package net

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Recognize sets StemPatch and Width from the shapes of a file's tensors, by timm's names. ok is false for another number of blocks, for a width that another
// size has, and for other blocks: without layer scale (ConvNeXt V2), or behind a stem of overlapping patches.
func (c *ConvNeXt) Recognize(shapes map[string][]int) (channels int, ok bool) {
	stem := shapes["stem.0.weight"]
	if len(stem) != 4 || stem[2] != stem[3] || len(shapes["stem.1.weight"]) != 1 || c.sizeOf(stem[0]) != c.Width {
		return 0, false
	}
	for stage, blocks := range c.depths {
		for b := range blocks + 1 {
			if has := len(shapes[fmt.Sprintf("stages.%d.blocks.%d.gamma", stage, b)]) > 0; has != (b < blocks) {
				return 0, false
			}
		}
	}
	c.StemPatch, c.Width = stem[2], stem[0]
	return stem[1], true
}

// sizeOf returns the default width of the size that a file of this width is of, among those with as many blocks.
func (c *ConvNeXt) sizeOf(width int) int {
	if c.depths != [4]int{2, 2, 6, 2} {
		return c.Width
	}
	for _, w := range []int{40, 48} {
		if width <= w {
			return w
		}
	}
	return 64
}

// The names of torchvision's ConvNeXt (torchvision/models/convnext.py): features.0 is the stem, then stages and the convolutions between them alternate.
var (
	torchvisionFeatures = regexp.MustCompile(`^features\.([0-7])\.(\d+)\.`)
	torchvisionConvNeXt = strings.NewReplacer("block.0.", "conv_dw.", "block.2.", "norm.", "block.3.", "mlp.fc1.", "block.5.", "mlp.fc2.", "layer_scale", "gamma")
)

// fromTorchvisionConvNeXt returns timm's name of a tensor of torchvision's ConvNeXt; layouts are the same. It returns other names unchanged.
func fromTorchvisionConvNeXt(name string) string {
	if rest, ok := strings.CutPrefix(name, "classifier.0."); ok {
		return "head.norm." + rest
	}
	found := torchvisionFeatures.FindStringSubmatch(name)
	if found == nil {
		return name
	}
	rest, at := name[len(found[0]):], found[2]
	switch part, _ := strconv.Atoi(found[1]); {
	case part == 0:
		return fmt.Sprintf("stem.%s.%s", at, rest)
	case part%2 == 0:
		return fmt.Sprintf("stages.%d.downsample.%s.%s", part/2, at, rest)
	default:
		return fmt.Sprintf("stages.%d.blocks.%s.%s", part/2, at, torchvisionConvNeXt.Replace(rest))
	}
}
