package bench

import (
	"fmt"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/rng"
)

// Cases returns all cases of MeasureKernels. Square matrices have side 512 on slow devices, 4096 on others.
func Cases(p Peak) []Case {
	side := 4096
	if p.slow() {
		side = 512
	}
	all := append([]Case{}, matmulCases(side)...)
	all = append(all, linearCase(512, 2048), linearCase(2048, 128))
	all = append(all, attentionCase(65), attentionCase(197))
	all = append(all, convCases()...)
	all = append(all, depthwiseCases("depthwise: convnext-atto, 32 px", 256, 40, 16)...)
	all = append(all, depthwiseCases("depthwise: convnext-tiny, 224 px", 32, 96, 56)...)
	for _, v := range []conv{{k: 64, px: 32}, {k: 512, px: 4}} {
		all = append(all, elementwiseCases("elementwise: resnet18, 32 px", 256, v.k, v.px)...)
	}
	all = append(all, elementwiseCases("elementwise: resnet50, 224 px", 32, 256, 56)...)
	return append(all, lossCases()...)
}

func matmulCases(side int) []Case {
	var out []Case
	for _, v := range []struct {
		name           string
		transA, transB bool
	}{{"NN", false, false}, {"NT", false, true}, {"TN", true, false}} {
		square := []Input{{Shape: []int{side, side}}, {Shape: []int{side, side}}}
		cube, area := float64(side)*float64(side)*float64(side), float64(side)*float64(side)
		out = append(out, Case{Group: "matmul", Name: fmt.Sprintf("%s %d³", v.name, side), Batch: 1,
			Passes: []Pass{{forward, func(int) float64 { return 2 * cube }, func(int) float64 { return 12 * area }}},
			Inputs: func(int) []Input { return square },
			Op: func(_ *kernels.Graph, in []*kernels.Tensor) *kernels.Tensor {
				return kernels.MatMul(in[0], in[1], v.transA, v.transB)
			}})
	}
	return out
}

// linearCase returns the case of a projector layer on 512 rows.
func linearCase(c, k int) Case {
	work := func(n int) float64 { return 2 * float64(n) * float64(c) * float64(k) }
	bytes := func(n int) float64 { return 4 * float64(n*c+n*k+c*k) }
	return Case{Group: "linear", Name: fmt.Sprintf("%d→%d", c, k), Batch: 512,
		Passes: []Pass{{forward, work, bytes}, {dgrad, work, bytes}, {wgrad, work, bytes}},
		Inputs: func(n int) []Input { return []Input{{Shape: []int{n, c}}} },
		Out:    func(n int) []int { return []int{n, k} },
		Op: func(g *kernels.Graph, in []*kernels.Tensor) *kernels.Tensor {
			return kernels.Linear(in[0], weight(g, k, c), nil)
		}}
}

// attentionCase returns the case of a layer of ViT-S: six heads of 64. Images of 32 px in patches of 4 have 65 tokens, of 224 px in patches of 16 197.
func attentionCase(tokens int) Case {
	const heads, width = 6, 64
	square := func(products int) func(n int) float64 {
		return func(n int) float64 { return 2 * float64(products) * float64(n*heads) * float64(tokens*tokens*width) }
	}
	bytes := func(tensors int) func(n int) float64 { return memoryPass("", tokens*heads*width, tensors).Bytes }
	return Case{Group: "attention", Name: fmt.Sprintf("ViT-S, %d tokens", tokens), Batch: 256,
		Passes: []Pass{{forward, square(2), bytes(4)}, {backward, square(4), bytes(8)}},
		Inputs: func(n int) []Input { return []Input{{Shape: []int{n, tokens, 3 * heads * width}}} },
		Out:    func(n int) []int { return []int{n, tokens, heads * width} },
		Op:     func(_ *kernels.Graph, in []*kernels.Tensor) *kernels.Tensor { return kernels.Attention(in[0], heads) }}
}

// memoryPass returns a memory-bound pass that reads and writes this many tensors of `size` floats per image.
func memoryPass(name string, size, tensors int) Pass {
	return Pass{Name: name, Bytes: func(n int) float64 { return 4 * float64(tensors) * float64(n) * float64(size) }}
}

// elementwiseCases returns the memory-bound ops on c channels of px × px. The forward pass of batch norm with ReLU reads x (and the
// residual) and writes y; the backward pass reads dy, x and y and writes dx (and the residual's gradient). The extra read of x for the mean
// is not counted.
func elementwiseCases(group string, batch, c, px int) []Case {
	shape := func(n int) []int { return []int{n, px, px, c} }
	size := px * px * c
	one := func(n int) []Input { return []Input{{Shape: shape(n)}} }
	two := func(n int) []Input { return []Input{{Shape: shape(n)}, {Shape: shape(n)}} }
	name := func(op string) string { return fmt.Sprintf("%s %d @%d", op, c, px) }
	return []Case{
		{Group: group, Name: name("batch norm, ReLU"), Batch: batch,
			Passes: []Pass{memoryPass(forward, size, 2), memoryPass(backward, size, 4)}, Inputs: one, Out: shape,
			Op: func(g *kernels.Graph, in []*kernels.Tensor) *kernels.Tensor {
				return kernels.BatchNorm(in[0], norm(g, c), nil, true, true)
			}},
		{Group: group, Name: name("same + residual"), Batch: batch,
			Passes: []Pass{memoryPass(forward, size, 3), memoryPass(backward, size, 5)}, Inputs: two, Out: shape,
			Op: func(g *kernels.Graph, in []*kernels.Tensor) *kernels.Tensor {
				return kernels.BatchNorm(in[0], norm(g, c), in[1], true, true)
			}},
		{Group: group, Name: name("ReLU"), Batch: batch, Passes: []Pass{memoryPass(forward, size, 2), memoryPass(backward, size, 3)}, Inputs: one, Out: shape,
			Op: func(_ *kernels.Graph, in []*kernels.Tensor) *kernels.Tensor { return kernels.ReLU(in[0]) }},
		{Group: group, Name: name("add"), Batch: batch, Passes: []Pass{memoryPass(forward, size, 3)}, Inputs: two,
			Op: func(_ *kernels.Graph, in []*kernels.Tensor) *kernels.Tensor { return kernels.Add(in[0], in[1]) }},
		{Group: group, Name: name("global average"), Batch: batch, Passes: []Pass{memoryPass(forward, size, 1), memoryPass(backward, size, 1)}, Inputs: one,
			Out: func(n int) []int { return []int{n, c} },
			Op:  func(_ *kernels.Graph, in []*kernels.Tensor) *kernels.Tensor { return kernels.GlobalAvgPool(in[0]) }},
	}
}

