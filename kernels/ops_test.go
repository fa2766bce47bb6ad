package kernels_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"marr/kernels"
	"marr/kernels/optest"
	"marr/kernels/ref"
)

func act(name string, shape ...int) optest.Input { return optest.Input{Name: name, Shape: shape} }
func par(name string, shape ...int) optest.Input {
	return optest.Input{Name: name, Kind: optest.Parameter, Shape: shape}
}

// kink keeps an input off 0, where max(x, 0) has no derivative.
func kink(x optest.Input) optest.Input {
	x.Away = 1e-3
	return x
}

func between(x optest.Input, lo, hi float64) optest.Input {
	x.Lo, x.Hi = lo, hi
	return x
}

func ints(name string, v ...int32) optest.Input {
	raw := []byte{}
	for _, e := range v {
		raw = binary.LittleEndian.AppendUint32(raw, uint32(e))
	}
	return optest.Input{Name: name, Kind: optest.Bytes, Shape: []int{len(v)}, Type: kernels.I32, Raw: raw}
}

func TestConv2DMatchesItsReference(t *testing.T) {
	type geometry struct{ n, h, w, c, k, r, s, stride, pad int }
	var cases []optest.Case
	add := func(g geometry, split bool) {
		cases = append(cases, optest.Case{
			Name:   fmt.Sprintf("n%d_%dx%d_c%d_k%d_%dx%d_s%d_p%d", g.n, g.h, g.w, g.c, g.k, g.r, g.s, g.stride, g.pad),
			Inputs: []optest.Input{act("x", g.n, g.h, g.w, g.c), par("w", g.k, g.r, g.s, g.c)},
			Op:     func(in optest.In) *kernels.Tensor { return kernels.Conv2D(in.T("x"), in.P("w"), g.stride, g.pad) },
			Ref:    func(in optest.Values) *ref.Tensor { return ref.Conv2D(in["x"], in["w"], g.stride, g.pad) },
			Split:  split,
		})
	}
	for _, g := range []geometry{
		{1, 1, 1, 1, 1, 1, 1, 1, 0},
		{2, 5, 7, 3, 5, 3, 3, 1, 1},
		{1, 7, 6, 4, 8, 3, 3, 2, 1},
		{3, 5, 5, 5, 17, 1, 1, 2, 0},
		{2, 9, 11, 1, 13, 7, 7, 2, 3},
		{1, 8, 7, 9, 3, 5, 3, 1, 2},
		{2, 7, 8, 6, 7, 3, 3, 3, 0}, // rows that no window reaches: their gradient is 0
		{1, 1, 2, 8, 4, 3, 3, 2, 1}, // classes of pixels that do not exist
		{1, 4, 4, 33, 34, 3, 3, 1, 1},
		{1, 3, 3, 2, 3, 2, 4, 4, 3}, // stride above the kernel's height
		{5, 13, 3, 17, 16, 3, 1, 1, 1},
		{3, 5, 8, 5, 9, 3, 3, 1, 1},    // runs of eight pixels, of four for the weights
		{2, 3, 16, 6, 19, 3, 3, 1, 1},  // of sixteen
		{1, 4, 30, 8, 4, 2, 3, 1, 2},   // forward of sixteen, backward none
		{2, 6, 6, 9, 17, 3, 3, 1, 0},   // of four for the weights alone
		{3, 8, 8, 36, 132, 3, 3, 1, 1}, // more than one of the largest tiles along every axis
	} {
		add(g, false)
	}
	add(geometry{23, 5, 5, 3, 2, 3, 3, 1, 1}, true)
	add(geometry{28, 6, 5, 2, 2, 3, 3, 2, 1}, true)
	add(geometry{40, 5, 5, 8, 5, 1, 1, 1, 0}, true)
	add(geometry{18, 3, 16, 5, 1, 3, 3, 1, 1}, true)
	bench.Run(t, cases...)
}

func norm(in optest.In) kernels.Norm {
	return kernels.Norm{Gamma: in.P("gamma"), Beta: in.P("beta"), Mean: in.S("mean"), Var: in.S("var"), Eps: 1e-5, Momentum: 0.1}
}

