package onnxexec

import (
	"fmt"
	"slices"

	"gorgonia.org/tensor"
)

// constant returns the tensor in the attribute value.
func constant(c *call) (*array, error) {
	t, ok := c.attrs["value"].(tensor.Tensor)
	if !ok {
		return nil, fmt.Errorf("the attribute value holds no tensor")
	}
	return fromTensor(t)
}

func identity(c *call) (*array, error) { return c.in[0], nil }

// shapeOf returns the dims of X.
func shapeOf(c *call) (*array, error) {
	y := &array{shape: []int{len(c.in[0].shape)}}
	for _, d := range c.in[0].shape {
		y.i = append(y.i, int64(d))
	}
	return y, nil
}

// flatten reshapes X to a matrix: the dimensions before axis become the rows, the others the columns.
func flatten(c *call) (*array, error) {
	x, k := c.in[0], c.int("axis", 1)
	if k < 0 {
		k += len(x.shape)
	}
	if k < 0 || k > len(x.shape) {
		return nil, fmt.Errorf("axis %d of a value of rank %d", c.int("axis", 1), len(x.shape))
	}
	return x.reshaped(product(x.shape[:k]), product(x.shape[k:])), nil
}

// reshape gives X the dims in its second input. 0 keeps the dimension of X at that position, unless allowzero is set; one −1 is inferred.
func reshape(c *call) (*array, error) {
	x, want := c.in[0], toInts(c.in[1].i)
	open, known := -1, 1
	for i, d := range want {
		if d == 0 && c.int("allowzero", 0) == 0 && i < len(x.shape) {
			want[i] = x.shape[i]
		}
		switch {
		case d == -1 && open < 0:
			open = i
			continue
		case want[i] < 1:
			return nil, fmt.Errorf("dims %v for a value of dims %v", c.in[1].i, x.shape)
		}
		known *= want[i]
	}
	total := product(x.shape)
	if open >= 0 && total%known == 0 {
		want[open] = total / known
	}
	if product(want) != total {
		return nil, fmt.Errorf("dims %v for a value of dims %v: %d elements", c.in[1].i, x.shape, total)
	}
	return x.reshaped(want...), nil
}

// squeeze drops the named dimensions, by default all dimensions of 1.
func squeeze(c *call) (*array, error) {
	x := c.in[0]
	var axes []int
	if named := c.input(1); named != nil {
		axes = toInts(named.i)
	} else {
		for d, n := range x.shape {
			if n == 1 {
				axes = append(axes, d)
			}
		}
	}
	drop, err := axisSet(axes, len(x.shape))
	if err != nil {
		return nil, err
	}
	shape := []int{}
	for d, n := range x.shape {
		if !drop[d] {
			shape = append(shape, n)
		} else if n != 1 {
			return nil, fmt.Errorf("axis %d of dims %v is not 1", d, x.shape)
		}
	}
	return x.reshaped(shape...), nil
}

// unsqueeze inserts dimensions of 1 at the named axes of the result.
func unsqueeze(c *call) (*array, error) {
	x, axes := c.in[0], toInts(c.in[1].i)
	rank := len(x.shape) + len(axes)
	set, err := axisSet(axes, rank)
	if err != nil {
		return nil, err
	}
	shape, rest := []int{}, x.shape
	for d := range rank {
		if set[d] {
			shape = append(shape, 1)
		} else {
			shape, rest = append(shape, rest[0]), rest[1:]
		}
	}
	return x.reshaped(shape...), nil
}

// transpose returns Y whose dimension d is dimension perm[d] of X. The default perm reverses the order.
func transpose(c *call) (*array, error) {
	x, perm := c.in[0], c.ints("perm")
	rank := len(x.shape)
	if perm == nil {
		for d := rank - 1; d >= 0; d-- {
			perm = append(perm, d)
		}
	}
	if set, err := axisSet(perm, rank); err != nil || len(set) != rank {
		return nil, fmt.Errorf("perm %v for dims %v: want each of the %d axes once", perm, x.shape, rank)
	}
	from, to, shape := strides(x.shape), make([]int, rank), make([]int, rank)
	for d, p := range perm {
		to[d], shape[d] = from[p], x.shape[p]
	}
	y, err := zeros(shape...)
	if err != nil {
		return nil, err
	}
	walk(shape, strides(shape), to, func(i, j int) { y.f[i] = x.f[j] })
	return y, nil
}

