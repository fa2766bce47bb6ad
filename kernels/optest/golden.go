package optest

import (
	"testing"

	"marr/kernels/ref/golden"
)

// goldenTolerance bounds ‖device − PyTorch‖/‖PyTorch‖ for an op. PyTorch's own float32 is up to 2e-6 from its float64 (the files
// record it); kernels sum in another order and use 1/√ and exp of the device, whose errors are a few units in the last place.
const goldenTolerance = 1e-4

// RunGolden compares results, gradients and updated States of the device with PyTorch's, for every case of the golden files. One program holds
// all cases; each is a subtest.
func (b Bench) RunGolden(t *testing.T, ops []Op, paths ...string) {
	cases, err := loadGolden(ops, paths)
	if err != nil {
		t.Fatal(err)
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
	results, _ := exec(t, all, setup{name: "golden", dev: b.Device, golden: true, runs: 1})
	for i, c := range built {
		t.Run(c.Name, func(t *testing.T) { c.checkDevice(t, all[i], results[i]) })
	}
}

func (c goldenCase) checkDevice(t *testing.T, p *prepared, got *result) {
	t.Helper()
	p.checkPads(t, "", got)
	check := func(name string, want *golden.Result, v []float32) {
		t.Helper()
		if d := want.Distance32(v); !(d <= goldenTolerance) {
			t.Errorf("%s: %.2g from PyTorch, want at most %g: got %v", name, d, goldenTolerance, head(v))
		}
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