// Without scale and shift (SimSiam's projector) batch norm is that of scale 1 and shift 0.
func TestPlainBatchNormMatchesItsReference(t *testing.T) {
	const c = 6
	state := func(name string) optest.Input { return optest.Input{Name: name, Kind: optest.State, Shape: []int{c}} }
	one, zero := ref.New(c), ref.New(c)
	for i := range one.Data {
		one.Data[i] = 1
	}
	bench.Run(t, optest.Case{Name: "plain", Inputs: []optest.Input{act("x", 9, c), state("mean"), between(state("var"), 0.5, 2)},
		Op: func(in optest.In) *kernels.Tensor {
			return kernels.BatchNorm(in.T("x"), kernels.Norm{Mean: in.S("mean"), Var: in.S("var"), Eps: 1e-5, Momentum: 0.1}, nil, false, true)
		},
		Ref: func(in optest.Values) *ref.Tensor {
			y, _, _ := ref.BatchNormTrain(in["x"], one, zero, 1e-5, nil, false)
			return y
		}})
}

func TestBatchNormMatchesItsReference(t *testing.T) {
	var cases []optest.Case
	add := func(residual, relu, training, split bool, lo, hi float64, shape ...int) {
		c := shape[len(shape)-1]
		state := func(name string) optest.Input { return optest.Input{Name: name, Kind: optest.State, Shape: []int{c}} }
		inputs := []optest.Input{between(act("x", shape...), lo, hi), between(par("gamma", c), 0.5, 1.5), par("beta", c), state("mean"), state("var")}
		if residual {
			inputs = append(inputs, act("residual", shape...))
		}
		reference := func(in optest.Values) *ref.Tensor {
			if training {
				y, _, _ := ref.BatchNormTrain(in["x"], in["gamma"], in["beta"], 1e-5, in["residual"], relu)
				return y
			}
			return ref.BatchNormInfer(in["x"], in["gamma"], in["beta"], in["mean"], in["var"], 1e-5, in["residual"], relu)
		}
		for i := range inputs {
			switch inputs[i].Name {
			case "var":
				inputs[i] = between(inputs[i], 0.5, 2)
			}
		}
		tolerance := 0.0
		if lo > 1 {
			tolerance = 1e-4 // float32 holds numbers around 30 to 2e-6, which 1/σ = 1.7 and, backward, 1/σ² enlarge
		}
		cases = append(cases, optest.Case{Name: fmt.Sprintf("%v_residual_%t_relu_%t_training_%t", shape, residual, relu, training), Inputs: inputs,
			Op: func(in optest.In) *kernels.Tensor {
				return kernels.BatchNorm(in.T("x"), norm(in), in.T("residual"), relu, training)
			},
			Ref: reference, Split: split, Forward: tolerance, Backward: tolerance})
	}
	for _, b := range []int{0, 1, 2, 3, 4, 5, 6, 7} {
		add(b&1 > 0, b&2 > 0, b&4 > 0, false, -1, 1, 3, 5, 2, 5)
	}
	add(false, true, true, false, -1, 1, 3, 1)
	add(true, true, true, false, -1, 1, 7, 34)
	add(false, false, true, false, 29, 31, 11, 3, 8)
	add(false, true, true, true, -1, 1, 2200, 2) // 35 chunks: two levels
	add(true, true, true, true, -1, 1, 600, 3)   // ten chunks of rows, the last one short
	add(false, true, false, true, -1, 1, 551, 5) // in parts, running statistics
	bench.Run(t, cases...)
}

