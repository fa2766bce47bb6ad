package ref

import "math"

// Attention is multi-head self-attention of packed queries, keys and values: y = softmax(q·kᵀ/√(D/heads))·v for each head. qkv [N T 3D] has the features
// of q, then those of k and v, each with the heads one after the other; y [N T D].
// Source: Vaswani et al. 2017, arXiv:1706.03762, eq. 1; the layout is that of facebookresearch/dino, vision_transformer.py, Attention.
func Attention(qkv *Tensor, heads int) *Tensor {
	wantShape("Attention", "qkv", qkv, -1, -1, -1)
	images, tokens, d := qkv.Shape[0], qkv.Shape[1], qkv.Last()/3
	width := d / heads
	if qkv.Last() != 3*heads*width {
		fail("Attention", "the features are not those of three times so many heads", qkv, heads)
	}
	y := New(images, tokens, d)
	for n := range images {
		for h := range heads {
			head := func(part int) *Tensor {
				m := New(tokens, width)
				for t := range tokens {
					copy(m.Row(t), qkv.Row(n*tokens + t)[part*d+h*width:])
				}
				return m
			}
			scores := Scale(MatMul(head(0), head(1), false, true), 1/math.Sqrt(float64(width)))
			for t, result := 0, MatMul(Softmax(scores, 1), head(2), false, false); t < tokens; t++ {
				copy(y.Row(n*tokens + t)[h*width:], result.Row(t))
			}
		}
	}
	return y
}
