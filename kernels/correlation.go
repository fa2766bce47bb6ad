package kernels

import "maps"

// CenterColumns is x minus the mean of each column, for x [N D]. Backward keeps nothing: dx = dy minus the mean of each column.
func CenterColumns(x *Tensor) *Tensor {
	g := x.g
	wantShape("CenterColumns", x, 2)
	y := g.result("CenterColumns", x.shape, x)
	center := func(y *Tensor, add int, x *Tensor) {
		mean := g.alloc("column sums", F32, []int{x.Width()})
		g.columnSum(mean, 0, x)
		g.addToRows(y, add, x, Scale(mean, -1/float64(x.Rows())))
	}
	center(y, 0, x)
	g.vjp(y, func(dy *Tensor) {
		dx, add := g.gradient(x)
		center(dx, add, dy)
	})
	return y
}

// CorrelationLoss is Σ_i (1 − c_ii)² + λ·Σ_{i≠j} c_ij² for the cross-correlation c [D D] of two views: the loss of Barlow Twins (Zbontar et al. 2021,
// arXiv:2103.03230, eq. 1). Shape [1]. Backward keeps c.
func CorrelationLoss(c *Tensor, lambda float64) *Tensor {
	wantSquare("CorrelationLoss", c)
	return diagonalLoss("CorrelationLoss", c, constants{"on": 1.0, "off": lambda, "target": 1.0, "eps": 0.0, "hinge": false})
}

// CovarianceLoss is v·Σ_i max(0, 1 − √(c_ii + 1e-4)) + w·Σ_{i≠j} c_ij² for the covariance c [D D] of embeddings: the variance and covariance terms of
// VICReg (Bardes et al. 2022, arXiv:2105.04906, eq. 1 to 4), with v = 25/2D and w = 1/D for each view (facebookresearch/vicreg, main_vicreg.py). The
// gradient of the first term is 0 where it is 0. Shape [1]. Backward keeps c.
func CovarianceLoss(c *Tensor, variance, covariance float64) *Tensor {
	wantSquare("CovarianceLoss", c)
	return diagonalLoss("CovarianceLoss", c, constants{"on": variance, "off": covariance, "target": 1.0, "eps": 1e-4, "hinge": true})
}

// MeanSquare is the mean of x², for any shape. Shape [1]. Backward keeps x.
func MeanSquare(x *Tensor) *Tensor {
	share := 1 / float64(product(x.shape))
	return diagonalLoss("MeanSquare", x, constants{"on": share, "off": share, "target": 0.0, "eps": 0.0, "hinge": false})
}

func wantSquare(op string, c *Tensor) {
	wantShape(op, c, 2)
	if c.Dim(0) != c.Dim(1) {
		misuse(op, "%v: want a square matrix", c)
	}
}

// diagonalLoss is the loss of shaders/diagonal_loss.comp, with these push constants. Its row losses have a weight of 0, so that meanLoss adds them up.
func diagonalLoss(op string, x *Tensor, f constants) *Tensor {
	g, q := x.g, x.quads()
	row, group := g.alloc(op+" rows", F32, []int{x.Rows(), lanes}), groupOfRows(q)
	push := func(first, n, add int) constants {
		c := constants{"rows": n, "row0": first, "quads": q, "add": add}
		maps.Copy(c, f)
		return c
	}
	g.run(launch{kernel: "diagonal_loss", spec: group.spec(), rows: x.Rows(), binds: []bind{in(x), out(row)},
		push: func(first, n int) constants { return push(first, n, 0) }, groups: group.groups})
	loss, _ := g.meanLoss(op, row, x.Rows(), x)
	g.vjp(loss, func(dl *Tensor) {
		dx, add := g.gradient(x)
		g.run(launch{kernel: "diagonal_loss_back", rows: x.Rows(), binds: []bind{in(x), whole(dl), sum(dx, add)},
			push:   func(first, n int) constants { return push(first, n, add) },
			groups: func(n int) [3]uint32 { return groups1(n*q, 32) }})
	})
	return loss
}