// The statistics of tiles that the convolution leaves, of which the last is short, take part where a tiled kernel is forced.
func TestBatchNormOfAConvolutionMatchesItsReference(t *testing.T) {
	var cases []optest.Case
	for _, g := range []struct {
		n, px, c, k, r, stride int
		split                  bool
	}{{3, 7, 5, 9, 3, 1, false}, {2, 9, 4, 66, 3, 2, false}, {40, 4, 8, 130, 1, 1, false}, {2, 1, 3, 4, 1, 1, false}, {80, 4, 7, 3, 1, 1, true}} {
		state := func(name string) optest.Input { return optest.Input{Name: name, Kind: optest.State, Shape: []int{g.k}} }
		inputs := []optest.Input{act("x", g.n, g.px, g.px, g.c), par("w", g.k, g.r, g.r, g.c), between(par("gamma", g.k), 0.5, 1.5), par("beta", g.k),
			state("mean"), state("var")}
		cases = append(cases, optest.Case{Name: fmt.Sprint(g), Inputs: inputs, Split: g.split, Forward: 1e-5, Backward: 2e-4, // 1/σ of sums enlarges their rounding
			Op: func(in optest.In) *kernels.Tensor {
				return kernels.BatchNorm(kernels.Conv2D(in.T("x"), in.P("w"), g.stride, g.r/2), norm(in), nil, false, true)
			},
			Ref: func(in optest.Values) *ref.Tensor {
				y, _, _ := ref.BatchNormTrain(ref.Conv2D(in["x"], in["w"], g.stride, g.r/2), in["gamma"], in["beta"], 1e-5, nil, false)
				return y
			}})
	}
	bench.Run(t, cases...)
}

func TestElementwiseOpsMatchTheirReferences(t *testing.T) {
	var cases []optest.Case
	for _, shape := range [][]int{{1, 1}, {5, 7}, {3, 2, 5, 8}, {1, 3, 3, 17}, {700, 5}} {
		split := shape[0] == 700
		cases = append(cases, optest.Case{Name: fmt.Sprintf("relu_%v", shape), Inputs: []optest.Input{kink(act("x", shape...))}, Split: split,
			Op:  func(in optest.In) *kernels.Tensor { return kernels.ReLU(in.T("x")) },
			Ref: func(in optest.Values) *ref.Tensor { return ref.ReLU(in["x"]) }})
		cases = append(cases, optest.Case{Name: fmt.Sprintf("add_%v", shape), Inputs: []optest.Input{act("a", shape...), act("b", shape...)}, Split: split,
			Op:  func(in optest.In) *kernels.Tensor { return kernels.Add(in.T("a"), in.T("b")) },
			Ref: func(in optest.Values) *ref.Tensor { return ref.Add(in["a"], in["b"]) }})
		cases = append(cases, optest.Case{Name: fmt.Sprintf("bias_%v", shape), Inputs: []optest.Input{act("x", shape...), par("b", shape[len(shape)-1])}, Split: split,
			Op:  func(in optest.In) *kernels.Tensor { return kernels.Bias(in.T("x"), in.P("b")) },
			Ref: func(in optest.Values) *ref.Tensor { return ref.Bias(in["x"], in["b"]) }})
		cases = append(cases, optest.Case{Name: fmt.Sprintf("add_to_itself_%v", shape), Inputs: []optest.Input{act("x", shape...)},
			Op:  func(in optest.In) *kernels.Tensor { return kernels.Add(in.T("x"), in.T("x")) },
			Ref: func(in optest.Values) *ref.Tensor { return ref.Add(in["x"], in["x"]) }})
	}
	for _, shape := range [][]int{{1, 1, 1, 1}, {3, 5, 7, 8}, {5, 3, 4, 17}, {67, 5, 3, 6}} {
		cases = append(cases, optest.Case{Name: fmt.Sprintf("pool_%v", shape), Inputs: []optest.Input{act("x", shape...)}, Split: shape[0] == 67,
			Op:  func(in optest.In) *kernels.Tensor { return kernels.GlobalAvgPool(in.T("x")) },
			Ref: func(in optest.Values) *ref.Tensor { return ref.GlobalAvgPool(in["x"]) }})
	}
	bench.Run(t, cases...)
}

