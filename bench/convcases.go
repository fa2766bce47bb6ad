package bench

import (
	"fmt"
	"math"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/rng"
)

// conv is the shape of a convolution: k filters of r × r over c channels of px × px pixels.
type conv struct{ c, k, r, stride, px int }

func (v conv) out() int { return (v.px+2*(v.r/2)-v.r)/v.stride + 1 }

func (v conv) String() string {
	s := fmt.Sprintf("%d×%d %d→%d @%d", v.r, v.r, v.c, v.k, v.px)
	if v.stride > 1 {
		s += fmt.Sprintf(" /%d", v.stride)
	}
	return s
}

// convCase returns the case of a convolution. The first convolution of a network has no data gradient.
func convCase(group string, batch int, v conv) Case {
	o := v.out()
	work := func(n int) float64 { return 2 * float64(n*o*o) * float64(v.k*v.c*v.r*v.r) }
	bytes := func(n int) float64 {
		return 4 * (float64(n*v.px*v.px*v.c) + float64(n*o*o*v.k) + float64(v.k*v.c*v.r*v.r))
	}
	c := Case{Group: group, Name: v.String(), Batch: batch, Passes: []Pass{{forward, work, bytes}, {dgrad, work, bytes}, {wgrad, work, bytes}},
		Inputs: func(n int) []Input { return []Input{{Shape: []int{n, v.px, v.px, v.c}}} },
		Out:    func(n int) []int { return []int{n, o, o, v.k} },
		Op: func(g *kernels.Graph, in []*kernels.Tensor) *kernels.Tensor {
			return kernels.Conv2D(in[0], weight(g, v.k, v.r, v.r, v.c), v.stride, v.r/2)
		}}
	if v.c <= 4 {
		c.Passes = []Pass{c.Passes[0], c.Passes[2]}
	}
	return c
}

// depthwiseCases returns the depthwise convolutions of ConvNeXt, whose stages have width, 2·width, 4·width and 8·width channels.
func depthwiseCases(group string, batch, width, px int) (out []Case) {
	for ; len(out) < 4; width, px = 2*width, px/2 {
		c, px := width, px
		work := func(n int) float64 { return 2 * 49 * float64(n*px*px*c) }
		bytes := func(n int) float64 { return 4 * float64(2*n*px*px*c+49*c) }
		shape := func(n int) []int { return []int{n, px, px, c} }
		out = append(out, Case{Group: group, Name: fmt.Sprintf("7×7 depthwise %d @%d", c, px), Batch: batch,
			Passes: []Pass{{forward, work, bytes}, {dgrad, work, bytes}, {wgrad, work, bytes}},
			Inputs: func(n int) []Input { return []Input{{Shape: shape(n)}} }, Out: shape,
			Op: func(g *kernels.Graph, in []*kernels.Tensor) *kernels.Tensor {
				return kernels.DepthwiseConv2D(in[0], weight(g, c, 7, 7, 1), 3)
			}})
	}
	return out
}

// weight declares the parameter of a case, uniform with the variance of He et al. 2015. The fan-in is the product of all axes but the first.
func weight(g *kernels.Graph, shape ...int) *kernels.Param {
	n := 1
	for _, v := range shape {
		n *= v
	}
	return g.Store().Param("weight", func() []float32 {
		w := make([]float32, n)
		bound := math.Sqrt(6 / float64(n/shape[0]))
		rng.New(2).Uniform(w, -bound, bound)
		return w
	}, shape...)
}

// convCases returns the distinct convolutions of ResNet-18 at 32 px, ResNet-50 at 224 px, and the narrow network of marr demo.
func convCases() []Case {
	var out []Case
	add := func(group string, batch int, list []conv) {
		seen := map[conv]bool{}
		for _, v := range list {
			if !seen[v] {
				seen[v] = true
				out = append(out, convCase(group, batch, v))
			}
		}
	}
	add("conv: resnet18, cifar stem, 32 px", 256, append([]conv{{3, 64, 3, 1, 32}}, basic(64, 32)...))
	add("conv: resnet50, imagenet stem, 224 px", 32, append([]conv{{3, 64, 7, 2, 224}}, bottleneck(64, 56)...))
	add("conv: narrow, resnet10 of width 16, strided stem, 32 px", 256, append([]conv{{1, 16, 3, 2, 32}}, basic(16, 16)[:4]...))
	return out
}

// basic returns the convolutions of four stages of basic blocks (He et al. 2015, arXiv:1512.03385, figure 5 left).
func basic(width, px int) []conv {
	list := []conv{{width, width, 3, 1, px}}
	for c := width; c < 8*width; c *= 2 {
		list = append(list, conv{c, 2 * c, 3, 2, px}, conv{c, 2 * c, 1, 2, px})
		px = (px + 1) / 2
		list = append(list, conv{2 * c, 2 * c, 3, 1, px})
	}
	return list
}

// bottleneck returns the convolutions of four stages of bottlenecks (figure 5 right), with the stride in the 3×3 as in torchvision.
func bottleneck(width, px int) []conv {
	var list []conv
	in := width
	for stage := range 4 {
		mid, stride := width<<stage, min(stage+1, 2)
		o := px / stride
		list = append(list, conv{in, mid, 1, 1, px}, conv{mid, mid, 3, stride, px}, conv{mid, 4 * mid, 1, 1, o}, conv{in, 4 * mid, 1, stride, px},
			conv{4 * mid, mid, 1, 1, o}, conv{mid, mid, 3, 1, o})
		in, px = 4*mid, o
	}
	return list
}
