package cases

import (
	"fmt"
	"slices"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/kernels/optest"
	"github.com/marr-ssl/marr/kernels/ref"
)

// queues are the ops of methods that compare a batch with a queue, or assign it to prototypes.
func queues() []Op {
	return []Op{
		{
			Name:  "info_nce",
			Build: func(in optest.In) *kernels.Tensor { return kernels.InfoNCE(in.T("x"), in.On("only_own")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.InfoNCE(in.T("x"), in.On("only_own")) },
			Cases: infoNCECases(),
		}, {
			Name: "push", NoGolden: true, // the ten steps of MoCo v2 have golden queues
			Kinds: kinds{"x": optest.Constant, "queue": optest.State},
			Build: func(in optest.In) *kernels.Tensor {
				in.S("queue").Push(in.Graph, in.T("x"), in.Scalar("first"))
				return kernels.Concat(in.S("queue").Value(in.Graph))
			},
			Ref:   func(in optest.Values) *ref.Tensor { return ref.Push(in.T("queue"), in.T("x"), in.Int("first")) },
			Cases: pushCases(),
		}, {
			Name:  "nearest_rows",
			Kinds: kinds{"x": optest.Stopped, "candidates": optest.Stopped},
			Build: func(in optest.In) *kernels.Tensor { return kernels.NearestRows(in.T("x"), in.T("candidates")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.NearestRows(in.T("x"), in.T("candidates")) },
			Cases: nearestCases(),
		}, {
			Name:  "koleo",
			Build: func(in optest.In) *kernels.Tensor { return kernels.KoLeo(in.T("x")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.KoLeo(in.T("x")) },
			Cases: koleoCases(),
		}, {
			Name:  "sinkhorn",
			Kinds: kinds{"x": optest.Stopped},
			Build: func(in optest.In) *kernels.Tensor { return kernels.Sinkhorn(in.T("x"), in.Num("epsilon")) },
			Ref:   func(in optest.Values) *ref.Tensor { return ref.Sinkhorn(in.T("x"), in.Num("epsilon"), 0, 0) },
			Cases: sinkhornCases(),
		}, {
			Name: "sinkhorn_queue", NoGolden: true, // the ten steps of SwAV have one
			Kinds: kinds{"queue": optest.Stopped, "x": optest.Stopped},
			Build: func(in optest.In) *kernels.Tensor {
				return kernels.SinkhornQueue(in.T("queue"), in.T("x"), in.Num("epsilon"), in.Scalar("use"))
			},
			Ref: func(in optest.Values) *ref.Tensor {
				queue, x := in.T("queue"), in.T("x")
				all := ref.Sinkhorn(ref.Concat(queue, x), in.Num("epsilon"), queue.Rows(), in.Num("use"))
				return ref.From(all.Data[len(queue.Data):], x.Shape...)
			},
			Cases: sinkhornQueueCases(),
		},
	}
}

func infoNCECases() (cases []optest.Case) {
	for _, shape := range [][]int{{1, 1}, {1, 3}, {5, 5}, {5, 33}, {7, 64}, {17, 257}, {3, 2049}, {2, 65533}, {64, 100}} {
		for own := range 2 {
			if shape[1] > 1 && (own == 0 || shape[1] > shape[0]) {
				cases = append(cases, optest.Case{Name: fmt.Sprintf("info_nce_%v_%d", shape, own), Split: shape[0] == 64,
					Inputs: inputs(between(input("x", shape...), -3, 3)), Attrs: attrs{"only_own": float64(own)}})
			}
		}
	}
	return cases
}

func pushCases() (cases []optest.Case) {
	for _, c := range []struct{ rows, size, width, first int }{{1, 1, 1, 0}, {3, 7, 5, 6}, {4, 4, 12, 2}, {65, 130, 33, 100}} {
		cases = append(cases, optest.Case{Name: fmt.Sprint("push", c), Attrs: attrs{"first": float64(c.first)},
			Inputs: inputs(input("x", c.rows, c.width), input("queue", c.size, c.width))})
	}
	return cases
}

// nearestCases include candidates that are equal: the first is nearest. Those of [3 7] are equal in pairs, in both orders.
func nearestCases() (cases []optest.Case) {
	for _, c := range [][3]int{{1, 1, 1}, {5, 3, 7}, {7, 33, 5}, {17, 257, 12}, {2, 2049, 4}, {3, 16385, 4}, {300, 5, 5}} {
		cases = append(cases, optest.Case{Name: fmt.Sprint("nearest_rows_", c), Split: c[0] == 300,
			Inputs: inputs(input("x", c[0], c[2]), input("candidates", c[1], c[2]))})
	}
	equal := []float32{1, 0, 2, 0, 0, 1, 0, 2, 1, 0}
	for range 6 {
		equal = append(equal, equal...)
	}
	return append(cases, optest.Case{Name: "nearest_rows_equal",
		Inputs: inputs(optest.Input{Name: "x", Shape: []int{2, 2}, Values: []float32{1, 0, 0, 1}},
			optest.Input{Name: "candidates", Shape: []int{len(equal) / 2, 2}, Values: slices.Clone(equal)})})
}

// koleoCases have rows of any norm, among which a few are the nearest of many.
func koleoCases() (cases []optest.Case) {
	for _, shape := range [][]int{{2, 1}, {5, 3}, {33, 12}, {130, 65}, {100, 5}} {
		cases = append(cases, optest.Case{Name: fmt.Sprintf("koleo_%v", shape), Split: shape[0] == 100, Inputs: inputs(input("x", shape...))})
	}
	return cases
}

func sinkhornCases() (cases []optest.Case) {
	for _, shape := range append(longRows[:2:2], []int{1, 1}, []int{5, 3}, []int{64, 12}, []int{300, 5}) {
		for _, epsilon := range []float64{1, 0.05} {
			cases = append(cases, optest.Case{Name: fmt.Sprintf("sinkhorn_%v_%g", shape, epsilon), Split: shape[0] == 300,
				Inputs: inputs(input("x", shape...)), Attrs: attrs{"epsilon": epsilon}, Forward: 1e-5}) // exp's error grows with its argument, up to 40
		}
	}
	return cases
}

func sinkhornQueueCases() (cases []optest.Case) {
	for _, c := range [][3]int{{1, 1, 1}, {3, 5, 7}, {64, 32, 12}, {300, 7, 5}} {
		for use := range 2 {
			cases = append(cases, optest.Case{Name: fmt.Sprint("sinkhorn_queue_", c, use), Split: c[0] == 300, Forward: 1e-5,
				Inputs: inputs(input("queue", c[0], c[2]), input("x", c[1], c[2])), Attrs: attrs{"epsilon": 0.1, "use": float64(use)}})
		}
	}
	return cases
}