func TestConcatAndSliceMatchTheirReferences(t *testing.T) {
	var cases []optest.Case
	for _, rest := range [][]int{{1}, {7}, {3, 2, 5}, {31, 5, 3}} {
		shape := func(n int) []int { return append([]int{n}, rest...) }
		n := 3
		split := rest[0] == 31
		if split {
			n = 11
		}
		cases = append(cases, optest.Case{Name: fmt.Sprintf("concat_%v", rest), Split: split,
			Inputs: []optest.Input{act("a", shape(n)...), act("b", shape(1)...), act("c", shape(n-1)...)},
			Op:     func(in optest.In) *kernels.Tensor { return kernels.Concat(in.T("a"), in.T("b"), in.T("c")) },
			Ref:    func(in optest.Values) *ref.Tensor { return ref.Concat(in["a"], in["b"], in["c"]) }})
		for _, at := range [][2]int{{0, n}, {1, 2}, {n - 2, n}} {
			cases = append(cases, optest.Case{Name: fmt.Sprintf("slice_%v_%d_%d", rest, at[0], at[1]), Inputs: []optest.Input{act("x", shape(n)...)},
				Op:    func(in optest.In) *kernels.Tensor { return kernels.Slice(in.T("x"), at[0], at[1]) },
				Split: split && at[0] == 0,
				Ref:   func(in optest.Values) *ref.Tensor { return ref.Slice(in["x"], at[0], at[1]) }})
		}
	}
	// Two slices of one tensor: the second contribution finds a gradient that the first filled with zeros around its own.
	cases = append(cases, optest.Case{Name: "slices_of_one", Inputs: []optest.Input{act("x", 4, 5)}, Repeats: true,
		Op: func(in optest.In) *kernels.Tensor {
			return kernels.Add(kernels.Slice(in.T("x"), 0, 3), kernels.Slice(in.T("x"), 1, 4))
		},
		Ref: func(in optest.Values) *ref.Tensor { return ref.Add(ref.Slice(in["x"], 0, 3), ref.Slice(in["x"], 1, 4)) }})
	bench.Run(t, cases...)
}

func TestMatMulAndLinearMatchTheirReferences(t *testing.T) {
	var cases []optest.Case
	for _, d := range [][3]int{{1, 1, 1}, {3, 5, 7}, {17, 33, 5}, {8, 1, 16}, {65, 31, 34}, {601, 4, 1}} {
		m, k, n := d[0], d[1], d[2]
		for trans := range 4 {
			ta, tb := trans&1 > 0, trans&2 > 0
			a, b := act("a", m, k), act("b", k, n)
			if ta {
				a.Shape = []int{k, m}
			}
			if tb {
				b.Shape = []int{n, k}
			}
			cases = append(cases, optest.Case{Name: fmt.Sprintf("%dx%dx%d_%t_%t", m, k, n, ta, tb), Inputs: []optest.Input{a, b}, Split: m == 601 && !ta && tb,
				Op:  func(in optest.In) *kernels.Tensor { return kernels.MatMul(in.T("a"), in.T("b"), ta, tb) },
				Ref: func(in optest.Values) *ref.Tensor { return ref.MatMul(in["a"], in["b"], ta, tb) }})
		}
		inputs := []optest.Input{act("x", m, k), par("w", n, k)}
		for _, bias := range []bool{false, true} {
			if bias {
				inputs = append(inputs, par("b", n))
			}
			cases = append(cases, optest.Case{Name: fmt.Sprintf("linear_%dx%dx%d_bias_%t", m, k, n, bias), Inputs: inputs, Split: m == 601,
				Op:  func(in optest.In) *kernels.Tensor { return kernels.Linear(in.T("x"), in.P("w"), in.P("b")) },
				Ref: func(in optest.Values) *ref.Tensor { return ref.Linear(in["x"], in["w"], in["b"]) }})
		}
	}
	for _, d := range [][4]int{{1, 3, 2, 5}, {3, 5, 9, 7}, {2, 67, 4, 33}, {290, 2, 3, 4}} {
		for trans := range 4 {
			if d[0] == 290 && trans > 0 {
				continue // the slow one: once is enough
			}
			ta, tb := trans&1 > 0, trans&2 > 0
			a, b := act("a", d[0], d[1], d[2]), act("b", d[0], d[2], d[3])
			if ta {
				a.Shape = []int{d[0], d[2], d[1]}
			}
			if tb {
				b.Shape = []int{d[0], d[3], d[2]}
			}
			cases = append(cases, optest.Case{Name: fmt.Sprintf("batch_%v_%t_%t", d, ta, tb), Inputs: []optest.Input{a, b}, Split: d[0] == 290,
				Op:  func(in optest.In) *kernels.Tensor { return kernels.MatMul(in.T("a"), in.T("b"), ta, tb) },
				Ref: func(in optest.Values) *ref.Tensor { return ref.MatMul(in["a"], in["b"], ta, tb) }})
		}
	}
	cases = append(cases, optest.Case{Name: "gram", Inputs: []optest.Input{act("x", 5, 6)}, Repeats: true,
		Op:  func(in optest.In) *kernels.Tensor { return kernels.MatMul(in.T("x"), in.T("x"), false, true) },
		Ref: func(in optest.Values) *ref.Tensor { return ref.MatMul(in["x"], in["x"], false, true) }})
	bench.Run(t, cases...)
}