// concat joins values along axis. Their other dimensions must be equal.
func concat(c *call) (*array, error) {
	if _, ok := c.attrs["axis"]; !ok {
		return nil, fmt.Errorf("attribute axis is missing")
	}
	ax, err := axis(c.int("axis", 0), len(c.in[0].shape))
	if err != nil {
		return nil, err
	}
	shape := slices.Clone(c.in[0].shape)
	for _, a := range c.in[1:] {
		if len(a.shape) != len(shape) || !slices.Equal(a.shape[:ax], shape[:ax]) || !slices.Equal(a.shape[ax+1:], shape[ax+1:]) {
			return nil, fmt.Errorf("dims %v and %v differ beyond axis %d", c.in[0].shape, a.shape, ax)
		}
		shape[ax] += a.shape[ax]
	}
	y, err := zeros(shape...)
	if err != nil {
		return nil, err
	}
	at := 0
	for row := range product(shape[:ax]) {
		for _, a := range c.in {
			n := product(a.shape[ax:])
			at += copy(y.f[at:], a.f[row*n:(row+1)*n])
		}
	}
	return y, nil
}

// pad surrounds X with a constant, by default 0. pads has the numbers before each axis, then those behind each.
func pad(c *call) (*array, error) {
	x, pads := c.in[0], toInts(c.in[1].i)
	rank, value := len(x.shape), float32(0)
	if mode, ok := c.attrs["mode"].(string); ok && mode != "constant" {
		return nil, fmt.Errorf("mode %s is not supported", mode)
	}
	if len(pads) != 2*rank || slices.Min(pads) < 0 {
		return nil, fmt.Errorf("pads %v for X %v: want two for each axis, at least 0", pads, x.shape)
	}
	if v := c.input(2); v != nil {
		value = v.f[0]
	}
	shape, at := make([]int, rank), 0
	for d, n := range x.shape {
		shape[d] = pads[d] + n + pads[rank+d]
	}
	to := strides(shape)
	for d := range rank {
		at += pads[d] * to[d]
	}
	y := &array{shape: shape, f: slices.Repeat([]float32{value}, product(shape))}
	walk(x.shape, strides(x.shape), to, func(i, j int) { y.f[at+j] = x.f[i] })
	return y, nil
}

// slice returns the part of X from starts to ends along axes, by default the first ones. Numbers below 0 count from the end. Steps other than 1 are not
// supported.
func slice(c *call) (*array, error) {
	x, starts, ends := c.in[0], toInts(c.in[1].i), toInts(c.in[2].i)
	axes := make([]int, len(starts))
	for i := range axes {
		axes[i] = i
	}
	if a := c.input(3); a != nil {
		axes = toInts(a.i)
	}
	if s := c.input(4); s != nil && slices.ContainsFunc(s.i, func(v int64) bool { return v != 1 }) {
		return nil, fmt.Errorf("steps %v are not supported", s.i)
	}
	if _, err := axisSet(axes, len(x.shape)); err != nil || len(ends) != len(starts) || len(axes) != len(starts) {
		return nil, fmt.Errorf("starts %v, ends %v, axes %v for X %v: want as many of each, every axis once", starts, ends, axes, x.shape)
	}
	shape, from, at := slices.Clone(x.shape), strides(x.shape), 0
	for i, d := range axes {
		d = (d + len(shape)) % len(shape)
		place := func(v int) int {
			if v < 0 {
				v += x.shape[d]
			}
			return min(max(v, 0), x.shape[d])
		}
		first := place(starts[i])
		shape[d], at = place(ends[i])-first, at+first*from[d]
	}
	if slices.Min(shape) < 1 {
		return nil, fmt.Errorf("the result would have dims %v", shape)
	}
	y := &array{shape: shape}
	walk(shape, from, from, func(i, _ int) {
		if x.f != nil {
			y.f = append(y.f, x.f[at+i])
		} else {
			y.i = append(y.i, x.i[at+i])
		}
	})
	return y, nil
}

// gather returns the parts of X that its second input numbers along axis; that input's dimensions take the axis' place. A negative number counts from
// the end.
func gather(c *call) (*array, error) {
	x, indices := c.in[0], c.in[1]
	ax, err := axis(c.int("axis", 0), len(x.shape))
	if err != nil {
		return nil, err
	}
	y, err := zeros(slices.Concat(x.shape[:ax], indices.shape, x.shape[ax+1:])...)
	if err != nil {
		return nil, err
	}
	at, n, inner := 0, x.shape[ax], product(x.shape[ax+1:])
	for outer := range product(x.shape[:ax]) {
		for _, k := range indices.i {
			if k < int64(-n) || k >= int64(n) {
				return nil, fmt.Errorf("index %d along axis %d of dims %v", k, ax, x.shape)
			}
			from := (outer*n + (int(k)+n)%n) * inner
			at += copy(y.f[at:], x.f[from:from+inner])
		}
	}
	return y, nil
}
