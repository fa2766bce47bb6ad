package onnxexec

import (
	"fmt"
	"slices"
)

// rowDots writes c[i·ldc + j] = bias[i] + Σ_t a[i·k + t]·b[j·k + t] for i < m and j < n, summed in float64. a is [m k], b is [n k]. It
// reads four rows of a and two of b at a time, which keeps the sums in registers. A nil bias is 0.
func rowDots(c []float32, ldc int, a, b, bias []float64, m, n, k int) {
	i := 0
	for ; i+4 <= m; i += 4 {
		a0, a1, a2, a3 := a[i*k:][:k], a[(i+1)*k:][:k], a[(i+2)*k:][:k], a[(i+3)*k:][:k]
		c0, c1, c2, c3 := c[i*ldc:][:n], c[(i+1)*ldc:][:n], c[(i+2)*ldc:][:n], c[(i+3)*ldc:][:n]
		var z0, z1, z2, z3 float64
		if bias != nil {
			z0, z1, z2, z3 = bias[i], bias[i+1], bias[i+2], bias[i+3]
		}
		j := 0
		for ; j+2 <= n; j += 2 {
			x, y := dots4x2(a0, a1, a2, a3, b[j*k:][:k], b[(j+1)*k:][:k])
			c0[j], c1[j], c2[j], c3[j] = float32(x[0]+z0), float32(x[1]+z1), float32(x[2]+z2), float32(x[3]+z3)
			c0[j+1], c1[j+1], c2[j+1], c3[j+1] = float32(y[0]+z0), float32(y[1]+z1), float32(y[2]+z2), float32(y[3]+z3)
		}
		for ; j < n; j++ {
			r := b[j*k:][:k]
			c0[j], c1[j], c2[j], c3[j] = float32(dot(a0, r)+z0), float32(dot(a1, r)+z1), float32(dot(a2, r)+z2), float32(dot(a3, r)+z3)
		}
	}
	for ; i < m; i++ {
		z, row := 0.0, a[i*k:][:k]
		if bias != nil {
			z = bias[i]
		}
		for j := range n {
			c[i*ldc+j] = float32(dot(row, b[j*k:][:k]) + z)
		}
	}
}

func dots4x2(a0, a1, a2, a3, b0, b1 []float64) (x, y [4]float64) {
	var x0, x1, x2, x3, y0, y1, y2, y3 float64
	n := len(a0)
	a1, a2, a3, b0, b1 = a1[:n], a2[:n], a3[:n], b0[:n], b1[:n]
	for t, p := range a0 {
		u, v := b0[t], b1[t]
		x0 += p * u
		y0 += p * v
		p = a1[t]
		x1 += p * u
		y1 += p * v
		p = a2[t]
		x2 += p * u
		y2 += p * v
		p = a3[t]
		x3 += p * u
		y3 += p * v
	}
	return [4]float64{x0, x1, x2, x3}, [4]float64{y0, y1, y2, y3}
}

func dot(a, b []float64) float64 {
	s := 0.0
	b = b[:len(a)]
	for i, v := range a {
		s += v * b[i]
	}
	return s
}

// widen returns v in float64.
func widen(v []float32) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = float64(x)
	}
	return out
}

// widenRows returns the first matrix of v, [rows cols], in float64, or its transpose [cols rows].
func widenRows(v []float32, rows, cols int, transposed bool) []float64 {
	if !transposed {
		return widen(v[:rows*cols])
	}
	out := make([]float64, rows*cols)
	for r := range rows {
		for c := range cols {
			out[c*rows+r] = float64(v[r*cols+c])
		}
	}
	return out
}

// rowBlock is the number of rows of a product that a worker computes at a time.
const rowBlock = 16

// product2 computes y [m n] = a [m k] · bᵀ [k n] from b [n k].
func product2(y []float32, a, b []float64, m, n, k int) {
	parallel((m+rowBlock-1)/rowBlock, func(i int, _ *[]float64) {
		lo := i * rowBlock
		hi := min(lo+rowBlock, m)
		rowDots(y[lo*n:hi*n], n, a[lo*k:hi*k], b, nil, hi-lo, n, k)
	})
}

// gemm computes Y = alpha·A'·B' + beta·C. A' [M K] and B' [K N] are A and B, or their transposes if transA or transB is 1. C broadcasts
// to [M N].
func gemm(c *call) (*array, error) {
	a, b := c.in[0], c.in[1]
	if len(a.shape) != 2 || len(b.shape) != 2 {
		return nil, fmt.Errorf("A %v and B %v: want matrices", a.shape, b.shape)
	}
	transA, transB := c.int("transA", 0) != 0, c.int("transB", 0) != 0
	m, k := a.shape[0], a.shape[1]
	if transA {
		m, k = k, m
	}
	kb, n := b.shape[0], b.shape[1]
	if transB {
		kb, n = n, kb
	}
	if k != kb {
		return nil, fmt.Errorf("A %v (transA %v) and B %v (transB %v): inner sizes %d and %d differ", a.shape, transA, b.shape, transB, k, kb)
	}
	y, err := zeros(m, n)
	if err != nil {
		return nil, err
	}
	product2(y.f, widenRows(a.f, a.shape[0], a.shape[1], transA), widenRows(b.f, b.shape[0], b.shape[1], !transB), m, n, k)
	alpha, beta, bias := c.float("alpha", 1), c.float("beta", 1), c.input(2)
	if bias == nil {
		for i, v := range y.f {
			y.f[i] = float32(alpha * float64(v))
		}
		return y, nil
	}
	shape, sy, sc, err := broadcast(y.shape, bias.shape)
	if err != nil || !slices.Equal(shape, y.shape) {
		return nil, fmt.Errorf("C %v does not broadcast to %v", bias.shape, y.shape)
	}
	walk(y.shape, sy, sc, func(i, j int) { y.f[i] = float32(alpha*float64(y.f[i]) + beta*float64(bias.f[j])) })
	return y, nil
}

// matMul computes numpy's matmul for operands of rank 2 and more: the last two dimensions are matrices, the others broadcast.
func matMul(c *call) (*array, error) {
	a, b := c.in[0], c.in[1]
	ra, rb := len(a.shape), len(b.shape)
	if ra < 2 || rb < 2 || a.shape[ra-1] != b.shape[rb-2] {
		return nil, fmt.Errorf("A %v and B %v: want [… M K] and [… K N]", a.shape, b.shape)
	}
	m, k, n := a.shape[ra-2], a.shape[ra-1], b.shape[rb-1]
	batch, sa, sb, err := broadcast(a.shape[:ra-2], b.shape[:rb-2])
	if err != nil {
		return nil, err
	}
	y, err := zeros(append(slices.Clone(batch), m, n)...)
	if err != nil {
		return nil, err
	}
	at := 0
	walk(batch, sa, sb, func(i, j int) {
		product2(y.f[at:at+m*n], widenRows(a.f[i*m*k:], m, k, false), widenRows(b.f[j*k*n:], k, n, true), m, n, k)
		at += m * n
	})
	return y, nil
}
