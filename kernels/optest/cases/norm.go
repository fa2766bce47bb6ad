package cases

import (
	"fmt"
	"slices"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/optest"
	"github.com/marr-ssl/marr/kernels/ref"
)

// affine are the kinds of a norm's inputs.
var affine = kinds{"gamma": optest.Parameter, "beta": optest.Parameter, "running_mean": optest.State, "running_var": optest.State}

// norm returns the parameters and running statistics of a batch norm. Without gamma and beta (SimSiam's projector), gamma is 1 and beta 0.
func norm(in optest.In, mean, variance string) kernels.Norm {
	return kernels.Norm{Gamma: in.P("gamma"), Beta: in.P("beta"), Mean: in.S(mean), Var: in.S(variance), Eps: in.Num("eps"), BNMomentum: in.Num("momentum")}
}

// gammaBeta returns the reference's gamma and beta.
func gammaBeta(in optest.Values) (gamma, beta *ref.Tensor) {
	if gamma, beta = in.T("gamma"), in.T("beta"); gamma != nil {
		return gamma, beta
	}
	c := in.T("x").Last()
	return ref.From(slices.Repeat([]float64{1}, c), c), ref.New(c)
}

func batchNormTrain(in optest.Values) (y, mean, variance *ref.Tensor) {
	gamma, beta := gammaBeta(in)
	return ref.BatchNormTrain(in.T("x"), gamma, beta, in.Num("eps"), in.T("residual"), in.On("relu"))
}

func meanNorm(in optest.Values) (y, batch *ref.Tensor) {
	var mean *ref.Tensor // nil: the batch's
	if in.On("moving") {
		mean = in.T("running_mean")
	}
	return ref.MeanNorm(in.T("x"), in.T("gamma"), in.T("beta"), mean, in.Num("eps"), in.T("residual"), in.On("relu"))
}

func norms() []Op {
	return []Op{
		{
			Name:  "batchnorm_train",
			Kinds: affine,
			Build: func(in optest.In) *kernels.Tensor {
				return kernels.BatchNorm(in.T("x"), norm(in, "running_mean", "running_var"), in.T("residual"), in.On("relu"), true)
			},
			Ref: func(in optest.Values) *ref.Tensor {
				y, _, _ := batchNormTrain(in)
				return y
			},
			More: func(in optest.Values) map[string]*ref.Tensor {
				_, mean, variance := batchNormTrain(in)
				rm, rv := ref.RunningUpdate(in.T("running_mean"), in.T("running_var"), mean, variance, in.T("x").Rows(), in.Num("momentum"))
				return map[string]*ref.Tensor{"mean": mean, "var": variance, "new_running_mean": rm, "new_running_var": rv}
			},
			Cases: append(batchNormCases(true), optest.Case{Name: "plain", Attrs: attrs{"eps": 1e-5, "momentum": 0.1},
				Inputs: inputs(input("x", 9, 6), input("running_mean", 6), between(input("running_var", 6), 0.5, 2))}),
		}, {
			Name:  "batchnorm_infer",
			Kinds: kinds{"gamma": optest.Parameter, "beta": optest.Parameter, "mean": optest.State, "var": optest.State},
			Build: func(in optest.In) *kernels.Tensor {
				return kernels.BatchNorm(in.T("x"), norm(in, "mean", "var"), in.T("residual"), in.On("relu"), false)
			},
			Ref: func(in optest.Values) *ref.Tensor {
				return ref.BatchNormInfer(in.T("x"), in.T("gamma"), in.T("beta"), in.T("mean"), in.T("var"), in.Num("eps"), in.T("residual"), in.On("relu"))
			},
			Cases: batchNormCases(false),
		}, {
			// Where a tiled kernel is forced, the convolution leaves the statistics of its tiles, the last of which is not full.
			Name: "batchnorm_of_conv2d", NoGolden: true,
			Kinds: kinds{"w": optest.Parameter, "gamma": optest.Parameter, "beta": optest.Parameter, "mean": optest.State, "var": optest.State},
			Build: func(in optest.In) *kernels.Tensor {
				y := kernels.Conv2D(in.T("x"), in.P("w"), in.Int("stride"), in.Int("pad"))
				return kernels.BatchNorm(y, norm(in, "mean", "var"), nil, false, true)
			},
			Ref: func(in optest.Values) *ref.Tensor {
				x := ref.Conv2D(in.T("x"), in.T("w"), in.Int("stride"), in.Int("pad"))
				y, _, _ := ref.BatchNormTrain(x, in.T("gamma"), in.T("beta"), in.Num("eps"), nil, false)
				return y
			},
			Cases: batchNormOfConvCases(),
		}, blockOp(), {
			Name:  "mean_norm",
			Kinds: affine,
			Build: func(in optest.In) *kernels.Tensor {
				n := norm(in, "running_mean", "running_var")
				if n.Statistics = kernels.MeanOnly; in.On("moving") {
					n.Statistics = kernels.RunningMean
				}
				return kernels.BatchNorm(in.T("x"), n, in.T("residual"), in.On("relu"), true)
			},
			Ref: func(in optest.Values) *ref.Tensor {
				y, _ := meanNorm(in)
				return y
			},
			More: func(in optest.Values) map[string]*ref.Tensor {
				_, batch := meanNorm(in)
				mean := ref.Average(in.T("running_mean"), batch, 1-in.Num("momentum"))
				return map[string]*ref.Tensor{"new_running_mean": mean, "new_running_var": in.T("running_var")}
			},
			Cases: meanNormCases(),
		}, {
			Name:  "group_norm",
			Kinds: affine,
			Build: func(in optest.In) *kernels.Tensor {
				return kernels.GroupNorm(in.T("x"), in.P("gamma"), in.P("beta"), in.Int("groups"), in.Num("eps"), in.T("residual"), in.On("relu"))
			},
			Ref: func(in optest.Values) *ref.Tensor {
				gamma, beta := gammaBeta(in)
				return ref.GroupNorm(in.T("x"), gamma, beta, in.Int("groups"), in.Num("eps"), in.T("residual"), in.On("relu"))
			},
			Cases: append(groupNormCases(), optest.Case{Name: "plain", Inputs: inputs(input("x", 9, 8)), Attrs: attrs{"groups": 2, "eps": 1e-5}}),
		}, {
			Name:  "layer_norm",
			Kinds: affine,
			Build: func(in optest.In) *kernels.Tensor {
				return kernels.LayerNorm(in.T("x"), in.P("gamma"), in.P("beta"), in.Num("eps"))
			},
			Ref: func(in optest.Values) *ref.Tensor {
				return ref.LayerNorm(in.T("x"), in.T("gamma"), in.T("beta"), in.Num("eps"))
			},
			Cases: layerNormCases(),
		},
	}
}

