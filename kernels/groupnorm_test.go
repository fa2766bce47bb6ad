package kernels_test

import (
	"fmt"
	"strings"
	"testing"

	"marr/kernels"
	"marr/kernels/optest"
	"marr/kernels/ref"
)

func TestGroupNormMatchesItsReference(t *testing.T) {
	var cases []optest.Case
	add := func(groups int, residual, relu, split bool, lo, hi float64, shape ...int) {
		c, tolerance := shape[len(shape)-1], 0.0
		inputs := []optest.Input{between(act("x", shape...), lo, hi), between(par("gamma", c), 0.5, 1.5), par("beta", c)}
		if residual {
			inputs = append(inputs, act("residual", shape...))
		}
		if lo > 1 {
			tolerance = 1e-4 // float32 holds numbers around 30 to 2e-6, which 1/σ = 1.7 and, backward, 1/σ² enlarge
		}
		cases = append(cases, optest.Case{Name: fmt.Sprintf("%v_groups_%d_residual_%t_relu_%t", shape, groups, residual, relu), Inputs: inputs, Split: split,
			Forward: tolerance, Backward: tolerance,
			Op: func(in optest.In) *kernels.Tensor {
				return kernels.GroupNorm(in.T("x"), in.P("gamma"), in.P("beta"), groups, 1e-5, in.T("residual"), relu)
			},
			Ref: func(in optest.Values) *ref.Tensor {
				return ref.GroupNorm(in["x"], in["gamma"], in["beta"], groups, 1e-5, in["residual"], relu)
			}})
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
	one, zero := ref.New(8), ref.New(8)
	for i := range one.Data {
		one.Data[i] = 1
	}
	cases = append(cases, optest.Case{Name: "plain", Inputs: []optest.Input{act("x", 9, 8)},
		Op:  func(in optest.In) *kernels.Tensor { return kernels.GroupNorm(in.T("x"), nil, nil, 2, 1e-5, nil, false) },
		Ref: func(in optest.Values) *ref.Tensor { return ref.GroupNorm(in["x"], one, zero, 2, 1e-5, nil, false) }})
	bench.Run(t, cases...)
}

func TestGroupNormRefusesGroupsOfPartsOfAVector(t *testing.T) {
	for _, c := range []struct{ width, groups int }{{8, 4}, {12, 2}, {8, 3}, {6, 2}, {8, 0}} {
		_, err := kernels.TraceOps(kernels.NewStore(device), func(g *kernels.Graph) {
			st := g.Store()
			kernels.GroupNorm(g.Input("x", kernels.F32, 2, c.width), st.Param("gamma", ones(c.width), c.width), st.Param("beta", ones(c.width), c.width), c.groups, 1e-5, nil, false)
		})
		if err == nil || !strings.Contains(err.Error(), "groups: want one") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// Of the mean alone, the batch's or the running one: no gradient flows through that.
func TestMeanNormsMatchTheirReferences(t *testing.T) {
	var cases []optest.Case
	for _, takes := range []kernels.Statistics{kernels.MeanAlone, kernels.MovingMean} {
		for _, shape := range [][]int{{3, 1}, {7, 34}, {3, 5, 2, 5}, {2200, 2}} {
			c := shape[len(shape)-1]
			state := func(name string) optest.Input { return optest.Input{Name: name, Kind: optest.State, Shape: []int{c}} }
			one := state("var")
			one.Values = ones(c)()
			cases = append(cases, optest.Case{Name: fmt.Sprintf("%v_takes_%d", shape, takes), Split: shape[0] == 2200,
				Inputs: []optest.Input{act("x", shape...), between(par("gamma", c), 0.5, 1.5), par("beta", c), state("mean"), one, act("residual", shape...)},
				Op: func(in optest.In) *kernels.Tensor {
					n := norm(in)
					n.Takes = takes
					return kernels.BatchNorm(in.T("x"), n, in.T("residual"), true, true)
				},
				Ref: func(in optest.Values) *ref.Tensor {
					mean := in["mean"]
					if takes == kernels.MeanAlone {
						mean = nil
					}
					y, _ := ref.MeanNorm(in["x"], in["gamma"], in["beta"], mean, 1e-5, in["residual"], true)
					return y
				}})
		}
	}
	bench.Run(t, cases...)
}
