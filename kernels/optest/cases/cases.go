package cases

import (
	"slices"

	"github.com/marr-ssl/marr/kernels/optest"
	"github.com/marr-ssl/marr/kernels/rng"
)

// Op is a row of the table.
type Op = optest.Op

// Golden are the files with PyTorch's results, relative to the folder kernels.
var Golden = []string{"testdata/ops.json", "testdata/norms.json"}

// All returns the table.
func All() []Op {
	return slices.Concat(elementwise(), convolutions(), norms(), matrices(), rows(), attention(), losses(), correlations(), queues(), tokens(), updates(), viewOps())
}

// Named returns the row of that name. It panics if there is none.
func Named(name string) Op {
	for _, o := range All() {
		if o.Name == name {
			return o
		}
	}
	panic("cases: no op is called " + name)
}

type (
	kinds = map[string]optest.Kind
	attrs = optest.Attrs
)

// input returns an input with values from −1 to 1. The row sets its kind.
func input(name string, shape ...int) optest.Input { return optest.Input{Name: name, Shape: shape} }

func constant(x optest.Input) optest.Input {
	x.Kind = optest.Constant
	return x
}

func between(x optest.Input, lo, hi float64) optest.Input {
	x.Lo, x.Hi = lo, hi
	return x
}

// kink keeps an input away from 0, where max(x, 0) has no derivative.
func kink(x optest.Input) optest.Input {
	x.Away = 1e-3
	return x
}

// distinct returns an input of evenly spaced numbers from −1 to 1 in random order. No finite difference changes which of two is larger.
func distinct(name string, shape ...int) optest.Input {
	n := 1
	for _, d := range shape {
		n *= d
	}
	x := input(name, shape...)
	for _, i := range rng.New(3, uint32(n)).Perm(n) {
		x.Values = append(x.Values, float32(2*i+1)/float32(n)-1)
	}
	return x
}

func on(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func inputs(x ...optest.Input) []optest.Input { return x }
