package kernels

import (
	"fmt"
	"math"

	"marr/vk"
)

// Graph records one program.
type Graph struct {
	store *Store
	dev   *vk.Device // nil while tracing
	eager bool       // the program is the eager twin: every tensor keeps its memory
	timed bool       // see Time

	tape
	limits  limits
	kernels selection
	update  update
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
	return nil
}

// vjp registers the backward of y: called in reverse order of registration, with the gradient of y, if one flowed.
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

// gradient returns the tensor that a contribution to x's gradient goes to, and 1 when it must be added to what is there.
// Parameter gradients are always added to: ClearGrads zeroes them at the start of a step.
func (g *Graph) gradient(x *Tensor) (dx *Tensor, add int) {
	if x.param != nil {
		return g.paramGrad(x.param), 1
	}
	if x.grad != nil {
		return x.grad, 1
	}
	x.grad = g.alloc("d"+x.name, F32, x.shape)
	return x.grad, 0
}

// Backward adds the gradient of a scalar loss [1] with respect to every parameter it depends on to the parameters' gradients; with
// micro-batches (Micro) that of loss/k, so that a step's gradient is the mean over them.
func (g *Graph) Backward(loss *Tensor) {
	if product(loss.shape) != 1 {
		misuse("Backward", "%v: want a loss of shape [1]", loss)
	}
	one := g.alloc("one", F32, []int{1})
	g.fill(one, 0)
	g.fillAt(one, 4, math.Float32bits(1/float32(max(g.update.micro, 1))))
	g.BackwardFrom(loss, one)
}

// BackwardFrom walks the tape backwards from y, whose gradient is dy (same shape, pad lanes zero).
func (g *Graph) BackwardFrom(y, dy *Tensor) {
	wantSame("BackwardFrom", y, dy)
	y.grad = dy
	first := len(g.steps)
	for i := len(g.backward) - 1; i >= 0; i-- {
		g.backward[i]()
	}
	for _, s := range g.steps[first:] {
		s.back = true
	}
	g.backward = nil
}

// ForwardOnly records f, whose ops a later segment records again: Backward and Fold skip what f records.
func (g *Graph) ForwardOnly(f func()) {
	tape, folds := len(g.backward), len(g.update.folds)
	f()
	g.backward, g.update.folds = g.backward[:tape], g.update.folds[:folds]
}

// StopGrad returns x as a constant: no gradient flows through it.
func StopGrad(x *Tensor) *Tensor {
	if x.g.held != nil {
		return x.g.cut(x.constant())
	}
	return x.constant()
}

func (t *Tensor) constant() *Tensor {
	c := *t
	c.needs, c.grad, c.param = false, nil, nil
	return &c
}

// CutAtStopGrad makes StopGrad cut the graph: its argument becomes an output of the segment, and its result an input of the same name and shape. The names
// are appended to names. Tests of gradients move parameters this way while the constants stay.
func (g *Graph) CutAtStopGrad(names *[]string) { g.held = names }

// cut makes an output of x and an input of the same name, which it returns.
func (g *Graph) cut(x *Tensor) *Tensor {
	name := fmt.Sprintf("held%d", len(*g.held))
	*g.held = append(*g.held, name)
	g.Output(name, Scale(x, 1)) // x may be a part of a tensor
	return g.Input(name, F32, x.shape...)
}

// Store returns the store of the graph's parameters and states.
func (g *Graph) Store() *Store { return g.store }