// norm declares the parameters and the running statistics of a batch norm.
func norm(g *kernels.Graph, c int) kernels.Norm {
	fill := func(v float32) func() []float32 {
		return func() []float32 {
			out := make([]float32, c)
			for i := range out {
				out[i] = v
			}
			return out
		}
	}
	st := g.Store()
	return kernels.Norm{Gamma: st.Param("gamma", fill(1), c), Beta: st.Param("beta", fill(0), c), Mean: st.State("mean", 0, c), Var: st.State("var", 1, c),
		Eps: 1e-5, BNMomentum: 0.1}
}

// lossCases returns the ops that a step runs once: loss, optimizer and views; and softmax.
func lossCases() []Case {
	const group, dim, classes, block = "once a step", 128, 1000, 1 << 10
	pair := func(n int) float64 { return 2 * float64(2*n) * float64(2*n) * dim }
	embeddings := func(n int) float64 { return 8 * float64(n*dim) }
	rows := func(n int) []int { return []int{n, classes} }
	return []Case{
		{Group: group, Name: "NT-Xent, 2 views of 128", Batch: 512,
			Passes: []Pass{{forward, pair, embeddings}, {backward, pair, func(n int) float64 { return 2 * embeddings(n) }}},
			Inputs: func(n int) []Input { return []Input{{Shape: []int{2 * n, dim}}} }, Out: func(int) []int { return []int{1} },
			Op: func(_ *kernels.Graph, in []*kernels.Tensor) *kernels.Tensor { return kernels.NTXent(in[0], 0.2) }},
		{Group: group, Name: "softmax of 1000", Batch: 4096, Passes: []Pass{memoryPass(forward, classes, 2), memoryPass(backward, classes, 3)},
			Inputs: func(n int) []Input { return []Input{{Shape: rows(n)}} }, Out: rows,
			Op: func(_ *kernels.Graph, in []*kernels.Tensor) *kernels.Tensor { return kernels.Softmax(in[0], 1) }},
		{Group: group, Name: "finite check and AdamW", Batch: 11 << 10, // blocks of 1024 parameters: 11.5 million, ResNet-18's
			Passes: []Pass{memoryPass(update, block, 8)}, // the check reads the gradients; AdamW reads them again, with p, m and v, and writes p, m and v
			Inputs: func(n int) []Input { return []Input{{Shape: []int{n}}, {Shape: []int{1}}} },
			Op: func(g *kernels.Graph, in []*kernels.Tensor) *kernels.Tensor {
				weight(g, in[0].Dim(0), block)
				g.CheckFinite(in[1])
				kernels.AdamW{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}.Update(g)
				return nil
			}},
		viewCase("views @32, gray", 1, 32, 32, kernels.ViewFormat{Size: 32}),
		viewCase("views @32, RGB", 3, 32, 32, kernels.ViewFormat{Size: 32}),
		viewCase("views @96, blurred", 3, 120, 120, kernels.ViewFormat{Size: 96, Blur: 9}),
		viewCase("views @224, blurred", 3, 280, 373, kernels.ViewFormat{Size: 224, Blur: 23}),
	}
}

// viewCase returns the case of painting views of images of h × w with all augmentations of SimCLR: square crops of 0.45 to 1 of the height,
// flip, all four ops of color jitter, grayscale, and blur if v has one. It reads bytes and writes vectors of four floats.
func viewCase(name string, channels, h, w int, v kernels.ViewFormat) Case {
	p := kernels.ImageFormat{Pixels: h * w, C: channels, Mean: []float64{0.5, 0.5, 0.5}[:channels], Std: []float64{0.25, 0.25, 0.25}[:channels]}
	row := func(i int, dst []float32) {
		s := rng.New(1, uint32(i))
		side, size := 1+int(s.Range(0.45, 1)*float64(h-1)), float32(v.Size)
		top, left := s.Intn(h-side+1), s.Intn(w-side+1)
		const bcsh = 1 | 2<<3 | 3<<6 | 4<<9
		copy(dst, []float32{float32(top), float32(left), float32(side), float32(side), float32(w), size, size, 0, 0, 1,
			bcsh, 1.2, 0.8, 0.9, 0.1, 1, min(float32(v.Blur), 1), 2}) // in the order of kernels.ViewRow
	}
	return Case{Group: "once a step", Name: name, Batch: 512,
		Passes: []Pass{{Name: forward, Bytes: func(n int) float64 { return float64(n) * float64(p.Bytes()+16*v.Size*v.Size) }}},
		Inputs: func(n int) []Input {
			return []Input{{Type: kernels.U8, Shape: []int{n, p.Bytes()}}, {Shape: []int{n, kernels.ViewRow}, Row: row}}
		},
		Op: func(_ *kernels.Graph, in []*kernels.Tensor) *kernels.Tensor { return kernels.Views(in[0], in[1], p, v) }}
}
