package kernels

import (
	"fmt"
	"math"
	"slices"
)

// Attention is multi-head self-attention (Vaswani et al. 2017, arXiv:1706.03762, eq. 1) of qkv [N T 3D], rows of queries, keys and values, each with
// the features of the heads one after the other, as the layer attn.qkv of timm and DINO returns them:
//
//	y = softmax(q·kᵀ/√(D/heads))·v for each head, [N T D]
//
// D/heads is a multiple of 4. Up to a width of 64 the T×T weights are never in memory: the kernels take the keys tile by tile with a running maximum and
// sum (Dao et al. 2022, arXiv:2205.14135), and backward keeps qkv, y and four numbers for each head and token. Backward computes the weights again, once
// for the gradient of q and once for those of k and v, so each number has one owner that adds its terms in a fixed order. Wider heads, and
// MARR_KERNELS=composed, use matrix products and softmax instead; backward then keeps the weights, N·heads·T² numbers, and q, k and v of each head.
func Attention(qkv *Tensor, heads int) *Tensor {
	g := qkv.g
	wantShape("Attention", qkv, 3)
	if heads < 1 || qkv.Width()%(3*heads*lanes) != 0 {
		misuse("Attention", "%v with %d heads: want queries, keys and values of heads whose width is a multiple of %d", qkv, heads, lanes)
	}
	features := qkv.Width() / 3
	y := g.result("Attention", []int{qkv.Dim(0), qkv.Dim(1), features}, qkv)
	g.node("Attention", y, onnxAttention, map[string]float64{"heads": float64(heads)}, qkv)
	a := attention{qkv: qkv, y: y, images: qkv.Dim(0), tokens: qkv.Dim(1), heads: heads, width: features / heads}
	a.scale = 1 / math.Sqrt(float64(a.width))
	if family, ok := fusedAttention[a.family(g)]; ok {
		a.fused(g, family)
	} else {
		a.composed(g)
	}
	return y
}

func onnxAttention(n Node, o ONNX) {
	x, y, heads := o.Value(n.In[0]), o.Value(n.Out), int(n.Attr["heads"])
	features := n.Out.Width()
	width := features / heads
	node := func(op, part string, inputs []string, attrs ...Attr) string {
		o.Node(op, y+"/"+part, inputs, y+"_"+part, attrs...)
		return y + "_" + part
	}
	split := node("Reshape", "split", []string{x, o.Ints(fmt.Sprintf("heads_%dx%d", heads, width), 0, 0, 3, heads, width)})
	parts := node("Transpose", "parts", []string{split}, Attr{"perm", []int{2, 0, 3, 1, 4}})
	part := func(name string, i int) string {
		return node("Gather", name, []string{parts, o.Int(fmt.Sprintf("part_%d", i), i)}, Attr{"axis", 0})
	}
	q := node("Mul", "scaled", []string{part("q", 0), o.Floats(fmt.Sprintf("scale_%d", width), []float32{float32(1 / math.Sqrt(float64(width)))})})
	k := node("Transpose", "kt", []string{part("k", 1)}, Attr{"perm", []int{0, 1, 3, 2}})
	scores := node("MatMul", "scores", []string{q, k})
	weights := node("Softmax", "weights", []string{scores}, Attr{"axis", -1})
	result := node("MatMul", "result", []string{weights, part("v", 2)})
	rows := node("Transpose", "rows", []string{result}, Attr{"perm", []int{0, 2, 1, 3}})
	o.Node("Reshape", y, []string{rows, o.Ints(fmt.Sprintf("features_%d", features), 0, 0, features)}, y)
}

// attention is one call of Attention, kept for its backward.
type attention struct {
	qkv, y                       *Tensor
	images, tokens, heads, width int
	scale                        float64
}

// maxFusedWidth is the width of the widest head that the fused kernels can take: the lean ones keep rows of a head in registers, and the tiled ones have
// room for 16 vectors of a row in shared memory.
const maxFusedWidth = 64

// The kernels of Attention by family, each with the number of rows that one work group makes.
var fusedAttention = map[string]fusedKernels{
	"attention_lean":  {{"attention_lean", 32}, {"attention_lean_back.queries", 24}, {"attention_lean_back.keys", 16}},
	"attention_tiled": {{"attention_tiled", 32}, {"attention_tiled_back.queries", 32}, {"attention_tiled_back.keys", 32}},
}

// fusedKernels are the kernels for the forward pass, for the gradient of queries, and for those of keys and values.
type fusedKernels [3]struct {
	kernel string
	rows   int
}

