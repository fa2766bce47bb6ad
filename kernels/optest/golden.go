package optest

import (
	"fmt"

	"github.com/marr-ssl/marr/kernels/ref/golden"
)

// goldenTolerance bounds ‖device − PyTorch‖/‖PyTorch‖ for an op. PyTorch's own float32 is up to 2e-6 from its float64 (the files
// record it); kernels sum in another order and use 1/√ and exp of the device, whose errors are a few units in the last place.
const goldenTolerance = 1e-4

// CheckGolden compares results, gradients and updated States of the device with PyTorch's, for every case of the golden files. One program holds
// all cases. The error is that of a file, or of the program.
func (b Bench) CheckGolden(ops []Op, paths ...string) ([]Failure, error) {
	cases, err := loadGolden(ops, paths)
	if err != nil {
		return nil, err
	}
	var built []goldenCase
	var all []*prepared
	for _, c := range cases {
		if c.op.Build == nil {
			continue
		}
		p := &prepared{Case: c.Case, drawn: c.draw(), shape: c.result().Shape}
		if len(c.want.Cotangents) > 0 { // none: the op has no gradient
			p.cotangent = c.want.Values(c.want.Cotangents[0])
		}
		built, all = append(built, c), append(all, p)
	}
	results, _, err := exec(all, setup{dev: b.Device, golden: true, runs: 1})
	if err != nil {
		return nil, err
	}
	r := &Report{}
	for i, c := range built {
		c.checkDevice(r, all[i], results[all[i]])
	}
	return r.Failures, nil
}

func (c goldenCase) checkDevice(r *Report, p *prepared, got *result) {
	r.checkPads(p, "", got)
	check := func(name string, want *golden.Result, v []float32) {
		r.compare(&r.Forward, want.Distance32(v), goldenTolerance, p, "", name, "PyTorch", fmt.Sprintf("got %v", head(v)))
	}
	check("result", c.result(), unpack(got.y, c.result().Shape))
	for _, x := range c.Inputs {
		if want := c.want.Output("new_" + x.Name); want != nil && x.Kind == State {
			check("new "+x.Name, want, got.states[x.Name])
		}
		if want := c.want.Grad(x.Name); want != nil {
			check("gradient of "+x.Name, want, unpack(got.grads[x.Name], x.Shape))
		}
	}
}

// result returns the golden output that is the op's result.
func (c goldenCase) result() *golden.Result {
	if loss := c.want.Output("loss"); loss != nil {
		return loss
	}
	return c.want.Output("y")
}
