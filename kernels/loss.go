package kernels

import "maps"

// CrossEntropy is the mean of −log softmax(x)[t] over the rows with a target t ≥ 0, for x [N K] and targets [N] (I32), as
// torch.nn.functional.cross_entropy with ignore_index −1. Without such rows it is 0. Shape [1]. Backward keeps x and the rows' log-sum-exp.
func CrossEntropy(x, targets *Tensor) *Tensor { return SmoothedCrossEntropy(x, targets, 0) }

// SmoothedCrossEntropy is CrossEntropy with label smoothing s (Szegedy et al. 2015, arXiv:1512.00567, section 7), as the argument label_smoothing of
// torch.nn.functional.cross_entropy:
//
//	mean over rows with a target t ≥ 0 of −Σ_k q_k·log softmax(x)_k,    q_k = (1 − s)·[k = t] + s/K
//
// q is not stored, so that K may be large.
func SmoothedCrossEntropy(x, targets *Tensor, smoothing float64) *Tensor {
	g := x.g
	wantShape("CrossEntropy", x, 2)
	if targets.dtype != I32 || product(targets.shape) != x.Rows() {
		misuse("CrossEntropy", "%v with targets %v: want %d of type I32", x, targets, x.Rows())
	}
	if !(smoothing >= 0 && smoothing <= 1) {
		misuse("CrossEntropy", "label smoothing %g: want it from 0 to 1", smoothing)
	}
	return g.crossEntropy("CrossEntropy", "", x, []bind{whole(targets)}, constants{"hot": 1 - smoothing, "rest": smoothing / float64(x.Width())})
}

// InfoNCE is the contrastive loss of similarities x [N M], M ≥ N, whose column n holds the positive of row n (van den Oord et al. 2018,
// arXiv:1807.03748, eq. 4):
//
//	mean over rows n of −log softmax(x)[n, n]
//
// With a queue the first N columns are the positives of all rows, and the others the queue's: then, with onlyOwn, the positives of other rows do not
// count (He et al. 2019, arXiv:1911.05722, eq. 1). Shape [1]. Backward keeps x and the rows' log-sum-exp.
func InfoNCE(x *Tensor, onlyOwn bool) *Tensor {
	wantShape("InfoNCE", x, 2)
	if x.Width() < x.Rows() {
		misuse("InfoNCE", "%v: want a column for the positive of each row", x)
	}
	masked := 0
	if onlyOwn {
		masked = x.Rows()
	}
	return x.g.crossEntropy("InfoNCE", ".info", x, nil, constants{"masked": masked})
}

// crossEntropy records a variant of the kernels cross_entropy and cross_entropy_back. They also take more bindings and push constants.
func (g *Graph) crossEntropy(op, variant string, x *Tensor, binds []bind, more constants) *Tensor {
	rows, q, width := x.Rows(), x.quads(), x.Width()
	push := func(first, n int) constants {
		c := constants{"rows": n, "row0": first, "quads": q, "width": width}
		maps.Copy(c, more)
		return c
	}
	row, group := g.alloc("cross entropy rows", F32, []int{rows, lanes}), groupOfRows(q)
	g.run(launch{kernel: "cross_entropy" + variant, spec: group.spec(), rows: rows, binds: append([]bind{in(x), out(row)}, binds...),
		push: push, groups: group.groups})
	loss, mean := g.meanLoss(op, row, rows, x)
	g.vjp(loss, func(dl *Tensor) {
		dx, add := g.gradient(x)
		g.run(launch{kernel: "cross_entropy_back" + variant, rows: rows,
			binds: append([]bind{in(x), in(row), whole(mean), whole(dl), sum(dx, add)}, binds...),
			push: func(first, n int) constants {
				c := push(first, n)
				c["add"] = add
				return c
			},
			groups: func(n int) [3]uint32 { return groups1(n*q, 32) }})
	})
	return loss
}

// meanLoss returns the weighted mean of row losses (loss, weight, …), and a vector of this mean and the sum of weights.
func (g *Graph) meanLoss(op string, row *Tensor, rows int, from ...*Tensor) (loss, mean *Tensor) {
	loss, mean = g.result(op, []int{1}, from...), g.alloc("mean", F32, []int{lanes})
	row, rows = g.sumLevels(row, rows, 1)
	g.run(launch{kernel: "mean", rows: 1, binds: []bind{whole(row), wholeOut(loss), wholeOut(mean)},
		push:   func(_, _ int) constants { return constants{"rows": rows} },
		groups: func(int) [3]uint32 { return [3]uint32{1, 1, 1} }})
	return loss, mean
}
