package onnxexec

import (
	"fmt"
	"math"
	"slices"
)

// slide computes each output pixel of each plane of X [N C H W] by reduce, whose arguments are the pixels of the image under the window,
// and the number of those and of padding pixels.
func slide(c *call, reduce func(under []float32, padded int) float32) (*array, error) {
	x := c.in[0]
	if len(x.shape) != 4 {
		return nil, fmt.Errorf("X %v: want [N C H W]", x.shape)
	}
	h, w := x.shape[2], x.shape[3]
	win, err := newWindow(c, h, w, nil)
	if err != nil {
		return nil, err
	}
	if max(win.top, win.bottom) >= win.dh*(win.kh-1)+1 || max(win.left, win.right) >= win.dw*(win.kw-1)+1 {
		return nil, fmt.Errorf("pads %v: they must be smaller than the kernel, so that no window covers padding alone", c.ints("pads"))
	}
	y, err := zeros(x.shape[0], x.shape[1], win.oh, win.ow)
	if err != nil {
		return nil, err
	}
	parallel(x.shape[0]*x.shape[1], func(p int, _ *[]float64) {
		plane, out := x.f[p*h*w:][:h*w], y.f[p*win.oh*win.ow:][:win.oh*win.ow]
		under := make([]float32, 0, win.kh*win.kw)
		for i := range out {
			y0, x0, padded := i/win.ow*win.sh-win.top, i%win.ow*win.sw-win.left, 0
			under = under[:0]
			for r := y0; r < y0+win.kh*win.dh; r += win.dh {
				for q := x0; q < x0+win.kw*win.dw; q += win.dw {
					if r < h+win.bottom && q < w+win.right {
						padded++
					}
					if r >= 0 && r < h && q >= 0 && q < w {
						under = append(under, plane[r*w+q])
					}
				}
			}
			out[i] = reduce(under, padded)
		}
	})
	return y, nil
}

// maxPool computes the largest pixel under the window, without padding.
func maxPool(c *call) (*array, error) {
	if c.int("storage_order", 0) != 0 {
		return nil, fmt.Errorf("storage_order 1 is not supported")
	}
	return slide(c, func(under []float32, _ int) float32 {
		m := float32(math.Inf(-1))
		for _, v := range under {
			m = max(m, v)
		}
		return m
	})
}

// averagePool computes the mean of the pixels under the window; with count_include_pad it includes the padding as zeros.
func averagePool(c *call) (*array, error) {
	include := c.int("count_include_pad", 0) != 0
	return slide(c, func(under []float32, padded int) float32 {
		s, n := 0.0, len(under)
		for _, v := range under {
			s += float64(v)
		}
		if include {
			n = padded
		}
		return float32(s / float64(n))
	})
}

// globalAveragePool computes the mean over all but the first two dimensions: X [N C …] → [N C 1 …].
func globalAveragePool(c *call) (*array, error) {
	x := c.in[0]
	if len(x.shape) < 3 {
		return nil, fmt.Errorf("X %v: want [N C …] with at least three dimensions", x.shape)
	}
	axes := []int{}
	for d := 2; d < len(x.shape); d++ {
		axes = append(axes, d)
	}
	return mean(x, axes, true)
}

// reduceMean computes the mean over axes, by default all of them. They remain as dimensions of 1 unless keepdims is 0.
func reduceMean(c *call) (*array, error) {
	axes := c.ints("axes")
	if axes == nil {
		for d := range c.in[0].shape {
			axes = append(axes, d)
		}
	}
	return mean(c.in[0], axes, c.int("keepdims", 1) != 0)
}

func mean(x *array, axes []int, keep bool) (*array, error) {
	drop, err := axisSet(axes, len(x.shape))
	if err != nil {
		return nil, err
	}
	full, short, count := slices.Clone(x.shape), []int{}, 1
	for d, n := range x.shape {
		if drop[d] {
			full[d], count = 1, count*n
		} else {
			short = append(short, n)
		}
	}
	if keep {
		short = full
	}
	sums := make([]float64, product(full))
	to := strides(full)
	for d := range to {
		if drop[d] {
			to[d] = 0
		}
	}
	walk(x.shape, strides(x.shape), to, func(i, j int) { sums[j] += float64(x.f[i]) })
	y, err := zeros(short...)
	if err != nil {
		return nil, err
	}
	for i, s := range sums {
		y.f[i] = float32(s / float64(count))
	}
	return y, nil
}
