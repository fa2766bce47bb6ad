package cases

import (
	"fmt"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/optest"
	"github.com/marr-ssl/marr/kernels/ref"
	"github.com/marr-ssl/marr/kernels/rng"
)

// tokens are the ops of vision transformers on sequences of tokens [N T D].
func tokens() []Op {
	return []Op{
		{
			Name:  "reshape",
			Kinds: kinds{"p": optest.Parameter},
			Build: func(in optest.In) *kernels.Tensor { return kernels.Reshape(in.T("x"), dims(in.Attrs)...) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.Reshape(in.T("x"), dims(in.Attrs)...) },
			Cases: reshapeCases(),
		}, {
			Name:  "prepend_token",
			Kinds: kinds{"token": optest.Parameter},
			Build: func(in optest.In) *kernels.Tensor {
				return kernels.PrependToken(in.T("x"), in.P("token").Value(in.Graph))
			},
			Ref: func(in optest.Values) *ref.Tensor { return ref.PrependToken(in.T("x"), in.T("token")) },
			Cases: overTokens("prepend", func(n, t, d int) optest.Case {
				return optest.Case{Inputs: inputs(input("x", n, t, d), input("token", 1, 1, d))}
			}),
		}, {
			Name: "slice_tokens",
			Build: func(in optest.In) *kernels.Tensor {
				return kernels.SliceTokens(in.T("x"), in.Int("from"), in.Int("to"))
			},
			Ref:   func(in optest.Values) *ref.Tensor { return ref.SliceTokens(in.T("x"), in.Int("from"), in.Int("to")) },
			Cases: sliceTokensCases(),
		}, {
			Name:  "gather_tokens",
			Kinds: kinds{"fill": optest.Parameter},
			Build: gatherTokens,
			Ref: func(in optest.Values) *ref.Tensor {
				return ref.GatherTokens(in.T("x"), in.Ints("index"), in.T("fill"))
			},
			Cases: gatherTokensCases(),
		}, {
			Name:  "patches",
			Kinds: kinds{"x": optest.Stopped},
			Build: func(in optest.In) *kernels.Tensor {
				return kernels.Patches(in.T("x"), in.T("index"), in.Int("side"), in.On("normalize"))
			},
			Ref: func(in optest.Values) *ref.Tensor {
				return ref.Patches(in.T("x"), in.Ints("index"), in.Int("side"), in.On("normalize"), 1e-6)
			},
			Cases: patchesCases(),
		}, {
			Name:  "add_positions",
			Kinds: kinds{"p": optest.Parameter},
			Build: func(in optest.In) *kernels.Tensor {
				return kernels.AddPositions(in.T("x"), in.P("p").Value(in.Graph))
			},
			Ref: func(in optest.Values) *ref.Tensor { return ref.AddPositions(in.T("x"), in.T("p")) },
			Cases: append(overTokens("positions", func(n, t, d int) optest.Case {
				return optest.Case{Inputs: inputs(input("x", n, t, d), input("p", 1, t, d))}
			}), computedPositions()),
		}, {
			Name: "mix_tokens", NoGolden: true, // golden data of matmul cover the product
			Kinds: kinds{"p": optest.Parameter},
			Build: func(in optest.In) *kernels.Tensor {
				return kernels.MixTokens("weights", mixture(in.Int("count"), in.T("x").Rows()), in.T("x"))
			},
			Ref: func(in optest.Values) *ref.Tensor {
				x := in.T("x")
				tokens := x.Rows()
				return ref.MatMul(ref.FromFloat32(mixture(in.Int("count"), tokens), in.Int("count"), tokens), ref.Reshape(x, tokens, x.Shape[len(x.Shape)-1]), false, false)
			},
			Cases: []optest.Case{
				{Name: "mix_one_token", Inputs: inputs(input("x", 1, 1, 3)), Attrs: attrs{"count": 1}},
				{Name: "mix_tokens", Inputs: inputs(input("x", 1, 17, 6)), Attrs: attrs{"count": 5}},
				{Name: "mix_a_matrix", Inputs: inputs(input("x", 37, 12)), Attrs: attrs{"count": 50}},
			},
		}, {
			Name:  "scale_samples",
			Kinds: kinds{"s": optest.Constant},
			Build: func(in optest.In) *kernels.Tensor { return kernels.ScaleSamples(in.T("x"), in.T("s")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.ScaleSamples(in.T("x"), in.T("s")) },
			Cases: over("scale_samples", nil, func(shape []int) []optest.Input {
				return inputs(input("x", shape...), input("s", shape[0]))
			}),
		},
	}
}

// overTokens returns cases of N samples of T tokens; the last is split.
func overTokens(word string, f func(n, t, d int) optest.Case) (cases []optest.Case) {
	for _, s := range [][3]int{{1, 1, 1}, {3, 5, 7}, {2, 17, 12}, {37, 3, 5}, {70, 13, 8}} {
		c := f(s[0], s[1], s[2])
		c.Name, c.Split = fmt.Sprintf("%s_%v", word, s), s[0] == 70
		cases = append(cases, c)
	}
	return cases
}

func sliceTokensCases() (cases []optest.Case) {
	for _, at := range [][2]int{{0, 1}, {1, 2}, {2, 4}, {0, 5}} { // of 1, 2 and 5 tokens
		for _, c := range overTokens("", func(n, t, d int) optest.Case {
			return optest.Case{Inputs: inputs(input("x", n, max(t, at[1]), d)), Attrs: attrs{"from": float64(at[0]), "to": float64(at[1])}}
		}) {
			c.Name = fmt.Sprintf("slice_tokens%s_%v", c.Name, at)
			cases = append(cases, c)
		}
	}
	return cases
}

func gatherTokens(in optest.In) *kernels.Tensor {
	var fill *kernels.Tensor
	if p := in.P("fill"); p != nil {
		fill = p.Value(in.Graph)
	}
	return kernels.GatherTokens(in.T("x"), in.T("index"), fill)
}

// gatherTokensCases take fewer tokens than there are, as many, and more: the rest is fill or zeros, by an index below 0 or above T−1.
func gatherTokensCases() (cases []optest.Case) {
	for i, count := range []func(t int) int{
		func(t int) int { return (t + 3) / 4 },
		func(t int) int { return t },
		func(t int) int { return 2*t + 1 },
	} {
		for _, filled := range []bool{false, true} {
			cases = append(cases, overTokens(fmt.Sprintf("gather_%d_filled_%t", i, filled), func(n, t, d int) optest.Case {
				k := count(t)
				var index []int32
				for s := range n {
					for _, j := range rng.New(5, uint32(s)).Perm(max(t, k))[:k] {
						if j >= t && j%2 == 0 {
							j = -1
						}
						index = append(index, int32(j))
					}
				}
				c := optest.Case{Inputs: inputs(input("x", n, t, d), optest.Ints("index", index...))}
				if filled {
					c.Inputs = append(c.Inputs, input("fill", 1, 1, d))
				}
				return c
			})...)
		}
	}
	return cases
}

// computedPositions interpolates positions by a product, as other crop sizes need.
func computedPositions() optest.Case {
	return optest.Case{Name: "computed_positions", Inputs: inputs(input("x", 3, 5, 12), input("a", 5, 7), input("b", 7, 12)),
		Build: func(in optest.In) *kernels.Tensor {
			return kernels.AddPositions(in.T("x"), kernels.MatMul(in.T("a"), in.T("b"), false, false))
		},
		Ref: func(in optest.Values) *ref.Tensor {
			return ref.AddPositions(in.T("x"), ref.MatMul(in.T("a"), in.T("b"), false, false))
		}}
}

// dims returns the attributes d0, d1, …, a shape.
func dims(a attrs) (shape []int) {
	for d := a.Int("d0"); d > 0; d = a.Int(fmt.Sprint("d", len(shape))) {
		shape = append(shape, d)
	}
	return shape
}

func dimAttrs(shape ...int) attrs {
	a := attrs{}
	for i, d := range shape {
		a[fmt.Sprint("d", i)] = float64(d)
	}
	return a
}

func reshapeCases() (cases []optest.Case) {
	for _, c := range [][2][]int{{{1, 1}, {1}}, {{15, 7}, {3, 5, 7}}, {{3, 2, 5, 8}, {3, 10, 8}}, {{5, 3, 8}, {5, 24}}, {{2, 12}, {2, 3, 1, 4}}} {
		cases = append(cases, optest.Case{Name: fmt.Sprintf("%v_to_%v", c[0], c[1]), Inputs: one(c[0]), Attrs: dimAttrs(c[1]...)})
	}
	return append(cases,
		// Two shapes of one tensor and the tensor itself contribute to one gradient.
		optest.Case{Name: "reshapes_of_one", Inputs: inputs(input("x", 6, 8)), Attrs: dimAttrs(2, 24), Repeats: true,
			Build: func(in optest.In) *kernels.Tensor {
				x := kernels.GELU(in.T("x"))
				y, z := kernels.Scale(x, 3), kernels.GELU(kernels.Reshape(x, 2, 24))
				return kernels.Add(kernels.Reshape(y, 2, 24), kernels.Add(z, kernels.Reshape(kernels.Reshape(x, 2, 3, 8), 2, 24)))
			},
			Ref: func(in optest.Values) *ref.Tensor {
				x := ref.GELU(in.T("x"))
				return ref.Reshape(ref.Add(ref.Add(ref.Scale(x, 3), ref.GELU(x)), x), 2, 24)
			}},
		// The rows of a parameter are padded in memory, here from 5 to 8 and of the other shape from 1 to 4.
		optest.Case{Name: "reshape_of_a_parameter", Inputs: inputs(input("p", 5, 12)), Attrs: dimAttrs(1, 15, 4),
			Build: func(in optest.In) *kernels.Tensor {
				return kernels.GELU(kernels.Reshape(in.P("p").Value(in.Graph), dims(in.Attrs)...))
			},
			Ref: func(in optest.Values) *ref.Tensor { return ref.GELU(ref.Reshape(in.T("p"), dims(in.Attrs)...)) }},
		optest.Case{Name: "split", Inputs: inputs(input("x", 700, 8)), Attrs: dimAttrs(350, 16), Split: true,
			Build: func(in optest.In) *kernels.Tensor { return kernels.GELU(kernels.Reshape(in.T("x"), dims(in.Attrs)...)) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.GELU(ref.Reshape(in.T("x"), dims(in.Attrs)...)) }})
}

// mixture returns weights for MixTokens.
func mixture(count, tokens int) []float32 {
	w := make([]float32, count*tokens)
	rng.New(6).Uniform(w, -1, 1)
	return w
}

// patchesCases take a quarter of the patches, all of them, and some twice; the right and lower edges of some images belong to no patch.
func patchesCases() (cases []optest.Case) {
	for _, c := range []struct{ n, h, w, channels, side int }{{1, 2, 2, 1, 2}, {3, 7, 9, 1, 3}, {2, 8, 12, 3, 4}, {2, 33, 17, 3, 16}, {3, 10, 5, 6, 2}, {67, 4, 4, 3, 2}} {
		for i, span := range [][2]float64{{-1, 1}, {2.9, 3.1}, {0, 1e-3}} { // also far from 0, and with a deviation near the root of 1e-6
			all := (c.h / c.side) * (c.w / c.side)
			var index []int32
			for image := range c.n {
				order := rng.New(7, uint32(image)).Perm(all)
				for k := range []int{(all + 3) / 4, all, all + 1}[i] {
					index = append(index, int32(order[k%all]))
				}
			}
			for normalize := range 2 {
				cases = append(cases, optest.Case{Name: fmt.Sprint("patches_", c, span, normalize), Split: c.n == 67, Forward: 1e-5, // differences of numbers near 3
					Inputs: inputs(between(input("x", c.n, c.h, c.w, c.channels), span[0], span[1]), optest.Ints("index", index...)),
					Attrs:  attrs{"side": float64(c.side), "normalize": float64(normalize)}})
			}
		}
	}
	return cases
}