// Products of many results take another way when their first factor is transposed.
func TestLargeTransposedProductsMatchTheirReference(t *testing.T) {
	defer kernels.Filling(kernels.Filling(17 * 5))
	var cases []optest.Case
	for _, transB := range []bool{false, true} {
		a, b := act("a", 33, 17), act("b", 33, 5)
		if transB {
			b.Shape = []int{5, 33}
		}
		cases = append(cases, optest.Case{Name: fmt.Sprintf("17x33x5_%t", transB), Inputs: []optest.Input{a, b},
			Op:  func(in optest.In) *kernels.Tensor { return kernels.MatMul(in.T("a"), in.T("b"), true, transB) },
			Ref: func(in optest.Values) *ref.Tensor { return ref.MatMul(in["a"], in["b"], true, transB) }})
	}
	bench.Run(t, cases...)
}

func TestRowOpsMatchTheirReferences(t *testing.T) {
	var cases []optest.Case
	for _, shape := range [][]int{{1, 1}, {5, 33}, {7, 10}, {33, 128}, {901, 3}} {
		split := shape[0] == 901
		x := []optest.Input{act("x", shape...)}
		if shape[1] > 1 { // a row of one number has a derivative of 0, and rounding nothing to compare with
			cases = append(cases, optest.Case{Name: fmt.Sprintf("l2normalize_%v", shape), Inputs: x, Split: split,
				Op:  func(in optest.In) *kernels.Tensor { return kernels.L2Normalize(in.T("x")) },
				Ref: func(in optest.Values) *ref.Tensor { return ref.L2Normalize(in["x"]) }})
		}
		for _, temperature := range []float64{1, 0.2, 0.07} {
			cases = append(cases, optest.Case{Name: fmt.Sprintf("softmax_%v_%g", shape, temperature), Inputs: x, Split: split,
				Op:  func(in optest.In) *kernels.Tensor { return kernels.Softmax(in.T("x"), temperature) },
				Ref: func(in optest.Values) *ref.Tensor { return ref.Softmax(in["x"], temperature) }})
			cases = append(cases, optest.Case{Name: fmt.Sprintf("log_softmax_%v_%g", shape, temperature), Inputs: x, Split: split,
				Op:  func(in optest.In) *kernels.Tensor { return kernels.LogSoftmax(in.T("x"), temperature) },
				Ref: func(in optest.Values) *ref.Tensor { return ref.LogSoftmax(in["x"], temperature) }})
		}
	}
	cases = append(cases, optest.Case{Name: "softmax_of_large_numbers", Inputs: []optest.Input{between(act("x", 4, 17), -80, 80)}, Forward: 1e-5, Backward: 1e-4, // exp's error grows with its argument
		Op:  func(in optest.In) *kernels.Tensor { return kernels.Softmax(in.T("x"), 1) },
		Ref: func(in optest.Values) *ref.Tensor { return ref.Softmax(in["x"], 1) }})
	bench.Run(t, cases...)
}

