package bench

import (
	"context"
	"fmt"
	"math"

	"github.com/marr-ssl/marr/kernels"
	"github.com/marr-ssl/marr/ssl/data"
	"github.com/marr-ssl/marr/vk"
)

// Twice is a short training that ran twice from the same seed. Both runs must have the same bits, and the loss must fall.
type Twice struct {
	Training
	Differs string `json:"differs,omitempty"` // the first difference; empty: all losses, parameters and statistics have the same bits
}

// TrainTwice trains twice for o.Steps steps. The figures are those of the first run.
func TrainTwice(ctx context.Context, dev *vk.Device, o StepOptions) (*Twice, error) {
	set, err := data.Open(ctx, trainingImages, data.Options{})
	if err != nil {
		return nil, err
	}
	var losses [2][]float64
	var states [2][]tensorBits
	var first *Training
	for i := range 2 {
		t, l, err := o.train(ctx, dev, set, func(st *kernels.Store) (err error) {
			states[i], err = readState(st)
			return err
		})
		if err != nil {
			return nil, err
		}
		if losses[i] = l; i == 0 {
			first = t
		}
	}
	return &Twice{*first, firstDifference(losses, states)}, nil
}

// Learned reports whether the loss fell.
func (t *Twice) Learned() bool { return t.LastLoss < t.FirstLoss }

// tensorBits is a trained tensor.
type tensorBits struct {
	name   string
	values []float32
}

// readState returns the parameters and the states of a store, in its order.
func readState(st *kernels.Store) (out []tensorBits, err error) {
	add := func(name string, read func() ([]float32, error)) {
		if err != nil {
			return
		}
		var v []float32
		v, err = read()
		out = append(out, tensorBits{name, v})
	}
	for _, p := range st.Params() {
		add(p.Name, p.Read)
	}
	for _, s := range st.States() {
		add(s.Name, s.Read)
	}
	return out, err
}

// firstDifference describes the first difference between the bits of two runs: by step, else by tensor. It is empty if there is none.
func firstDifference(losses [2][]float64, states [2][]tensorBits) string {
	for i, l := range losses[0] {
		if m := losses[1][i]; math.Float64bits(l) != math.Float64bits(m) {
			return fmt.Sprintf("the loss of step %d is %v in the first run and %v in the second", i+1, l, m)
		}
	}
	for i, x := range states[0] {
		for j, v := range x.values {
			if w := states[1][i].values[j]; math.Float32bits(v) != math.Float32bits(w) {
				return fmt.Sprintf("after %d steps element %d of %s is %v in the first run and %v in the second", len(losses[0]), j, x.name, v, w)
			}
		}
	}
	return ""
}
