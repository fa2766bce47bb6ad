package optest

import (
	"math"

	"github.com/marr-ssl/marr/kernels"
)

// halfForward and halfBackward are the tolerances in halves. Rounding to 11 bits is off by 2⁻¹²/√3 = 1.4e-4 on average. A gradient is computed from a
// rounded result and a rounded cotangent, and is rounded itself; a second contribution rounds once more. Errors of few numbers do not average out, least
// of all behind the mean that batch norm subtracts.
const halfForward, halfBackward, halfFew = 1e-3, 4e-3, 2e-2

// Halves returns the op with its activations, result and their gradients in halves (kernels.Half). The references get the rounded inputs.
func (o Op) Halves() Op {
	cases := o.All()
	for i, c := range cases {
		cases[i] = c.halves()
	}
	return Op{Name: o.Name + " of halves", NoGolden: true, OnHalves: true, Build: cases[0].Build, Cases: cases}
}

func (c Case) halves() Case {
	drawn, build := c.draw(), c.Build
	c.Name, c.Split = c.Name+" of halves", false
	c.Forward, c.Backward = max(halfForward, c.Forward), max(halfBackward, c.Backward)
	for i, x := range c.Inputs {
		if x.Kind == Bytes {
			continue
		}
		if x.Kind == Activation && volume(x.Shape) < 32 {
			c.Backward = halfFew
		}
		c.Inputs[i].Values = drawn[x.Name]
		if x.Kind == Activation || x.Kind == Parameter { // kernels of matrix units round both
			for j, v := range drawn[x.Name] {
				drawn[x.Name][j] = roundHalf(v)
			}
		}
	}
	c.Build = func(in In) *kernels.Tensor {
		in.Graph.MixedPrecision()
		floats := in.tensors
		in.tensors = map[string]*kernels.Tensor{}
		for name, t := range floats {
			in.tensors[name] = t
		}
		for _, x := range c.Inputs {
			if x.Kind == Activation {
				in.tensors[x.Name] = kernels.Half(floats[x.Name])
			}
		}
		return kernels.Float(build(in))
	}
	return c
}

// roundHalf rounds to the nearest half, ties to even; numbers beyond 65504 are not in use.
func roundHalf(v float32) float32 {
	if math.Abs(float64(v)) < 0x1p-14 {
		return float32(math.RoundToEven(float64(v)*0x1p24) * 0x1p-24)
	}
	b := math.Float32bits(v)
	return math.Float32frombits((b + 0xfff + b>>13&1) &^ 0x1fff)
}
