package onnxexec

import (
	"fmt"
	"math"
	"slices"
)

func add(a, b float32) float32 { return a + b }
func sub(a, b float32) float32 { return a - b }
func mul(a, b float32) float32 { return a * b }
func div(a, b float32) float32 { return a / b }

func relu(x float64) float64    { return max(x, 0) }
func sqrt(x float64) float64    { return math.Sqrt(x) }
func exp(x float64) float64     { return math.Exp(x) }
func tanh(x float64) float64    { return math.Tanh(x) }
func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
func erf(x float64) float64     { return math.Erf(x) }
func neg(x float64) float64     { return -x }
func abs(x float64) float64     { return math.Abs(x) }

// unary returns the kernel Y = f(X), element by element.
func unary(f func(float64) float64) kernel {
	return func(c *call) (*array, error) {
		x := c.in[0]
		y := &array{shape: x.shape, f: make([]float32, len(x.f))}
		for i, v := range x.f {
			y.f[i] = float32(f(float64(v)))
		}
		return y, nil
	}
}

// binary returns the kernel C = f(A, B), element by element, with broadcasting.
func binary(f func(a, b float32) float32) kernel {
	return func(c *call) (*array, error) {
		a, b := c.in[0], c.in[1]
		shape, sa, sb, err := broadcast(a.shape, b.shape)
		if err != nil {
			return nil, err
		}
		y := &array{shape: shape, f: make([]float32, product(shape))}
		if slices.Equal(a.shape, b.shape) {
			for i, v := range a.f {
				y.f[i] = f(v, b.f[i])
			}
			return y, nil
		}
		at := 0
		walk(shape, sa, sb, func(i, j int) {
			y.f[at] = f(a.f[i], b.f[j])
			at++
		})
		return y, nil
	}
}

// broadcast returns the common shape of a and b (numpy's rule: aligned at the end, a dimension of 1 repeats), and the strides of each
// operand along it.
func broadcast(a, b []int) (shape, sa, sb []int, err error) {
	rank := max(len(a), len(b))
	shape, sa, sb = make([]int, rank), make([]int, rank), make([]int, rank)
	fa, fb := strides(a), strides(b)
	for d := range rank {
		na, nb := 1, 1
		if k := d - rank + len(a); k >= 0 {
			if na = a[k]; na != 1 {
				sa[d] = fa[k]
			}
		}
		if k := d - rank + len(b); k >= 0 {
			if nb = b[k]; nb != 1 {
				sb[d] = fb[k]
			}
		}
		if na != nb && na != 1 && nb != 1 {
			return nil, nil, nil, fmt.Errorf("dims %v and %v do not broadcast", a, b)
		}
		shape[d] = max(na, nb)
	}
	return shape, sa, sb, nil
}

// clip computes Y = min(max(X, lo), hi) with scalars lo and hi. An omitted one is no bound.
func clip(c *call) (*array, error) {
	lo, hi := math.Inf(-1), math.Inf(1)
	for i, bound := range []*float64{&lo, &hi} {
		if v := c.input(i + 1); v != nil {
			if len(v.f) != 1 {
				return nil, fmt.Errorf("bound %v: want a scalar", v.shape)
			}
			*bound = float64(v.f[0])
		}
	}
	return unary(func(x float64) float64 { return min(max(x, lo), hi) })(c)
}

// batchNorm computes Y = scale·(X − mean)/√(var + epsilon) + B, where each of the four has one number per channel; X [N C …]. Batch statistics
// (training_mode 1) are not supported.
func batchNorm(c *call) (*array, error) {
	x := c.in[0]
	if c.int("training_mode", 0) != 0 {
		return nil, fmt.Errorf("training_mode 1 is not supported: export for inference")
	}
	if len(x.shape) < 2 {
		return nil, fmt.Errorf("X %v: want [N C …]", x.shape)
	}
	ch := x.shape[1]
	for i, name := range []string{"scale", "B", "mean", "var"} {
		if p := c.in[i+1]; len(p.f) != ch {
			return nil, fmt.Errorf("%s %v: want [%d] for X %v", name, p.shape, x.shape, ch)
		}
	}
	scale, shift, mean, variance, eps := c.in[1].f, c.in[2].f, c.in[3].f, c.in[4].f, c.float("epsilon", 1e-5)
	y := &array{shape: x.shape, f: make([]float32, len(x.f))}
	plane := product(x.shape[2:])
	parallel(x.shape[0]*ch, func(i int, _ *[]float64) {
		k := i % ch
		m, s, b := float64(mean[k]), float64(scale[k])/math.Sqrt(float64(variance[k])+eps), float64(shift[k])
		dst := y.f[i*plane:][:plane]
		for j, v := range x.f[i*plane:][:plane] {
			dst[j] = float32((float64(v)-m)*s + b)
		}
	})
	return y, nil
}

