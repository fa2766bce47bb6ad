package cases

import (
	"fmt"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/optest"
	"github.com/marr-ssl/marr/kernels/ref"
)

// blockNorms are the norms of residualBlock, each behind the convolution of the same number, in order: before the block, its two, that of the shortcut and
// the one behind the block.
const blockNorms = 5

// residualBlock is y = n4(c4(b)) with b = ReLU(n2(c2(ReLU(n1(c1(a))))) + n3(c3(a))) and a = ReLU(n0(c0(x))): what surrounds batch norms in a ResNet, so that
// every way in which they are fused into convolutions is in it. Without c3 the shortcut is a.
func residualBlock[T any](x T, shortcut bool, conv func(x T, i int) T, norm func(x T, i int, residual *T, relu bool) T) T {
	a := norm(conv(x, 0), 0, nil, true)
	short := a
	if shortcut {
		short = norm(conv(a, 3), 3, nil, false)
	}
	b := norm(conv(a, 1), 1, nil, true)
	b = norm(conv(b, 2), 2, &short, true)
	return norm(conv(b, 4), 4, nil, false)
}

func blockOp() Op {
	of := kinds{}
	for i := range blockNorms {
		for _, name := range []string{"w", "gamma", "beta"} {
			of[fmt.Sprint(name, i)] = optest.Parameter
		}
		of[fmt.Sprint("mean", i)], of[fmt.Sprint("var", i)] = optest.State, optest.State
	}
	return Op{
		Name: "residual_block", NoGolden: true, Kinds: of,
		Build: func(in optest.In) *kernels.Tensor {
			return residualBlock(in.T("x"), in.P("w3") != nil, func(x *kernels.Tensor, i int) *kernels.Tensor {
				w := in.P(fmt.Sprint("w", i))
				return kernels.Conv2D(x, w, blockStride(in.Attrs, i), w.Shape[1]/2)
			}, func(x *kernels.Tensor, i int, residual **kernels.Tensor, relu bool) *kernels.Tensor {
				var add *kernels.Tensor
				if residual != nil {
					add = *residual
				}
				return kernels.BatchNorm(x, kernels.Norm{Gamma: in.P(fmt.Sprint("gamma", i)), Beta: in.P(fmt.Sprint("beta", i)), Mean: in.S(fmt.Sprint("mean", i)),
					Var: in.S(fmt.Sprint("var", i)), Eps: in.Num("eps"), BNMomentum: 0.1}, add, relu, true)
			})
		},
		Ref: func(in optest.Values) *ref.Tensor {
			return residualBlock(in.T("x"), in.T("w3") != nil, func(x *ref.Tensor, i int) *ref.Tensor {
				w := in.T(fmt.Sprint("w", i))
				return ref.Conv2D(x, w, blockStride(in.Attrs, i), w.Shape[1]/2)
			}, func(x *ref.Tensor, i int, residual **ref.Tensor, relu bool) *ref.Tensor {
				var add *ref.Tensor
				if residual != nil {
					add = *residual
				}
				y, _, _ := ref.BatchNormTrain(x, in.T(fmt.Sprint("gamma", i)), in.T(fmt.Sprint("beta", i)), in.Num("eps"), add, relu)
				return y
			})
		},
		Cases: blockCases(),
	}
}

// blockStride returns the stride of convolution i: the first of the block, and that of its shortcut, may have one.
func blockStride(a optest.Attrs, i int) int {
	if i == 1 || i == 3 {
		return a.Int("stride")
	}
	return 1
}

// blockCases have sides that the stride divides or not, and channels that fill tiles or not. The large one has channels whose ReLU is open or closed everywhere,
// since a finite difference would meet the kink of one of its many numbers.
func blockCases() (cases []optest.Case) {
	for _, g := range []struct {
		n, height, width, channels, out, stride int
		split                                   bool
	}{{3, 8, 16, 8, 8, 1, true}, {2, 8, 6, 12, 36, 2, false}, {2, 7, 6, 12, 20, 2, false}} {
		c := optest.Case{Name: fmt.Sprint(g), Split: g.split, Attrs: attrs{"stride": float64(g.stride), "eps": 1e-5}, Forward: 1e-5, Backward: 2e-4,
			Inputs: inputs(input("x", g.n, g.height, g.width, 4))}
		for i, w := range [blockNorms][3]int{{g.channels, 3, 4}, {g.out, 3, g.channels}, {g.out, 3, g.out}, {g.out, 1, g.channels}, {8, 3, g.out}} {
			if i == 3 && g.stride == 1 {
				continue
			}
			c.Inputs = append(c.Inputs, input(fmt.Sprint("w", i), w[0], w[1], w[1], w[2]), between(input(fmt.Sprint("gamma", i), w[0]), 0.5, 1.5),
				blockBeta(i, w[0], g.split), input(fmt.Sprint("mean", i), w[0]), input(fmt.Sprint("var", i), w[0]))
		}
		cases = append(cases, c)
	}
	return cases
}

// blockBeta returns the shift of norm i: from −1 to 1, or so far from 0 that no number of a channel passes it.
func blockBeta(i, channels int, far bool) optest.Input {
	x := input(fmt.Sprint("beta", i), channels)
	for c := range channels {
		if far {
			x.Values = append(x.Values, []float32{6, -20}[c%2])
		}
	}
	return x
}
