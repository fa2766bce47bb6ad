package kernels

import (
	"fmt"
	"math"

	"github.com/marr-ssl/marr/vk"
)

// Graph records one program.
type Graph struct {
	store *Store
	dev   *vk.Device // nil while tracing
	eager bool       // the program is the eager twin: every tensor keeps its memory
	timed bool       // see EnableTiming
	mixed bool       // see MixedPrecision

	tape
	limits  limits
	kernels selection
	update  update
	synced  synced
}

func newGraph(store *Store) *Graph {
	return &Graph{store: store, kernels: selection{transposes: map[transposed]*Tensor{}, chosen: map[string]string{}, offered: map[string]bool{}},
		limits: limits{binding: math.MaxInt64}, update: update{averaged: -1}}
}

// record calls f on g and completes the recording. A panic about misuse becomes an error.
func record(g *Graph, f func(g *Graph)) (err error) {
	defer recoverBuildError(&err)
	f(g)
	g.update.complete(g.store)
	if !g.unfused() {
		g.fuseNorms()
	}
	return nil
}

// vjp registers the backward closure of y. BackwardFrom calls the closures in reverse order, with the gradient of y, unless y has none.
func (g *Graph) vjp(y *Tensor, back func(dy *Tensor)) {
	if !y.needs {
		return
	}
	g.backward = append(g.backward, func() {
		if y.grad != nil {
			back(y.grad)
		}
	})
}

// gradient returns the tensor for a contribution to x's gradient. add is 1 if the contribution must be added to the tensor's contents, else 0.
// It is always 1 for parameters, whose gradients ClearGrads zeroes at the start of a step. An op with several inputs calls it only for those with
// needs set; vjp has checked an only input.
func (g *Graph) gradient(x *Tensor) (dx *Tensor, add int) {
	if x.base != nil {
		dx, add = g.gradient(x.base)
		return dx.as(x.shape), add
	}
	if x.param != nil {
		return g.paramGrad(x.param), 1
	}
	if x.grad == nil {
		x.grad = g.alloc("d"+x.name, x.dtype, x.shape)
	} else {
		add = 1
	}
	x.grad.contributions = append(x.grad.contributions, nil)
	return x.grad, add
}

// Backward adds the gradient of a scalar loss [1] to the gradient of every parameter that it depends on. With k micro-batches (Micro) it is the
// gradient of loss/k, so that a step's gradient is the mean over them. ScaleLoss multiplies it.
func (g *Graph) Backward(loss *Tensor) {
	if product(loss.shape) != 1 {
		misuse("Backward", "%v: want a loss of shape [1]", loss)
	}
	one, share := g.alloc("one", F32, []int{1}), 1/float32(max(g.update.micro, 1))
	if g.update.scaled {
		g.scaled(one, 0, g.store.lossScale().Value(g), float64(share))
	} else {
		g.fill(one, 0)
		g.fillAt(one, 4, math.Float32bits(share))
	}
	g.BackwardFrom(loss, one)
}

// BackwardFrom runs the backward pass from y, whose gradient is dy (same shape, pad lanes zero).
func (g *Graph) BackwardFrom(y, dy *Tensor) {
	wantSame("BackwardFrom", y, dy)
	for y.base != nil {
		y, dy = y.base, dy.as(y.base.shape)
	}
	y.grad = dy
	dy.contributions = contributions{nil}
	first := len(g.steps)
	for i := len(g.backward) - 1; i >= 0; i-- {
		g.backward[i]()
	}
	for _, s := range g.steps[first:] {
		s.back = true
	}
	g.backward = nil
}

// ForwardOnly records f, whose ops a later segment records again: Backward and UpdateRunningStats skip what f records.
func (g *Graph) ForwardOnly(f func()) {
	tape, folds := len(g.backward), len(g.update.folds)
	f()
	g.backward, g.update.folds = g.backward[:tape], g.update.folds[:folds]
}

// StopGrad returns x as a constant: no gradient flows through it.
func StopGrad(x *Tensor) *Tensor {
	if x.g.stopGradNames != nil {
		return x.g.cut(x.constant())
	}
	return x.constant()
}

func (t *Tensor) constant() *Tensor {
	c := *t
	c.needs, c.grad, c.param, c.base = false, nil, nil, nil
	return &c
}

// CutAtStopGrad makes StopGrad cut the graph: its argument becomes an output of the segment, and its result an input of the same name and shape. The
// names are appended to names. Tests of gradients use it to change parameters while the constants stay.
func (g *Graph) CutAtStopGrad(names *[]string) { g.stopGradNames = names }

// cut makes x an output, and returns an input of the same name.
func (g *Graph) cut(x *Tensor) *Tensor {
	name := fmt.Sprintf("held%d", len(*g.stopGradNames))
	*g.stopGradNames = append(*g.stopGradNames, name)
	g.Output(name, Scale(x, 1)) // a copy, since x may be a window of a tensor
	return g.Input(name, F32, x.shape...)
}

// Store returns the store of the graph's parameters and states.
func (g *Graph) Store() *Store { return g.store }
