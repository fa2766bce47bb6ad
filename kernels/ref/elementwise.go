package ref

import (
	"math"
	"slices"
)

// ReLU is y = max(x, 0), any shape. Its gradient at 0 is 0, as in PyTorch.
func ReLU(x *Tensor) *Tensor {
	return mapped(x, func(v float64) float64 { return max(v, 0) })
}

// GELU is y = x·Φ(x), any shape, Φ(x) = ½(1 + erf(x/√2)). Source: Hendrycks and Gimpel 2016, arXiv:1606.08415, as torch.nn.functional.gelu.
func GELU(x *Tensor) *Tensor {
	return mapped(x, func(v float64) float64 { return v * math.Erfc(-v/math.Sqrt2) / 2 })
}

// Add is y = a + b over one shape.
func Add(a, b *Tensor) *Tensor {
	sameShape("Add", a, b)
	return AddScaled(a, b, 1)
}

// AddScaled is y = a + s·b over one shape.
func AddScaled(a, b *Tensor, s float64) *Tensor {
	sameShape("AddScaled", a, b)
	y := New(a.Shape...)
	for i, v := range a.Data {
		y.Data[i] = v + s*b.Data[i]
	}
	return y
}

// Scale is y = s·x, any shape.
func Scale(x *Tensor, s float64) *Tensor {
	return mapped(x, func(v float64) float64 { return s * v })
}

// Bias is y[.., k] = x[.., k] + b[k]: x [.. K], b [K].
func Bias(x, b *Tensor) *Tensor {
	wantShape("Bias", "b", b, x.Last())
	y := New(x.Shape...)
	for i, v := range x.Data {
		y.Data[i] = v + b.Data[i%len(b.Data)]
	}
	return y
}

// ScaleColumns is y[.., k] = s[k] · x[.., k]: x [.. K], s [K].
func ScaleColumns(x, s *Tensor) *Tensor {
	wantShape("ScaleColumns", "s", s, x.Last())
	y := New(x.Shape...)
	for i, v := range x.Data {
		y.Data[i] = v * s.Data[i%len(s.Data)]
	}
	return y
}

// Concat joins tensors along the first axis: x_i [N_i ..] to y [ΣN_i ..].
func Concat(xs ...*Tensor) *Tensor {
	n, data := 0, []float64(nil)
	for _, x := range xs {
		if !slices.Equal(x.Shape[1:], xs[0].Shape[1:]) {
			fail("Concat", "shapes differ behind the first axis", xs[0], x)
		}
		n += x.Shape[0]
		data = append(data, x.Data...)
	}
	return From(data, append([]int{n}, xs[0].Shape[1:]...)...)
}

// Slice returns x[from:to] along the first axis: x [N ..] to y [to−from ..].
func Slice(x *Tensor, from, to int) *Tensor {
	if from < 0 || to < from || to > x.Shape[0] {
		fail("Slice", "range outside the first axis (x, from, to)", x, from, to)
	}
	inner := volume(x.Shape[1:])
	return From(slices.Clone(x.Data[from*inner:to*inner]), append([]int{to - from}, x.Shape[1:]...)...)
}

// Reshape is x in another shape of as many elements, in row-major order.
func Reshape(x *Tensor, shape ...int) *Tensor { return From(slices.Clone(x.Data), shape...) }