// family chooses the kernels by the width of a head: lean ones on CPU devices, else tiled ones, unless MARR_KERNELS or the run that is resumed names
// others.
func (a attention) family(g *Graph) string {
	forced := func(w string) bool { return slices.Contains(g.kernels.forced, w) }
	restricted := forced("lean") || forced("tiled") || forced("composed")
	var options []variant
	offer := func(w string, possible bool) {
		if possible && (!restricted || forced(w)) {
			options = append(options, variant{kernel: "attention_" + w})
		}
	}
	fits := func(w string) bool { return restricted || Fits(g.dev.Info(), "attention_"+w) }
	offer("lean", a.width <= maxFusedWidth && g.dev != nil && fits("lean"))
	offer("tiled", a.width <= maxFusedWidth && (g.dev == nil || fits("tiled")))
	offer("composed", true)
	if len(options) == 0 {
		options = []variant{{kernel: "attention_composed"}}
	}
	return g.choose(choice{key: fmt.Sprintf("attention width=%d", a.width), options: options}).kernel
}

func (a attention) fused(g *Graph, k fusedKernels) {
	rows := g.alloc("attention rows", F32, []int{a.images, a.heads, a.tokens, lanes}) // see attention.glsl
	run := func(pass int, products float64, add int, binds ...bind) {
		square := float64(a.tokens) * float64(a.tokens) * float64(a.width)
		g.run(launch{kernel: k[pass].kernel, spec: words(a.width / lanes), rows: a.images, binds: binds, work: 2 * products * float64(a.images*a.heads) * square,
			push: func(_, n int) constants {
				return constants{"images": n, "tokens": a.tokens, "heads": a.heads, "scale": a.scale, "add": add}
			},
			groups: func(n int) [3]uint32 { return groups1(n*a.heads*ceil(a.tokens, k[pass].rows), 1) }})
	}
	run(0, 2, 0, in(a.qkv), out(a.y), out(rows))
	g.vjp(a.y, func(dy *Tensor) {
		dqkv, add := g.gradient(a.qkv)
		dq, dkv := inout(dqkv), inout(dqkv)
		dq.part = true
		run(1, 3, add, in(a.qkv), in(dy), in(a.y), inout(rows), dq)
		run(2, 4, add, in(a.qkv), in(dy), in(rows), dkv)
	})
}

// composed computes the same from matrix products and softmax.
func (a attention) composed(g *Graph) {
	matrices := func(name string, columns int) *Tensor {
		return g.alloc(name, F32, []int{a.images * a.heads, a.tokens, columns})
	}
	split := func(name string, x *Tensor, part int) *Tensor {
		m := matrices(name, a.width)
		a.moveHeads(g, "heads.split", m, 0, x, part)
		return m
	}
	q, k, v := split("q", a.qkv, 0), split("k", a.qkv, 1), split("v", a.qkv, 2)
	scores, weights, result := matrices("scores", a.tokens), matrices("weights", a.tokens), matrices("attended", a.width)
	g.gemm(scores, 0, q, k, false, true, a.width)
	g.softmax("soft", weights, scores, a.scale)
	g.gemm(result, 0, weights, v, false, false, a.tokens)
	a.moveHeads(g, "heads.merge", a.y, 0, result, 0)
	g.vjp(a.y, func(dy *Tensor) {
		dqkv, add := g.gradient(a.qkv)
		d, dw, ds := split("dy", dy, 0), matrices("dweights", a.tokens), matrices("dscores", a.tokens)
		g.gemm(dw, 0, d, v, false, true, a.width)
		g.softmaxBack("soft", ds, 0, dw, weights, a.scale)
		for part, x := range []struct {
			left, right *Tensor
			transpose   bool
		}{{ds, k, false}, {ds, q, true}, {weights, d, true}} {
			m := matrices("gradient", a.width)
			g.gemm(m, 0, x.left, x.right, x.transpose, false, a.tokens)
			a.moveHeads(g, "heads.merge", dqkv, add, m, part)
		}
	})
}

// moveHeads copies the heads of a part of the features from a packed tensor [N T ..] to matrices [N·heads T width], or back.
func (a attention) moveHeads(g *Graph, kernel string, to *Tensor, add int, from *Tensor, part int) {
	target, packed := out(to), from
	if kernel == "heads.merge" {
		target, packed = inout(to), to
		target.part = (part+1)*a.heads*a.width < to.Width()
	}
	width, pitch := a.width/lanes, packed.quads()
	g.run(launch{kernel: kernel, rows: a.images, binds: []bind{in(from), target},
		push: func(_, n int) constants {
			return constants{"images": n, "tokens": a.tokens, "heads": a.heads, "width": width, "pitch": pitch, "first": part * a.heads * width, "add": add}
		},
		groups: func(n int) [3]uint32 { return groups1(n*a.tokens*a.heads*width, 32) }})
}
