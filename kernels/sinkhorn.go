package kernels

// sinkhornIterations is the number of iterations of SwAV (facebookresearch/swav, main_swav.py, --sinkhorn_iterations).
const sinkhornIterations = 3

// Sinkhorn is SwAV's assignment of samples to prototypes from scores x [N K] (Caron et al. 2020, arXiv:2006.09882, eq. 3 and appendix A;
// facebookresearch/swav, main_swav.py, distributed_sinkhorn):
//
//	Q = exp((x − max x)/ε), then three times: each column of Q divided by its sum, each row by its sum
//
// Rows of the result sum to 1, columns nearly to N/K. The maximum over all of x keeps exp within float32; a maximum of each row would change the result.
// No gradient flows through it.
func Sinkhorn(x *Tensor, epsilon float64) *Tensor { return sinkhorn(x, epsilon, 0, Scalar{}) }

// SinkhornQueue is Sinkhorn of the scores of a queue and of a batch, queue [M K] and x [N K], together. It returns the rows of the batch, [N K]. The
// rows of the queue count only while the scalar `use` is 1; at 0 the result is that of Sinkhorn of x.
func SinkhornQueue(queue, x *Tensor, epsilon float64, use Scalar) *Tensor {
	m := queue.Dim(0)
	all := sinkhorn(Concat(queue.constant(), x.constant()), epsilon, m, use)
	return Slice(all, m, m+x.Dim(0))
}

func sinkhorn(x *Tensor, epsilon float64, queued int, use Scalar) *Tensor {
	g := x.g
	wantShape("Sinkhorn", x, 2)
	wantTemperature("Sinkhorn", epsilon)
	rows, q, width, group := x.Rows(), x.quads(), x.Width(), groupOfRows(x.quads())
	tops, top, y := g.alloc("row maxima", F32, []int{rows, lanes}), g.alloc("maximum", F32, []int{lanes}), g.alloc("Sinkhorn", F32, x.shape)
	g.run(launch{kernel: "sinkhorn_max.row", spec: group.spec(), rows: rows, binds: []bind{in(x), out(tops)},
		push:   func(_, n int) constants { return constants{"rows": n, "quads": q, "width": width} },
		groups: group.groups})
	g.run(launch{kernel: "sinkhorn_max.all", spec: rowGroup(128).spec(), rows: 1, binds: []bind{whole(tops), wholeOut(top)},
		push:   func(_, _ int) constants { return constants{"rows": rows} },
		groups: rowGroup(128).groups})
	exp := launch{kernel: "sinkhorn_exp", rows: rows, binds: []bind{in(x), whole(top), out(y)},
		push: func(first, n int) constants {
			c := constants{"rows": n, "quads": q, "width": width, "scale": 1 / epsilon}
			if queued > 0 {
				c["row0"], c["queued"], c["use"] = first, queued, use.index
			}
			return c
		},
		groups: func(n int) [3]uint32 { return groups1(n*q, 32) }}
	if queued > 0 {
		exp.kernel, exp.binds = "sinkhorn_exp.queued", append(exp.binds, whole(use.mem))
	}
	g.run(exp)
	for range sinkhornIterations {
		columns := g.alloc("column sums", F32, []int{width})
		g.columnSum(columns, 0, y)
		g.run(launch{kernel: "sinkhorn", spec: group.spec(), rows: rows, binds: []bind{inout(y), whole(columns)},
			push:   func(_, n int) constants { return constants{"rows": n, "quads": q} },
			groups: group.groups})
	}
	return y
}