// normCase returns x from lo to hi, gamma and beta, and perhaps a residual.
func normCase(residual, relu bool, lo, hi float64, shape []int) optest.Case {
	w := shape[len(shape)-1]
	c := optest.Case{Inputs: inputs(between(input("x", shape...), lo, hi), between(input("gamma", w), 0.5, 1.5), input("beta", w)),
		Attrs: attrs{"eps": 1e-5, "momentum": 0.1, "relu": on(relu)}}
	if residual {
		c.Inputs = append(c.Inputs, input("residual", shape...))
	}
	if lo > 1 {
		c.Forward, c.Backward = 1e-4, 1e-4 // float32 holds numbers around 30 to 2e-6, which 1/σ = 1.7 and, backward, 1/σ² enlarge
	}
	return c
}

func batchNormCases(training bool) (cases []optest.Case) {
	mean, variance := "mean", "var"
	if training {
		mean, variance = "running_mean", "running_var"
	}
	add := func(residual, relu, split bool, lo, hi float64, shape ...int) {
		c, w := normCase(residual, relu, lo, hi, shape), shape[len(shape)-1]
		c.Name = fmt.Sprintf("%v_residual_%t_relu_%t_training_%t", shape, residual, relu, training)
		c.Inputs, c.Split = append(c.Inputs, input(mean, w), between(input(variance, w), 0.5, 2)), split
		cases = append(cases, c)
	}
	for _, b := range []int{0, 1, 2, 3} {
		add(b&1 > 0, b&2 > 0, false, -1, 1, 3, 5, 2, 5)
	}
	if !training {
		add(false, true, true, -1, 1, 551, 5) // in parts
		return cases
	}
	add(false, true, false, -1, 1, 3, 1)
	add(true, true, false, -1, 1, 7, 34)
	add(false, false, false, 29, 31, 11, 3, 8)
	add(false, true, true, -1, 1, 2200, 2) // 35 chunks: two levels
	add(true, true, true, -1, 1, 600, 3)   // ten chunks of rows, the last one short
	return cases
}

