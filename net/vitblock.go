package net

import (
	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/rng"
)

// vitBlock is a block of a ViT or a ViTDecoder.
type vitBlock struct {
	prefix              string // of its parameters
	norm1, norm2        layerNorm
	qkv, proj, fc1, fc2 Linear
	heads               int
	drop                float64 // probability of omitting a branch of a sample
}

// vitBlock declares the parameters of a block under prefix: norm1, attn.qkv (rows of queries, keys, values), attn.proj, norm2, mlp.fc1 and mlp.fc2.
func (s Scope) vitBlock(prefix string, width, heads int, xavier bool) vitBlock {
	return vitBlock{prefix: prefix, heads: heads,
		norm1: s.layerNorm(prefix+"norm1", width), qkv: s.vitLinear(prefix+"attn.qkv", width, 3*width, xavier), proj: s.vitLinear(prefix+"attn.proj", width, width, xavier),
		norm2: s.layerNorm(prefix+"norm2", width), fc1: s.vitLinear(prefix+"mlp.fc1", width, 4*width, xavier), fc2: s.vitLinear(prefix+"mlp.fc2", 4*width, width, xavier),
	}
}

// vitLinear declares a linear layer of a transformer. Its bias starts at 0, its weight is normal or, if xavier, drawn by XavierUniform.
func (s Scope) vitLinear(prefix string, in, out int, xavier bool) Linear {
	weight := prefix + ".weight"
	fill := func(w []float32) { s.truncatedNormal(w, weight) }
	if xavier {
		fill = func(w []float32) { XavierUniform(w, in, out, s.Source(weight)) }
	}
	l := Linear{s.Param(weight, fill, out, in), s.Param(prefix+".bias", func([]float32) {}, out)}
	l.bias.NoDecay = true
	return l
}

// Forward maps tokens [N T D] to tokens.
func (b vitBlock) Forward(x *kernels.Tensor, m Mode) *kernels.Tensor {
	y := kernels.Attention(b.queriesKeysValues(x, m), b.heads)
	x = kernels.Add(x, dropPath(b.prefix+"attn", b.drop, b.proj.Forward(y, m), m))
	y = kernels.GELU(b.fc1.Forward(b.norm2.Forward(x, m), m))
	return kernels.Add(x, dropPath(b.prefix+"mlp", b.drop, b.fc2.Forward(y, m), m))
}

// queriesKeysValues maps tokens [N T D] to what the block's attention takes, [N T 3D].
func (b vitBlock) queriesKeysValues(x *kernels.Tensor, m Mode) *kernels.Tensor {
	return b.qkv.Forward(b.norm1.Forward(x, m), m)
}

// dropPath multiplies each sample of the named branch by 0 with a probability, else by 1/(1 − the probability). It does so in training only, and not in
// momentum encoders.
func dropPath(branch string, probability float64, x *kernels.Tensor, m Mode) *kernels.Tensor {
	if probability == 0 || m != Train {
		return x
	}
	g, n := x.Graph(), x.Dim(0)
	name := g.Draw("drop_path."+branch, func(r *kernels.Run, name string, src *rng.Source) {
		factors := r.Floats(name)[:n]
		for i := range factors {
			factors[i] = 0
			if src.Float64() >= probability {
				factors[i] = float32(1 / (1 - probability))
			}
		}
	})
	return kernels.ScaleSamples(x, g.Input(name, kernels.F32, n))
}

// layerNorm is kernels.LayerNorm with ε = 1e-6: weight and bias [D] under prefix.
type layerNorm struct{ gamma, beta *kernels.Param }

func (s Scope) layerNorm(prefix string, width int) layerNorm {
	gamma := s.Param(prefix+".weight", func(v []float32) {
		for i := range v {
			v[i] = 1
		}
	}, width)
	beta := s.Param(prefix+".bias", func([]float32) {}, width)
	gamma.NoDecay, beta.NoDecay = true, true
	return layerNorm{gamma, beta}
}

// Forward normalizes each row.
func (n layerNorm) Forward(x *kernels.Tensor, m Mode) *kernels.Tensor {
	return kernels.LayerNorm(x, m.Param(n.gamma), m.Param(n.beta), 1e-6)
}
