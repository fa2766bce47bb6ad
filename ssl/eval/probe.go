package eval

import (
	"context"
	"errors"
	"fmt"
	"math"

	blas "gonum.org/v1/gonum/blas/gonum"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/optimize"
)

// probe is the objective of multinomial logistic regression,
//
//	F(W, b) = (1/n) Σ_i [ log Σ_c exp(z_ic) − z_i,y(i) ] + penalty·‖W‖²,  z_ic = W_c·x_i + b_c
//
// with the parameters as one vector: W [classes D] row by row, then b [classes].
//
// Products are float32 (a dot product of D terms, a sum of rowsPerFlush rows), all further sums are float64. The rows are divided into
// shards. Their number depends on n alone and their sums are added in order, so the bits do not depend on the number of cores.
type probe struct {
	x       *matrix // [n D], padded
	d       int
	labels  []int32
	classes int
	penalty float64
	each    func(n int, f func(i int)) // parallel or serial

	evaluated func() // is called after each evaluation of F; may be nil
}

const (
	maxShards    = 16  // no more cores than this are used
	rowsPerShard = 256 // largest number of rows while there are fewer than maxShards
	rowsPerFlush = 64  // rows whose sum is float32
)

func serial(n int, f func(i int)) {
	for i := range n {
		f(i)
	}
}

// split returns W as float32 for the products, and b.
func (p *probe) split(w []float64) (weight *matrix, bias []float64) {
	weight = newMatrix(p.classes, p.d)
	for c := range p.classes {
		row := weight.row(c)
		for j, v := range w[c*p.d : (c+1)*p.d] {
			row[j] = float32(v)
		}
	}
	return weight, w[p.classes*p.d:]
}

// shard holds the sums of loss and gradient over some of the rows, before the division by n.
type shard struct {
	loss   float64
	weight []float64 // [classes stride]
	bias   []float64 // [classes]
}

// value returns F(w) and writes its gradient to grad. Once ctx is done, both are wrong.
func (p *probe) value(ctx context.Context, w, grad []float64) float64 {
	weight, bias := p.split(w)
	shards := make([]shard, min(maxShards, (p.x.n+rowsPerShard-1)/rowsPerShard))
	p.each(len(shards), func(i int) {
		shards[i] = p.sumRows(ctx, weight, bias, i*p.x.n/len(shards), (i+1)*p.x.n/len(shards))
	})
	loss := 0.0
	clear(grad)
	for _, s := range shards {
		loss += s.loss
		for c := range p.classes {
			floats.Add(grad[c*p.d:(c+1)*p.d], s.weight[c*p.x.stride:c*p.x.stride+p.d])
		}
		floats.Add(grad[p.classes*p.d:], s.bias)
	}
	floats.Scale(1/float64(p.x.n), grad)
	loss /= float64(p.x.n)
	for i, v := range w[:p.classes*p.d] {
		loss += p.penalty * v * v
		grad[i] += 2 * p.penalty * v
	}
	return loss
}

// sumRows returns the sums over rows from … end−1: ∂F/∂z_ic = softmax(z_i)_c − [c = y(i)], ∂F/∂W_c = Σ_i ∂F/∂z_ic·x_i.
func (p *probe) sumRows(ctx context.Context, weight *matrix, bias []float64, from, end int) shard {
	s := shard{weight: make([]float64, p.classes*p.x.stride), bias: make([]float64, p.classes)}
	unflushed, z := newMatrix(p.classes, p.d), make([]float64, p.classes)
	for i := from; i < end; i++ {
		x := p.x.row(i)
		logits(z, weight, bias, x)
		lse := floats.LogSumExp(z)
		s.loss += lse - z[p.labels[i]]
		for c := range z {
			dz := math.Exp(z[c] - lse)
			if c == int(p.labels[i]) {
				dz--
			}
			s.bias[c] += dz
			blas.Implementation{}.Saxpy(unflushed.stride, float32(dz), x, 1, unflushed.row(c), 1)
		}
		if (i+1-from)%rowsPerFlush == 0 || i+1 == end {
			if ctx.Err() != nil {
				break
			}
			for j, v := range unflushed.x {
				s.weight[j] += float64(v)
			}
			clear(unflushed.x)
		}
	}
	return s
}

func logits(z []float64, weight *matrix, bias []float64, x []float32) {
	for c := range z {
		z[c] = float64(blas.Implementation{}.Sdot(weight.stride, weight.row(c), 1, x, 1)) + bias[c]
	}
}

// fit minimizes F from zero by L-BFGS (memory 10, Moré and Thuente's line search for the strong Wolfe conditions) in at most the given
// number of iterations. It stops earlier if the gradient's norm falls below 1e-7, or if a line search finds no lower value: at the
// resolution of the float32 products, about 1e-8 in F, that is the minimum. It evaluates F at most 4 times per iteration (about 1.1 are
// usual), because the line search alone need not end. Once ctx is done, it returns ctx.Err().
func (p *probe) fit(ctx context.Context, iterations int) ([]float64, error) {
	size := p.classes * (p.d + 1)
	at, grad := make([]float64, size), make([]float64, size)
	value, known := 0.0, false
	eval := func(w []float64) { // the optimizer requests value and gradient separately
		if !known || !floats.Equal(w, at) {
			copy(at, w)
			value, known = p.value(ctx, at, grad), true
			if p.evaluated != nil {
				p.evaluated()
			}
		}
	}
	problem := optimize.Problem{
		Func: func(w []float64) float64 { eval(w); return value },
		Grad: func(dst, w []float64) { eval(w); copy(dst, grad) },
		Status: func() (optimize.Status, error) {
			if err := ctx.Err(); err != nil {
				return optimize.Failure, err
			}
			return optimize.NotTerminated, nil
		},
	}
	method := &optimize.LBFGS{Store: 10, GradStopThreshold: 1e-7, Linesearcher: &optimize.MoreThuente{DecreaseFactor: 1e-4, CurvatureFactor: 0.9}}
	settings := &optimize.Settings{MajorIterations: iterations, FuncEvaluations: 4 * iterations, Converger: optimize.NeverTerminate{}}
	result, err := optimize.Minimize(problem, make([]float64, size), settings, method)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("eval: linear: %w", ctx.Err())
	}
	noLower := errors.Is(err, optimize.ErrLinesearcherFailure) || errors.Is(err, optimize.ErrNoProgress) || errors.Is(err, optimize.ErrNonDescentDirection)
	if err != nil && !noLower {
		return nil, fmt.Errorf("eval: linear: L-BFGS: %w", err)
	}
	return result.X, nil
}

// accuracy returns the percentage of rows whose largest logit is that of their label.
func (p *probe) accuracy(w []float64, x *matrix, labels []int32) float64 {
	correct, _ := p.score(w, x, labels)
	return 100 * float64(correct) / float64(x.n)
}

// score returns the number of rows whose largest logit is that of their label, and the sum of the cross-entropies of all rows.
func (p *probe) score(w []float64, x *matrix, labels []int32) (correct int, loss float64) {
	weight, bias := p.split(w)
	z := make([]float64, p.classes)
	for i := range x.n {
		logits(z, weight, bias, x.row(i))
		if floats.MaxIdx(z) == int(labels[i]) {
			correct++
		}
		loss += floats.LogSumExp(z) - z[labels[i]]
	}
	return correct, loss
}