func batchNormOfConvCases() (cases []optest.Case) {
	for _, g := range []struct {
		n, px, c, k, r, stride int
		split                  bool
	}{{3, 7, 5, 9, 3, 1, false}, {2, 9, 4, 66, 3, 2, false}, {40, 4, 8, 130, 1, 1, false}, {2, 1, 3, 4, 1, 1, false}, {80, 4, 7, 3, 1, 1, true}} {
		cases = append(cases, optest.Case{Name: fmt.Sprint(g), Split: g.split, Forward: 1e-5, Backward: 2e-4, // 1/σ of sums enlarges their rounding
			Attrs: attrs{"stride": float64(g.stride), "pad": float64(g.r / 2), "eps": 1e-5, "momentum": 0.1},
			Inputs: inputs(input("x", g.n, g.px, g.px, g.c), input("w", g.k, g.r, g.r, g.c), between(input("gamma", g.k), 0.5, 1.5), input("beta", g.k),
				input("mean", g.k), input("var", g.k))})
	}
	return cases
}

// meanNormCases divide by a variance of 1.
func meanNormCases() (cases []optest.Case) {
	for takes, moving := range []bool{false, true} {
		for _, shape := range [][]int{{3, 1}, {7, 34}, {3, 5, 2, 5}, {2200, 2}} {
			c, w := normCase(true, true, -1, 1, shape), shape[len(shape)-1]
			c.Name, c.Split, c.Attrs["moving"] = fmt.Sprintf("%v_takes_%d", shape, takes+1), shape[0] == 2200, on(moving)
			one := input("running_var", w)
			one.Values = slices.Repeat([]float32{1}, w)
			c.Inputs = append(c.Inputs, input("running_mean", w), one)
			cases = append(cases, c)
		}
	}
	return cases
}

func groupNormCases() (cases []optest.Case) {
	add := func(groups int, residual, relu, split bool, lo, hi float64, shape ...int) {
		c := normCase(residual, relu, lo, hi, shape)
		c.Name, c.Split, c.Attrs["groups"] = fmt.Sprintf("%v_groups_%d_residual_%t_relu_%t", shape, groups, residual, relu), split, float64(groups)
		cases = append(cases, c)
	}
	for _, b := range []int{0, 1, 2, 3} {
		add(2, b&1 > 0, b&2 > 0, false, -1, 1, 3, 5, 2, 8)
		add(1, b&1 > 0, b&2 > 0, false, -1, 1, 3, 2, 5, 7) // one group with pad lanes
	}
	add(1, false, true, false, -1, 1, 1, 5)
	add(3, false, false, false, -1, 1, 7, 12)
	add(2, true, true, false, -1, 1, 2, 3, 1, 40) // groups of five vectors
	add(4, false, false, false, 29, 31, 5, 3, 3, 16)
	add(17, true, true, false, -1, 1, 11, 3, 3, 68) // more groups and images than a work group has lanes
	add(1, true, true, true, -1, 1, 67, 3, 3, 3)    // images begin within the slices of gn_apply
	add(2, true, true, true, -1, 1, 90, 2, 3, 8)
	add(1, false, false, true, -1, 1, 200, 3, 1, 3)
	return cases
}

// layerNormCases have rows for each number of lanes, of one and more rounds of four vectors a lane, and more rows than a work group has. Rows of one or
// two numbers have no gradient, but for eps.
func layerNormCases() (cases []optest.Case) {
	add := func(eps, lo, hi float64, split bool, shape ...int) {
		c := normCase(false, false, lo, hi, shape)
		c.Name, c.Split, c.Attrs = fmt.Sprintf("%v_eps_%g_%g", shape, eps, lo), split, attrs{"eps": eps}
		cases = append(cases, c)
	}
	add(1e-6, -1, 1, false, 1, 3)
	add(1e-6, -1, 1, false, 3, 5)
	add(1e-6, -1, 1, false, 37, 7)
	add(1e-5, -1, 1, false, 2, 65, 12)
	add(1e-6, -1, 1, false, 19, 129)
	add(1e-6, -1, 1, false, 5, 13, 192)
	add(1e-6, -0.001, 0.001, false, 5, 13) // squares below eps
	add(1e-6, 29, 31, false, 7, 260)
	add(1e-6, 29, 31, false, 2, 2049)
	add(1e-6, -1, 1, false, 3, 16389)
	add(1e-6, -1, 1, true, 701, 6)
	add(1e-6, -1, 1, true, 2200, 3) // 35 chunks: two levels
	return cases
}