func TestLossesMatchTheirReferences(t *testing.T) {
	var cases []optest.Case
	for _, targets := range [][]int32{{0}, {2, -1, 0, 4, -1}, {-1, -1}, {1, 1, 1, 0, 3, 2, 1, 0, 4, 4, 4, 2, 1}} {
		for _, k := range []int{5, 11, 64} {
			cases = append(cases, optest.Case{Name: fmt.Sprintf("cross_entropy_%d_%v", k, targets), Inputs: []optest.Input{between(act("x", len(targets), k), -3, 3), ints("t", targets...)},
				Op:  func(in optest.In) *kernels.Tensor { return kernels.CrossEntropy(in.T("x"), in.T("t")) },
				Ref: func(in optest.Values) *ref.Tensor { return ref.CrossEntropy(in["x"], targets) }})
		}
	}
	bench.Run(t, cases...)
}

func TestNTXentMatchesItsReference(t *testing.T) {
	var cases []optest.Case
	for _, shape := range [][]int{{2, 3}, {4, 3}, {6, 5}, {14, 7}, {34, 33}, {66, 4}} {
		for _, temperature := range []float64{1, 0.2, 0.07} {
			cases = append(cases, ntxent(temperature, shape[0] == 66, shape...))
			if shape[0] > 2 {
				cases = append(cases, decoupled(temperature, shape[0] == 66, shape...))
			}
		}
	}
	bench.Run(t, cases...)
}

// TestNTXentInSlabsMatchesItsReference has slabs of 64, 48 and 16 rows, of which the last is short, full, and short.
func TestNTXentInSlabsMatchesItsReference(t *testing.T) {
	defer kernels.SlabElements(kernels.SlabElements(48 * 96))
	bench.Run(t, ntxent(0.2, false, 66, 4), ntxent(0.2, false, 96, 6), ntxent(0.2, false, 262, 2))
	bench.Run(t, decoupled(0.2, false, 66, 4), decoupled(0.2, false, 96, 6), decoupled(0.2, false, 262, 2))
}

func ntxent(temperature float64, split bool, shape ...int) optest.Case {
	return optest.Case{Name: fmt.Sprintf("%v_%g", shape, temperature), Inputs: []optest.Input{between(act("z", shape...), -0.5, 0.5)}, Split: split,
		Op:  func(in optest.In) *kernels.Tensor { return kernels.NTXent(in.T("z"), temperature) },
		Ref: func(in optest.Values) *ref.Tensor { return ref.NTXent(in["z"], temperature) }}
}

func decoupled(temperature float64, split bool, shape ...int) optest.Case {
	c := ntxent(temperature, split, shape...)
	c.Name = "decoupled_" + c.Name
	c.Op = func(in optest.In) *kernels.Tensor { return kernels.DecoupledNTXent(in.T("z"), temperature) }
	c.Ref = func(in optest.Values) *ref.Tensor { return ref.DecoupledNTXent(in["z"], temperature) }
	return c
}

// TestNTXentNeedsNoSquareOfTheBatch: 4096 similarities of 4096 rows are 64 MiB, and their gradient as many.
func TestNTXentNeedsNoSquareOfTheBatch(t *testing.T) {
	t.Setenv("MARR_EAGER", "") // which, like poisoned memory, uses none twice
	t.Setenv("MARR_POISON", "")
	st := kernels.NewStore(device)
	defer st.Free()
	prog, err := kernels.Build(device, st, func(g *kernels.Graph) {
		z := g.Input("z", kernels.F32, 4096, 128).Track()
		g.Backward(kernels.NTXent(z, 0.2))
		g.Output("dz", z.Grad())
	})
	if err != nil {
		t.Fatal(err)
	}
	defer prog.Free()
	if most := int64(20 << 20); prog.Planned() > most { // z, zᵀ and dz of 2 MiB each, two slabs of 4 MiB, shares of 128 KiB
		t.Errorf("%d bytes planned, want at most %d", prog.Planned(), most)
	}
}
