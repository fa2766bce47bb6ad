package net

import (
	"fmt"

	"github.com/marr-ssl/marr/kernels"
)

// ViTDecoder predicts removed patches of images from the tokens of the others (He et al. 2022, arXiv:2111.06377, section 3; facebookresearch/mae,
// models_mae.py): a linear layer to the decoder's width, a mask token in the place of each removed patch, the fixed positions of sines and cosines, blocks
// as those of a ViT, a layer norm, and a linear layer to the numbers of a patch. Layer norms have ε = 1e-6. Weights are drawn by XavierUniform, the mask token
// is normal with a deviation of 0.02. Names are those of MAE: decoder_embed, mask_token, decoder_pos_embed, decoder_blocks.0, decoder_norm, decoder_pred.
type ViTDecoder struct {
	embed, pred Linear
	mask        *kernels.Param
	positions   positions
	blocks      []vitBlock
	norm        layerNorm
}

// ViTDecoderConfig describes a ViTDecoder.
type ViTDecoderConfig struct {
	In, Out             int // widths of the encoder's tokens and of a predicted patch
	Rows, Columns       int // of the patches of an image
	Width, Depth, Heads int // Heads 0: one for every 32 features, as in the paper
}

// ViTDecoder declares the parameters of a decoder.
func (s Scope) ViTDecoder(c ViTDecoderConfig) *ViTDecoder {
	if c.Heads == 0 {
		c.Heads = headsFor(c.Width, 32)
	}
	if c.Width < 1 || c.Depth < 1 || c.Heads < 1 || c.Width%(4*c.Heads) != 0 {
		panic(&kernels.BuildError{Op: "decoder", Msg: fmt.Sprintf("%d blocks of width %d in %d heads: want at least one, and heads whose width is a multiple of 4: choose a width that is a multiple of %d, or other heads",
			c.Depth, c.Width, c.Heads, 4*c.Heads)})
	}
	d := &ViTDecoder{embed: s.vitLinear("decoder_embed", c.In, c.Width, true), positions: s.fixedPositions("decoder_pos_embed", c.Rows, c.Columns, c.Width),
		norm: s.layerNorm("decoder_norm", c.Width), pred: s.vitLinear("decoder_pred", c.Width, c.Out, true)}
	d.mask = s.Param("mask_token", func(v []float32) { s.truncatedNormal(v, "mask_token") }, 1, 1, c.Width)
	for i := range c.Depth {
		d.blocks = append(d.blocks, s.vitBlock(fmt.Sprintf("decoder_blocks.%d.", i), c.Width, c.Heads, true))
	}
	return d
}

// Forward returns predictions [N R Out] of R patches of each image from tokens x [N K In] of the class and of other patches. restore [N·(1+L)] names for each
// token of the whole image the one of x, or a number outside 0 … K−1 for a removed patch; removed [N·R] names the patches to predict. Both are I32 numbers
// that the host fills before each run.
func (d *ViTDecoder) Forward(x, restore, removed *kernels.Tensor, m Mode) *kernels.Tensor {
	g := x.Graph()
	x = kernels.GatherTokens(d.embed.Forward(x, m), restore, m.Param(d.mask).Value(g))
	x = kernels.AddPositions(x, d.positions.value(g, m))
	for _, b := range d.blocks {
		x = b.Forward(x, m)
	}
	x = kernels.GatherTokens(kernels.SliceTokens(x, 1, x.Dim(1)), removed, nil)
	return d.pred.Forward(d.norm.Forward(x, m), m)
}