// instanceNorm computes Y = scale·(X − μ)/√(σ² + epsilon) + B, with μ and σ² (biased) of each channel of each image; X [N C …].
func instanceNorm(c *call) (*array, error) {
	x := c.in[0]
	if len(x.shape) < 3 {
		return nil, fmt.Errorf("X %v: want [N C …]", x.shape)
	}
	ch := x.shape[1]
	for i, name := range []string{"scale", "B"} {
		if p := c.in[i+1]; len(p.f) != ch {
			return nil, fmt.Errorf("%s %v: want [%d] for X %v", name, p.shape, x.shape, ch)
		}
	}
	y := &array{shape: x.shape, f: make([]float32, len(x.f))}
	plane, eps := product(x.shape[2:]), c.float("epsilon", 1e-5)
	parallel(x.shape[0]*ch, func(i int, _ *[]float64) {
		src := x.f[i*plane:][:plane]
		mean, variance := moments(src)
		s, b := float64(c.in[1].f[i%ch])/math.Sqrt(variance+eps), float64(c.in[2].f[i%ch])
		for j, v := range src {
			y.f[i*plane+j] = float32((float64(v)-mean)*s + b)
		}
	})
	return y, nil
}

// moments returns mean and variance (biased) of v.
func moments(v []float32) (mean, variance float64) {
	n := float64(len(v))
	for _, e := range v {
		mean += float64(e) / n
	}
	for _, e := range v {
		variance += (float64(e) - mean) * (float64(e) - mean) / n
	}
	return mean, variance
}

// layerNorm computes Y = Scale·(X − μ)/√(σ² + epsilon) + B, with μ and σ² (biased) over the axes from `axis` on. Scale and B, which may be omitted, have
// the shape of those axes.
func layerNorm(c *call) (*array, error) {
	x := c.in[0]
	ax, err := axis(c.int("axis", -1), len(x.shape))
	if err != nil {
		return nil, err
	}
	width, shift := product(x.shape[ax:]), make([]float32, product(x.shape[ax:]))
	if b := c.input(2); b != nil {
		shift = b.f
	}
	if len(c.in[1].f) != width || len(shift) != width {
		return nil, fmt.Errorf("Scale %v and B of %d elements: want %v for X %v and axis %d", c.in[1].shape, len(shift), x.shape[ax:], x.shape, ax)
	}
	y, eps := &array{shape: x.shape, f: make([]float32, len(x.f))}, c.float("epsilon", 1e-5)
	parallel(len(x.f)/width, func(i int, _ *[]float64) {
		src := x.f[i*width:][:width]
		mean, variance := moments(src)
		for j, v := range src {
			y.f[i*width+j] = float32((float64(v)-mean)/math.Sqrt(variance+eps)*float64(c.in[1].f[j]) + float64(shift[j]))
		}
	})
	return y, nil
}

// softmax computes Y = exp(X)/Σ exp(X) along an axis, after subtracting the largest element.
func softmax(c *call) (*array, error) {
	x := c.in[0]
	ax, err := axis(c.int("axis", -1), len(x.shape))
	if err != nil {
		return nil, err
	}
	n, inner := x.shape[ax], product(x.shape[ax+1:])
	y := &array{shape: x.shape, f: make([]float32, len(x.f))}
	for row := range len(x.f) / n {
		at := row/inner*n*inner + row%inner
		top, sum := math.Inf(-1), 0.0
		for k := range n {
			top = max(top, float64(x.f[at+k*inner]))
		}
		for k := range n {
			sum += math.Exp(float64(x.f[at+k*inner]) - top)
		}
		for k := range n {
			y.f[at+k*inner] = float32(math.Exp(float64(x.f[at+k*inner])-top) / sum)
		}
	}
	return y, nil
}
