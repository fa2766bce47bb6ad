package optest

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/marr-ssl/marr/kernels/ref"
	"github.com/marr-ssl/marr/kernels/ref/golden"
)

const (
	// referenceTolerance: both sides compute in float64 from the same numbers; the file has nine digits (5e-10), sums are rounded (1e-14).
	referenceTolerance = 1e-8
	// gradientTolerance: central differences with step 1e-5 of the input's range leave 1e-10 of a third derivative that reaches 3e3 at
	// temperature 0.07, and 1e-16 ÷ 1e-5 of rounding: about 1e-7 at worst.
	gradientTolerance = 1e-6
)

// CheckReferences compares the ops' references with PyTorch, for every case of the golden files: outputs, and central differences with PyTorch's
// gradients. Agreement of the latter proves both the derivatives that kernels are tested with and the gradients in the files.
func CheckReferences(ops []Op, paths ...string) (failures []Failure, err error) {
	cases, err := loadGolden(ops, paths)
	if err != nil {
		return nil, err
	}
	for _, c := range cases {
		failures = append(failures, CompareOutputs(c.want, c.outputs(c.values(c.draw())))...)
		failures = append(failures, c.checkGradients()...)
	}
	return failures, nil
}

// outputs returns all outputs of the reference by their names in the file.
func (c goldenCase) outputs(in Values) map[string]*ref.Tensor {
	out := map[string]*ref.Tensor{}
	if c.op.More != nil {
		maps.Copy(out, c.op.More(in))
	}
	if c.Ref != nil {
		out[c.result().Name] = c.Ref(in)
	}
	return out
}

// CompareOutputs compares a reference's outputs with PyTorch's.
func CompareOutputs(c *golden.Case, got map[string]*ref.Tensor) (failures []Failure) {
	if len(got) != len(c.Outputs) {
		failures = append(failures, Failure{Case: c.Name, Check: "forward", Message: fmt.Sprintf("%d outputs, want %d", len(got), len(c.Outputs))})
	}
	for _, want := range c.Outputs {
		out := got[want.Name]
		if out == nil || !slices.Equal(out.Shape, want.Shape) {
			failures = append(failures, Failure{Case: c.Name, Check: want.Name, Message: fmt.Sprintf("got %v, want shape %v", out, want.Shape)})
		} else if d := want.Distance(out.Data); !(d <= referenceTolerance) {
			failures = append(failures, fromPyTorch(c, want.Name, d, referenceTolerance))
		}
	}
	return failures
}

func fromPyTorch(c *golden.Case, check string, d, tolerance float64) Failure {
	return Failure{c.Name, "", check, Distance(d), tolerance, fmt.Sprintf("%.2g from PyTorch, want at most %g", d, tolerance)}
}

func (c goldenCase) checkGradients() (failures []Failure) {
	in, cotangents := c.values(c.draw()), map[string]*ref.Tensor{}
	for _, s := range c.want.Cotangents {
		cotangents[s.Of] = ref.FromFloat32(c.want.Values(s), s.Shape...)
	}
	loss := func() (sum float64) {
		out := c.outputs(in)
		for name, r := range cotangents {
			sum += ref.Dot(r, out[name])
		}
		return sum
	}
	for _, want := range c.want.Grads {
		spec := c.want.Inputs[slices.IndexFunc(c.want.Inputs, func(s golden.Spec) bool { return s.Name == want.Name })]
		h := differenceStep * (spec.Hi - spec.Lo) / 2
		if d := gradientDistance(want, in.T(want.Name).Data, h, loss); !(d <= gradientTolerance) {
			failures = append(failures, fromPyTorch(c.want, "gradient of "+want.Name, d, gradientTolerance))
		}
	}
	return failures
}

// gradientDistance returns the relative error of f's central differences: along every axis if the gradient is stored in full, else along its
// projections.
func gradientDistance(want *golden.Result, x []float64, h float64, f func() float64) float64 {
	if want.Full() {
		got, axis := make([]float64, len(x)), make([]float64, len(x))
		for i := range x {
			axis[i] = 1
			got[i] = directional(x, axis, h, f)
			axis[i] = 0
		}
		return want.Distance(got)
	}
	sum := 0.0
	for j, p := range want.Proj {
		d := directional(x, want.Signs(j), h, f) - p
		sum += d * d / float64(len(want.Proj))
	}
	return math.Sqrt(sum) / want.Norm
}

// directional returns (f(x+h·v) − f(x−h·v)) / 2h and restores x.
func directional(x, v []float64, h float64, f func() float64) float64 {
	at, sides := slices.Clone(x), [2]float64{}
	for side, sign := range []float64{1, -1} {
		for i := range x {
			x[i] = at[i] + sign*h*v[i]
		}
		sides[side] = f()
	}
	copy(x, at)
	return (sides[0] - sides[1]) / (2 * h)
}
